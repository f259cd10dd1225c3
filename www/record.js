// The record of a text as a file: every token with its probabilities, for a spreadsheet or a program.

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./sliders.js").Options} Options */

/** The columns of the table. `surprisal` is in bits, `entropy` in nats. */
const COLUMNS = /** @type {const} */ ([
  "index",
  "id",
  "text",
  "probability",
  "sampled",
  "surprisal",
  "rank",
  "entropy",
  "forced",
]);

/**
 * A row for each token: its probability by the model, the one it was drawn with, and its rank among the model's guesses.
 *
 * @param {DrawnToken[]} tokens
 */
function rows(tokens) {
  return tokens.map(({ id, text, logprob, probability, record, forced = false }, index) => ({
    index,
    id,
    text,
    probability: Math.exp(logprob),
    sampled: probability,
    surprisal: -logprob / Math.LN2,
    rank: record?.chosen?.rank,
    entropy: record?.entropy,
    forced,
  }));
}

/**
 * A field of a CSV file (RFC 4180). A text that a spreadsheet would take for a formula gets an apostrophe before it.
 *
 * @param {unknown} value
 */
function field(value) {
  if (typeof value !== "string") return String(value ?? "");
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}

/** @param {DrawnToken[]} tokens */
export function toCsv(tokens) {
  const lines = rows(tokens).map((row) => COLUMNS.map((name) => field(row[name])).join(","));
  return [COLUMNS.join(","), ...lines, ""].join("\r\n");
}

/**
 * @param {{ model: unknown, prompt: string, seed: number | bigint, tokens: DrawnToken[] }} text
 */
export function toJson({ model, prompt, seed, tokens }) {
  const steps = rows(tokens).map((row, index) => {
    const { options, record } = tokens[index];
    return {
      ...row,
      options: { ...options, record: undefined },
      candidates: record?.candidates,
      stages: record?.stages,
      draw: record?.draw,
    };
  });
  // Seeds of 64 bits and lists of bytes, as JSON can have them.
  const plain = (/** @type {string} */ _, /** @type {unknown} */ value) => {
    if (typeof value === "bigint") return String(value);
    return value instanceof Uint8Array || value instanceof Float32Array ? [...value] : value;
  };
  return JSON.stringify({ model, prompt, seed: String(seed), tokens: steps }, plain, 1);
}
