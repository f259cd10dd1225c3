// A text as passages with a vector each, and those that are nearest to a question.

/** How many passages are embedded at a time: few, so that a question is not kept waiting. */
const BATCH = 8;
/** How many vectors of passages that are not in the text are kept: some 30 MB with an encoder's 384 numbers each. */
const KEPT = 20_000;
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

/**
 * The passages of a text, which get their vectors batch by batch. A step does work for its own passages alone, or the
 * work for a long text would grow with the square of its length.
 */
export class Passages {
  #embed;
  #texts;
  #vectors;
  /** How many have a vector. */
  done = 0;
  /**
   * The nearest to a question among the first `compared`.
   *
   * @type {{ question?: Float32Array, count: number, compared: number, found: Found[] }}
   */
  #ranking = { count: 0, compared: 0, found: [] };

  /**
   * @param {string[]} texts
   * @param {(texts: string[]) => Promise<Float32Array[]>} embed gives vectors of length 1
   * @param {Map<string, Float32Array>} [vectors] those that the same model gave before, by text; it takes the new ones
   */
  constructor(texts, embed, vectors = new Map()) {
    this.#texts = texts;
    this.#embed = embed;
    this.#vectors = vectors;
    if (vectors.size > KEPT) forget(vectors, texts);
  }

  /** How many there are. */
  get total() {
    return this.#texts.length;
  }

  /** Gives the next few their vectors. */
  async step() {
    const [missing, vectors, texts] = [new Set(/** @type {string[]} */ ([])), this.#vectors, this.#texts];
    let end = this.done;
    for (; end < texts.length && missing.size < BATCH; end += 1) {
      if (!vectors.has(texts[end])) missing.add(texts[end]);
    }
    if (missing.size > 0) {
      const made = await this.#embed([...missing]);
      for (const [index, text] of [...missing].entries()) vectors.set(text, made[index]);
    }
    this.done = end;
  }

  /**
   * Those with a vector that are nearest to `question`, the nearest first.
   *
   * @param {Float32Array} question a vector of length 1; for the same one only new passages are compared
   * @param {number} count
   * @returns {Found[]}
   */
  nearest(question, count) {
    const before = this.#ranking;
    const goesOn = before.question === question && before.count === count;
    const { compared, found } = goesOn ? before : { compared: 0, found: [] };
    const vectorOf = (/** @type {string} */ text) => /** @type {Float32Array} */ (this.#vectors.get(text));
    const fresh = this.#texts
      .slice(compared, this.done)
      .map((text) => ({ text, cosine: dot(vectorOf(text), question) }));
    const best = [...found, ...fresh].sort((one, other) => other.cosine - one.cosine).slice(0, count);
    this.#ranking = { question, count, compared: this.done, found: best };
    return best;
  }
}

/**
 * Removes the vectors of all texts but these.
 *
 * @param {Map<string, Float32Array>} vectors
 * @param {string[]} texts
 */
function forget(vectors, texts) {
  const needed = new Set(texts);
  for (const text of vectors.keys()) if (!needed.has(text)) vectors.delete(text);
}

/**
 * @param {Float32Array} a
 * @param {Float32Array} b
 */
const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
