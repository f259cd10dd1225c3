// The guessing game: a reader and a model predict each hidden token of a text, and their predictions are scored alike.

/** @typedef {import("./pkg/index.js").Score} Score */
/**
 * @typedef {object} Round a token that was guessed
 * @property {number} index of the token in the text
 * @property {string} text of the token
 * @property {boolean} right whether the reader guessed it
 * @property {number} bits the reader's surprise
 * @property {number} modelBits the model's
 * @property {boolean} modelRight whether it was the model's likeliest token
 */

/** The share of a text that is shown before the first guess: as many tokens at most. */
const OPENING = 8;

/** Texts that are hidden from the reader until they are guessed. */
export const TEXTS = [
  'Once upon a time, there was a small owl named Otto who was afraid of the dark. Every evening he asked his mother to stay awake with him. One night the moon came out and said, "I will keep a light on for you." From then on Otto was not afraid any more.',
  'It was raining, so Anna stayed in the house all day. She wanted to bake a cake, but there were no eggs left. She put on her boots and went to the neighbour next door. "Of course," said the old man, "you can have mine, if I can have a piece of the cake."',
  "The last train had left an hour ago, and the station was empty. Tom sat down on a bench and looked at the clock. He had no money, no phone, and nobody to call. Then he heard a dog bark somewhere behind him, and a voice that he knew.",
];

/** A game over one text. */
export class GuessGame {
  #score;
  #vocabulary;
  #next;
  /** @type {Round[]} */
  rounds = [];

  /**
   * @param {Pick<Score, "ids" | "texts" | "nll" | "top_logprobs">} score the model's, of the whole text
   * @param {number} vocabulary the number of tokens that the model chooses from
   */
  constructor(score, vocabulary) {
    this.#score = score;
    this.#vocabulary = vocabulary;
    // The first token is given: nothing comes before it.
    this.#next = Math.max(1, Math.min(OPENING, Math.floor(score.texts.length / 2)));
    this.#passOver();
  }

  /**
   * Passes over tokens that nobody can type: white space, and parts of characters. Of these the last has the character's
   * text, but the model knows its beginning.
   */
  #passOver() {
    const { texts } = this.#score;
    const isHard = (/** @type {number} */ at) => texts[at].trim() === "" || texts[at - 1] === "";
    while (!this.isOver && isHard(this.#next)) this.#next += 1;
  }

  /** The index of the token that is to be guessed. */
  get next() {
    return this.#next;
  }

  /** Whether all tokens have been guessed. */
  get isOver() {
    return this.#next >= this.#score.texts.length;
  }

  /**
   * Takes the reader's guess of the hidden token. The reader's prediction shares `stake` evenly among the words, and the
   * rest evenly among all other tokens; the surprise is −log₂ of what it gives the real token (Shannon, A Mathematical
   * Theory of Communication, 1948).
   *
   * @param {string} typed one word, or several with commas between them
   * @param {number} stake how sure the reader is, between 0 and 1
   * @returns {Round}
   */
  guess(typed, stake) {
    const index = this.#next;
    const { ids, texts, nll, top_logprobs = [] } = this.#score;
    const rest = texts.slice(index).join("");
    const fits = (/** @type {string} */ word) => begins(rest, word, texts[index]);
    const uncut = firstWord(typed);
    // A token may itself hold a comma.
    const words = texts[index].includes(",") && fits(uncut) ? [uncut] : readWords(typed);
    const fitting = words.filter(fits).length;
    const right = fitting > 0;
    const others = Math.max(1, this.#vocabulary - words.length);
    const share = right ? (stake * fitting) / words.length : (1 - stake) / others;
    const round = {
      index,
      text: texts[index],
      right,
      bits: -Math.log2(share),
      modelBits: nll[index - 1] / Math.LN2,
      modelRight: top_logprobs[index - 1]?.[0]?.id === ids[index],
    };
    this.rounds.push(round);
    this.#next += 1;
    this.#passOver();
    return round;
  }

  /** Ends the game. */
  end() {
    this.#next = this.#score.texts.length;
  }

  /** The mean surprise of both, in bits per token, and how many tokens each had as its first guess. */
  get totals() {
    const count = this.rounds.length;
    const sum = (/** @type {(round: Round) => number} */ value) =>
      this.rounds.reduce((total, round) => total + value(round), 0);
    return {
      count,
      bits: sum(({ bits }) => bits) / count,
      modelBits: sum(({ modelBits }) => modelBits) / count,
      right: sum(({ right }) => Number(right)),
      modelRight: sum(({ modelRight }) => Number(modelRight)),
    };
  }
}

/**
 * The words of a guess; a comma alone is one.
 *
 * @param {string} typed
 */
export function readWords(typed) {
  const words = typed.split(",").map(firstWord);
  const distinct = [...new Set(words.filter(Boolean))];
  return distinct.length === 0 && typed.includes(",") ? [","] : distinct;
}

/**
 * Whether a text begins with a word, and that word holds at least the token: readers think in words, which may be several
 * tokens.
 *
 * @param {string} text
 * @param {string} word
 * @param {string} token
 */
const begins = (text, word, token) => word.startsWith(plain(token)) && plain(text).startsWith(word);

/** @param {string} text */
const firstWord = (text) => plain(text).split(/\s/)[0];

/** @param {string} text */
const plain = (text) => text.trim().toLowerCase().replace(/[“”]/g, '"').replace(/[‘’]/g, "'");
