// A text as a link: what it takes to write the same text again, token for token, wherever the link is opened. The same
// model, prompt, options and seed give the same text in every browser, so that a link need not hold the text.

import { RANGES } from "./sliders.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./sliders.js").Range} Range */
/** @typedef {Record<Range, number>} Settings */

/**
 * @typedef {object} LinkedText
 * @property {string} model its key: the name of one of the page's models, or an address
 * @property {string} prompt
 * @property {bigint} seed
 * @property {Map<number, Settings>} settings those of the sliders, by the index of the first token that was drawn with
 *   them; those of token 0 are always there
 * @property {Map<number, number>} forced the ids that the reader chose, by the index of the token
 * @property {number} tokens their number
 * @property {number} look the index of the token that is looked at
 * @property {string} check tells whether the tokens are the same
 */

/** The page's own models, by their names in links. */
export const MODELS = new Map([
  ["stories", "the storyteller"],
  ["sample", "SmolLM2-135M"],
]);

/** The most tokens of a text that is written again. */
const MOST = 1 << 16;

/**
 * A checksum of token ids: FNV-1a with 32 bits, in hexadecimal digits.
 *
 * @param {Iterable<{ id: number }>} tokens
 */
export function checksum(tokens) {
  let hash = 0x811c9dc5;
  for (const { id } of tokens) {
    for (let shift = 0; shift < 32; shift += 8) hash = Math.imul(hash ^ ((id >>> shift) & 0xff), 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/**
 * What a link tells of a text.
 *
 * @param {{ model: string, prompt: string, seed: number | bigint, tokens: DrawnToken[], look: number }} text
 * @returns {LinkedText}
 */
export function describe({ model, prompt, seed, tokens, look }) {
  /** @type {LinkedText["settings"]} */
  const settings = new Map();
  /** @type {LinkedText["forced"]} */
  const forced = new Map();
  let last = "";
  for (const [index, { id, options, forced: chosen }] of tokens.entries()) {
    if (chosen) forced.set(index, id);
    const written = RANGES.map((name) => options[name]).join();
    if (written !== last) settings.set(index, settingsOf(options));
    last = written;
  }
  return { model, prompt, seed: BigInt(seed), settings, forced, tokens: tokens.length, look, check: checksum(tokens) };
}

/** @param {Settings} options */
const settingsOf = (options) =>
  /** @type {Settings} */ (Object.fromEntries(RANGES.map((name) => [name, options[name]])));

/**
 * The fragment of the link, without `#`.
 *
 * @param {LinkedText} text
 */
export function toFragment({ model, prompt, seed, settings, forced, tokens, look, check }) {
  const list = (/** @type {Map<number, unknown>} */ map) => [...map].map((entry) => entry.join(":")).join(" ");
  const numbers = new Map([...settings].map(([index, values]) => [index, RANGES.map((name) => values[name])]));
  return String(
    new URLSearchParams({
      model,
      prompt,
      seed: String(seed),
      sampler: list(numbers),
      ...(forced.size > 0 && { forced: list(forced) }),
      tokens: String(tokens),
      look: String(look),
      check,
    }),
  );
}

/**
 * The text that a fragment tells of; undefined where it is no link to a text. Throws where it is a damaged one.
 *
 * @param {string} fragment with or without `#`
 * @returns {LinkedText | undefined}
 */
export function fromFragment(fragment) {
  const parameters = new URLSearchParams(fragment.replace(/^#/, ""));
  const [model, prompt] = [parameters.get("model"), parameters.get("prompt")];
  if (model === null || prompt === null) return undefined;
  if (!MODELS.has(model) && !/^https?:\/\/\S+$/.test(model)) throw damaged();
  const tokens = whole(parameters.get("tokens"), MOST);
  const entries = (/** @type {string} */ name) =>
    (parameters.get(name) ?? "")
      .split(" ")
      .filter(Boolean)
      .map((entry) => {
        const [index, values] = entry.split(":");
        return /** @type {[number, string]} */ ([whole(index, tokens), values ?? ""]);
      });
  const settings = new Map(entries("sampler").map(([index, values]) => [index, readSettings(values)]));
  if (!settings.has(0)) throw damaged();
  return {
    model,
    prompt,
    seed: BigInt(digits(parameters.get("seed"))),
    settings,
    forced: new Map(entries("forced").map(([index, id]) => [index, whole(id, 2 ** 32 - 1)])),
    tokens,
    look: whole(parameters.get("look"), tokens),
    check: parameters.get("check") ?? "",
  };
}

const damaged = () => new Error("the link to a text is damaged");

/** @param {string} values */
function readSettings(values) {
  const numbers = values.split(",").map(Number);
  if (numbers.length !== RANGES.length || !numbers.every((number) => number >= 0 && number < 1e6)) throw damaged();
  return /** @type {Settings} */ (Object.fromEntries(RANGES.map((name, index) => [name, numbers[index]])));
}

/** @param {string | null} text */
function digits(text) {
  if (!/^\d{1,20}$/.test(text ?? "")) throw damaged();
  return /** @type {string} */ (text);
}

/**
 * @param {string | null} text
 * @param {number} most
 */
function whole(text, most) {
  const number = Number(digits(text));
  if (number > most) throw damaged();
  return number;
}
