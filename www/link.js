// A text as a link: what it takes to write the same text again, token for token, wherever the link is opened. The same
// model, prompt, options and seed give the same text in every browser, so that a link need not hold the text.

import { RANGES } from "./sliders.js";

/** @typedef {import("./branches.js").Branch} Branch */
/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./sliders.js").Range} Range */
/** @typedef {Record<Range, number>} Settings */

/**
 * One way that the text goes on. The first has no parent; the others leave an earlier one before their token `at`.
 *
 * @typedef {object} LinkedBranch
 * @property {number} [parent] the index of the branch that it leaves
 * @property {number} at the index of its first own token; 0 for the first branch
 * @property {Map<number, Settings>} settings those of the sliders, by the index of the first token that was drawn with
 *   them; those of the token `at` are always there, if there is such a token
 * @property {Map<number, number>} forced the ids that the reader chose, by the index of the token
 * @property {number} tokens their number, those of the parent up to `at` included
 * @property {string} check tells whether the tokens are the same
 */

/**
 * @typedef {object} LinkedText
 * @property {string} model its key: the name of one of the page's models, an address, or the name of a file
 * @property {string} [sha256] the hash of the model, where that is known: always, where it came as a file
 * @property {string} prompt
 * @property {bigint} seed
 * @property {LinkedBranch[]} branches each after its parent
 * @property {number} shown the index of the branch that is shown
 * @property {number} look the index of its token that is looked at
 */

/** The page's own models, by their names in links. */
export const MODELS = new Map([
  ["stories", "the storyteller"],
  ["sample", "SmolLM2-135M"],
]);

/**
 * Whether what a link calls a model is the name of a file, not that of one of the page's models or an address.
 *
 * @param {string} model
 */
export const isFile = (model) => !MODELS.has(model) && !/^https?:\/\/\S+$/.test(model);

/**
 * The description of a model with the name that the page has for it: that of one of its own, or else what its file says.
 *
 * @template {{ name?: string }} Info
 * @param {Info} info
 * @param {string} name for a model whose file gives none, or that was trained here
 * @param {import("./branches.js").Origin} [origin] undefined for one that was trained here
 * @returns {Info}
 */
export const named = (info, name, origin) => ({
  ...info,
  name: MODELS.get(origin?.key ?? "") ?? (origin && info.name) ?? name,
});

/** The most tokens of a branch that is written again, and the most branches. */
const MOST = 1 << 16;
export const MOST_BRANCHES = 64;

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
 * @param {{ model: string, sha256?: string, branches: Branch[], branch: Branch, look: number }} text
 * @returns {LinkedText}
 */
export function describe({ model, sha256, branches, branch, look }) {
  const { prompt, seed } = branch;
  return {
    ...{ model, sha256, prompt, seed: BigInt(seed), shown: branches.indexOf(branch), look },
    branches: branches.map((branch, index) => describeBranch(branch, branches.slice(0, index))),
  };
}

/**
 * @param {Branch} branch
 * @param {Branch[]} earlier
 * @returns {LinkedBranch}
 */
function describeBranch({ parent, at = 0, tokens }, earlier) {
  // A branch whose parent was forgotten leaves the first one, where they begin to differ.
  const [first] = earlier;
  const known = parent && earlier.includes(parent) ? parent : first;
  const from = known === parent || !first ? at : sharedTokens(first.tokens, tokens);
  const settings = new Map();
  const forced = new Map();
  let last = "";
  for (const [index, { id, options, forced: chosen }] of tokens.entries()) {
    if (index < from) continue;
    if (chosen) forced.set(index, id);
    const written = RANGES.map((name) => options[name]).join();
    if (written !== last) settings.set(index, settingsOf(options));
    last = written;
  }
  const check = checksum(tokens);
  return { ...(known && { parent: earlier.indexOf(known) }), at: from, settings, forced, tokens: tokens.length, check };
}

/**
 * The number of tokens that two texts have in common from their beginning.
 *
 * @param {DrawnToken[]} one
 * @param {DrawnToken[]} other
 */
function sharedTokens(one, other) {
  const index = one.findIndex(({ id }, index) => other[index]?.id !== id);
  return index < 0 ? one.length : index;
}

/** @param {Settings} options */
export const settingsOf = (options) =>
  /** @type {Settings} */ (Object.fromEntries(RANGES.map((name) => [name, options[name]])));

/**
 * The fragment of the link, without `#`. What there is of each branch is written once for each, in their order.
 *
 * @param {LinkedText} text
 */
export function toFragment({ model, sha256, prompt, seed, branches, shown, look }) {
  const fragment = new URLSearchParams({ model, ...(sha256 && { sha256 }), prompt, seed: String(seed) });
  const list = (/** @type {Map<number, unknown>} */ map) => [...map].map((entry) => entry.join(":")).join(" ");
  const isForced = branches.some(({ forced }) => forced.size > 0);
  for (const { parent, at, settings, forced, tokens, check } of branches) {
    if (parent !== undefined) fragment.append("from", `${parent}:${at}`);
    const numbers = new Map([...settings].map(([index, values]) => [index, RANGES.map((name) => values[name])]));
    fragment.append("sampler", list(numbers));
    if (isForced) fragment.append("forced", list(forced));
    fragment.append("tokens", String(tokens));
    fragment.append("check", check);
  }
  if (branches.length > 1) fragment.append("shown", String(shown));
  fragment.append("look", String(look));
  return String(fragment);
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
  const sha256 = parameters.get("sha256") ?? undefined;
  if (sha256 === undefined ? isFile(model) : !/^[0-9a-f]{64}$/.test(sha256)) throw damaged();
  const count = parameters.getAll("sampler").length;
  if (count < 1 || count > MOST_BRANCHES) throw damaged();
  /** @type {LinkedBranch[]} */
  const branches = [];
  for (let index = 0; index < count; index += 1) branches.push(readBranch(parameters, index, branches));
  const shown = whole(parameters.get("shown") ?? "0", count - 1);
  return {
    ...{ model, sha256, prompt, seed: BigInt(digits(parameters.get("seed"))), branches, shown },
    look: whole(parameters.get("look"), branches[shown].tokens),
  };
}

/**
 * @param {URLSearchParams} parameters
 * @param {number} index
 * @param {LinkedBranch[]} earlier
 * @returns {LinkedBranch}
 */
function readBranch(parameters, index, earlier) {
  const value = (/** @type {string} */ name) => parameters.getAll(name)[index] ?? "";
  const tokens = whole(value("tokens"), MOST);
  const entries = (/** @type {string} */ name) =>
    value(name)
      .split(" ")
      .filter(Boolean)
      .map((entry) => {
        const [place, values] = entry.split(":");
        return /** @type {[number, string]} */ ([whole(place, tokens), values ?? ""]);
      });
  const settings = new Map(entries("sampler").map(([place, values]) => [place, readSettings(values)]));
  const forced = new Map(entries("forced").map(([place, id]) => [place, whole(id, 2 ** 32 - 1)]));
  const [parent, at] = index > 0 ? (parameters.getAll("from")[index - 1] ?? "").split(":") : [undefined, "0"];
  const branch = {
    ...(parent !== undefined && { parent: whole(parent, index - 1) }),
    ...{ at: whole(at ?? null, tokens), settings, forced, tokens, check: value("check") },
  };
  const { parent: left } = branch;
  if (left !== undefined && branch.at > earlier[left].tokens) throw damaged();
  if (!settings.has(branch.at) && (index === 0 || branch.at < tokens)) throw damaged();
  return branch;
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
