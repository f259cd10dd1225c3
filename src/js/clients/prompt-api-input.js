// The arguments of the Prompt API, checked as its specification says.

import { codeOf, messageOf } from "../errors.js";
import { regexOf } from "./prompt-api-regex.js";

/** @typedef {import("../nexttoken.js").ChatMessage} ChatMessage */
/** @typedef {ChatMessage & { prefix?: boolean }} Message */

const ROLES = ["system", "user", "assistant"];
export const SYSTEM_FIRST = "a system message must come first";
const TYPES = ["text", "image", "audio", "tool-call", "tool-response"];
export const LIMITS = { defaultTopK: 40, maxTopK: 128, defaultTemperature: 0.8, maxTemperature: 2 };

/** What the modes of sampling stand for. */
const MODES = {
  "most-predictable": { temperature: 0, top_k: 1 },
  predictable: { temperature: 0.3, top_k: 20 },
  "slightly-predictable": { temperature: 0.5, top_k: 30 },
  balanced: { temperature: LIMITS.defaultTemperature, top_k: LIMITS.defaultTopK },
  "slightly-creative": { temperature: 1, top_k: 50 },
  creative: { temperature: 1.2, top_k: 64 },
  "most-creative": { temperature: 1.5, top_k: LIMITS.maxTopK },
};
/** @typedef {{ mode: string | null, temperature: number, top_k: number }} Sampling */

/**
 * @param {string} name
 * @param {string} message
 */
export const domError = (name, message) => new DOMException(message, name);

/**
 * @param {number} requested
 * @param {number} quota
 * @returns {Error}
 */
export function quotaExceeded(requested, quota) {
  const message = `the input takes ${requested} tokens, and the context holds ${quota}`;
  const Native = /** @type {any} */ (globalThis).QuotaExceededError;
  if (Native) return new Native(message, { requested, quota });
  return Object.assign(domError("QuotaExceededError", message), { requested, quota });
}

/** The errors of the engine that say that the input or the options cannot be used. */
const NOT_SUPPORTED = ["constraint", "invalid_option", "unknown_option", "forbidden_token", "chat_template"];

/**
 * An error of the engine as one that a page written for the interface knows.
 *
 * @param {any} thrown
 * @param {AbortSignal} signal whose reason stays as it is
 */
export function promptError(thrown, signal) {
  const known = thrown instanceof DOMException || thrown instanceof TypeError || thrown instanceof RangeError;
  if (known || thrown?.name === "QuotaExceededError" || (signal.aborted && thrown === signal.reason)) return thrown;
  const name = NOT_SUPPORTED.includes(codeOf(thrown)) ? "NotSupportedError" : "UnknownError";
  return Object.assign(domError(name, messageOf(thrown)), { cause: thrown });
}

/** @param {any} options */
function sampling({ topK, temperature, samplingMode }) {
  if (samplingMode !== undefined) {
    if (topK !== undefined || temperature !== undefined) {
      throw new TypeError("samplingMode cannot be there together with topK or temperature");
    }
    const mode = samplingMode === "default" ? "balanced" : samplingMode;
    if (!Object.hasOwn(MODES, mode)) throw new TypeError(`there is no samplingMode "${mode}"`);
    return { mode, ...MODES[/** @type {keyof typeof MODES} */ (mode)] };
  }
  if (topK === undefined && temperature === undefined) return { mode: "balanced", ...MODES.balanced };
  if (topK === undefined || temperature === undefined) {
    throw domError("NotSupportedError", "topK and temperature must both be given, or neither");
  }
  if (!(topK >= 1)) throw new RangeError("topK must be 1 or more");
  if (!(temperature >= 0)) throw new RangeError("temperature must be 0 or more");
  const { maxTopK, maxTemperature } = LIMITS;
  return { mode: null, temperature: Math.min(temperature, maxTemperature), top_k: Math.floor(Math.min(topK, maxTopK)) };
}

/**
 * Whether what is expected, as input or output, is text in languages of the model.
 *
 * @param {any} expected
 * @param {string[] | undefined} languages those of the model; any where undefined
 */
