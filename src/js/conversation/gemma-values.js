// Values as Gemma 4 writes them: JSON, but with a token of its own as the quotes of a text, in which nothing is escaped, and
// with keys that have no quotes. Source: https://ai.google.dev/gemma/docs/core/prompt-formatting-gemma4

import { GEMMA_QUOTE } from "./quotes.js";

/** The keys that need no quotes. */
export const GEMMA_KEY = /^(?!\s)[^:,{}[\]"<]+(?<!\s)$/u;

/** A text with the one or the other quotes, or what has none, with the colon by which a key is known. */
const TOKENS = /<\|"\|>([^]*?)(?:<\|"\|>|$)|"(?:[^"\\]+|\\[^])*"?|([^\s:,{}[\]"<][^:,{}[\]"<]*)(:?)/g;

/**
 * A value as the template writes it. A text that holds the quotes is written as in JSON, which is read as well.
 *
 * @param {any} value
 * @returns {string}
 */
export function gemmaValue(value) {
  if (typeof value === "string") {
    return value.includes(GEMMA_QUOTE) ? JSON.stringify(value) : GEMMA_QUOTE + value + GEMMA_QUOTE;
  }
  if (Array.isArray(value)) return `[${value.map(gemmaValue).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.entries(value).map(([key, item]) => `${gemmaKey(key)}:${gemmaValue(item)}`);
  return `{${members.join(",")}}`;
}

/** @param {string} key */
export const gemmaKey = (key) => (GEMMA_KEY.test(key) ? key : gemmaValue(key));

/**
 * Reads a value. Throws where the text is none.
 *
 * @param {string} text
 * @returns {unknown}
 */
export function readGemmaValue(text) {
  const json = text.replace(TOKENS, (/** @type {string} */ whole, quoted, plain, colon) => {
    if (quoted !== undefined) return JSON.stringify(quoted);
    if (colon) return `${JSON.stringify(plain.trim())}:`;
    // The template spells this as Python does.
    return plain?.trim() === "None" ? "null" : whole;
  });
  return JSON.parse(json);
}
