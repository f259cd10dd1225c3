// A text as passages with a vector each, and those that are nearest to a question.

/** How many passages are embedded at a time: few, so that a question is not kept waiting. */
const BATCH = 8;

/**
 * The longest passage, in bytes of UTF-8. Most encoders take 512 tokens, and what is longer would be cut off unseen.
 * English has about four bytes in a token; of a script that a tokenizer does not know, each character is one or more.
 */
const LONGEST = 1000;

/** @typedef {{ text: string, cosine: number }} Found a passage, and the cosine of its angle to the question */
/** @typedef {"sentences" | "paragraphs"} Unit */

/**
 * The passages of a text. Lines that are broken by hand are joined; blank lines separate paragraphs. What is too long
 * becomes several.
 *
 * @param {string} text
 * @param {Unit} unit
 */
export function passages(text, unit) {
  const paragraphs = text.split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s+/g, " ").trim());
  const units = unit === "sentences" ? paragraphs.flatMap(sentences) : paragraphs;
  // What has neither a letter nor a digit, such as a row of asterisks, means nothing.
  return units.flatMap(pieces).filter((passage) => /[\p{L}\p{N}]/u.test(passage));
}

/** @param {string} paragraph */
function sentences(paragraph) {
  // A browser of before 2024 may not have it.
  if (typeof Intl.Segmenter !== "function") return paragraph.split(/(?<=[.!?…]["”’)]*)\s+/);
  const segments = new Intl.Segmenter(undefined, { granularity: "sentence" }).segment(paragraph);
  return Array.from(segments, ({ segment }) => segment.trim());
}

/**
 * A passage in pieces that are not too long, cut at spaces, or within what has none.
 *
 * @param {string} passage
 */
function pieces(passage) {
  const [encoder, room] = [new TextEncoder(), new Uint8Array(LONGEST)];
  const found = [];
  for (let rest = passage; rest !== "";) {
    const { read } = encoder.encodeInto(rest, room);
    const space = read < rest.length ? rest.lastIndexOf(" ", read) : -1;
    const end = space > 0 ? space : read;
    found.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return found;
}

/** The passages of a text, which get their vectors batch by batch. */
export class Passages {
  #embed;
  #texts;
  /** @type {Float32Array[]} */
  #vectors = [];

  /**
   * @param {string[]} texts
   * @param {(texts: string[]) => Promise<Float32Array[]>} embed gives vectors of length 1
   */
  constructor(texts, embed) {
    this.#texts = texts;
    this.#embed = embed;
  }

  /** How many there are. */
  get total() {
    return this.#texts.length;
  }

  /** How many have a vector. */
  get done() {
    return this.#vectors.length;
  }

  /** Gives the next few their vectors. */
  async step() {
    const texts = this.#texts.slice(this.done, this.done + BATCH);
    if (texts.length > 0) this.#vectors.push(...(await this.#embed(texts)));
  }

  /**
   * Those with a vector that are nearest to `question`, the nearest first.
   *
   * @param {Float32Array} question a vector of length 1
   * @param {number} count
   * @returns {Found[]}
   */
  nearest(question, count) {
    const found = this.#vectors.map((vector, at) => ({ text: this.#texts[at], cosine: dot(vector, question) }));
    return found.sort((one, other) => other.cosine - one.cosine).slice(0, count);
  }
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