function expectable(expected, languages) {
  return [...(expected ?? [])].every(({ type, languages: tags }) => {
    if (!TYPES.includes(type)) throw new TypeError(`there is no type "${type}"`);
    // Throws for tags that are none.
    const wanted = Intl.getCanonicalLocales(tags ?? []).map((tag) => new Intl.Locale(tag).language);
    return type === "text" && wanted.every((language) => !languages || languages.includes(language));
  });
}

/**
 * The options that `create` and `availability` have in common.
 *
 * @param {any} options
 * @param {string[] | undefined} languages
 * @returns {{ supported: boolean, sampling: Sampling }}
 */
export function readOptions(options, languages) {
  const inputs = expectable(options.expectedInputs, languages);
  const outputs = expectable(options.expectedOutputs, languages);
  const tools = [...(options.tools ?? [])].length > 0;
  return { supported: inputs && outputs && !tools, sampling: sampling(options) };
}

/** @param {any} value */
const isObject = (value) => (typeof value === "object" && value !== null) || typeof value === "function";

/** @param {any} value */
const isList = (value) => isObject(value) && Symbol.iterator in value;

/**
 * A value as the browser makes a string of it, where symbols are errors.
 *
 * @param {any} value
 */
const stringOf = (value) => `${value}`;

/**
 * The text of a message's content.
 *
 * @param {any} content
 * @returns {string}
 */
function readContent(content) {
  if (content === undefined) throw new TypeError("a message must have a content");
  if (!isList(content)) return stringOf(content);
  const texts = [...content].map(({ type, value }) => {
    if (!TYPES.includes(type)) throw new TypeError(`there is no type "${type}"`);
    if (type !== "text") throw domError("NotSupportedError", `content of the type "${type}" was not expected`);
    if (value === undefined || isObject(value)) throw new TypeError("the value of a text must be a string");
    return stringOf(value);
  });
  return texts.join("");
}

/**
 * A prompt as messages.
 *
 * @param {any} input
 * @returns {Message[]}
 */
export function readPrompt(input) {
  if (!isList(input)) return [{ role: "user", content: stringOf(input) }];
  const messages = [...input];
  if (messages.length === 0) return [{ role: "user", content: "" }];
  return messages.map(({ role, content, prefix }, index) => {
    if (!ROLES.includes(role)) throw new TypeError(`there is no role "${role}"`);
    if (prefix && (role !== "assistant" || index < messages.length - 1)) {
      throw domError("SyntaxError", "only the last message can be a prefix, and only an assistant's");
    }
    if (role === "system" && index > 0) throw new TypeError(SYSTEM_FIRST);
    return { role, content: readContent(content), ...(prefix && { prefix: true }) };
  });
}

/**
 * A constraint of the answer: the option of the engine, and what the model is told of it.
 *
 * @param {any} options those of a prompt
 * @returns {{ option: object, told: string }}
 */
export function readConstraint({ responseConstraint, omitResponseConstraintInput }) {
  if (responseConstraint == null) {
    if (omitResponseConstraintInput) throw new TypeError("there is no responseConstraint whose input could be omitted");
    return { option: {}, told: "" };
  }
  if (typeof responseConstraint !== "object") throw new TypeError("responseConstraint must be an object");
  const { option, told } =
    responseConstraint instanceof RegExp ? regexConstraint(responseConstraint) : schemaConstraint(responseConstraint);
  return { option, told: omitResponseConstraintInput ? "" : told };
}

/** @param {RegExp} expression */
function regexConstraint(expression) {
  const regex = regexOf(expression);
  return { option: { regex }, told: `Answer with a text that matches the regular expression ${expression.source}` };
}

/** @param {object} schema */
function schemaConstraint(schema) {
  try {
    const json_schema = JSON.stringify(schema);
    return { option: { json_schema }, told: `Answer with JSON that this schema describes: ${json_schema}` };
  } catch (thrown) {
    throw domError("NotSupportedError", `responseConstraint cannot be written as JSON: ${messageOf(thrown)}`);
  }
}
