// A request in OpenAI's form → what the engine is asked to write. What cannot be honoured is an error.

import { copyOptions } from "../errors.js";
import { omit } from "./omit.js";
import { OpenAIError, invalid, unsupported } from "./openai-error.js";

/** @typedef {import("./model.js").Request} Request */
/**
 * @typedef {object} Job a request that has been read
 * @property {Request[]} writes what to write, in the order of the choices
 * @property {number} n how many of them have the same prompt
 * @property {string[]} prompts what each of its texts begins with, where that is asked for
 * @property {boolean} stream
 * @property {boolean} includeUsage whether the stream tells the usage
 * @property {boolean} logprobs
 * @property {number} topLogprobs
 */

/** Parameters of the engine that OpenAI does not have; they mean what they mean in the options of `Generator`. */
const ENGINE = [
  ...["top_k", "min_p", "typical_p", "top_n_sigma", "dynatemp_range", "dynatemp_exponent", "xtc_probability"],
  ...["xtc_threshold", "repetition_penalty", "no_repeat_ngram_size", "penalty_last_n", "dry_multiplier", "dry_base"],
  ...["dry_allowed_length", "dry_penalty_last_n", "dry_sequence_breakers", "mirostat", "mirostat_tau", "mirostat_eta"],
  ...[
    "banned_tokens",
    "samplers",
    "regex",
    "grammar",
    "context_shift",
    "n_keep",
    "json_schema",
    "speculation",
    "adapters",
  ],
];
/** Those of the chat template. */
const TEMPLATE = ["chat_template", "chat_template_kwargs", "add_generation_prompt", "date"];
/** What has the same name and meaning in both. */
const SAME = ["temperature", "top_p", "frequency_penalty", "presence_penalty", "stop", "seed"];

/**
 * Parameters without a use here, with the values that ask for nothing; undefined where any value is no more than a note
 * for the provider.
 *
 * @type {Record<string, unknown[] | undefined>}
 */
const WITHOUT_USE = {
  user: undefined,
  metadata: undefined,
  safety_identifier: undefined,
  prompt_cache_key: undefined,
  prompt_cache_retention: undefined,
  store: [false],
  service_tier: ["auto", "default"],
  modalities: [["text"]],
  functions: [[]],
  function_call: ["none", "auto"],
  reasoning_effort: ["none"],
  verbosity: ["medium"],
};

/**
 * Checks what is left of a request once its parameters have been taken.
 *
 * @param {Record<string, unknown>} rest
 */
function refuseRest(rest) {
  for (const [name, value] of Object.entries(rest)) {
    if (!Object.hasOwn(WITHOUT_USE, name)) throw unsupported(name);
    const values = WITHOUT_USE[name];
    if (!values || values.some((allowed) => JSON.stringify(allowed) === JSON.stringify(value))) continue;
    const older = ["functions", "function_call"].includes(name);
    throw unsupported(name, older ? `this engine does not know "${name}": use "tools" and "tool_choice"` : undefined);
  }
}

/**
 * A copy of a request without the parameters that are null, which OpenAI takes for absent.
 *
 * @param {unknown} body
 */
function present(body) {
  if (body === null || typeof body !== "object")
    throw new OpenAIError(400, "invalid_value", "the body must be an object");
  return Object.fromEntries(Object.entries(copyOptions(body)).filter(([, value]) => value != null));
}

/**
 * @param {string} name
 * @param {any} value
 * @param {number} lowest
 * @param {number} highest
 * @returns {number}
 */
function whole(name, value, lowest, highest) {
  if (Number.isInteger(value) && value >= lowest && value <= highest) return value;
  throw invalid(name, `must be a whole number from ${lowest} to ${highest}`);
}

/** @param {unknown} bias */
function logitBias(bias) {
  const entries = Object.entries(copyOptions(bias));
  for (const [id, value] of entries) {
    if (!/^\d+$/.test(id)) throw invalid("logit_bias", "must have the ids of tokens for keys");
    if (typeof value !== "number" || !(Math.abs(value) <= 100)) {
      throw invalid("logit_bias", "must have values from -100 to 100");
    }
  }
  // -100 bans a token there.
  return Object.fromEntries(entries.map(([id, value]) => [id, value === -100 ? false : value]));
}

/** @param {any} format the parameter `response_format` */
function schemaOf(format) {
  switch (format?.type) {
    case "text":
      return undefined;
    case "json_object":
      return { type: "object" };
    case "json_schema":
      if (typeof format.json_schema?.name !== "string") throw invalid("response_format", "must name its schema");
      return format.json_schema.schema ?? { type: "object" };
    default:
      throw invalid("response_format", 'must have the type "text", "json_object" or "json_schema"');
  }
}

/**
 * The options of the engine, those of the request over the client's own.
 *
 * @param {Record<string, any>} given
 * @param {object} defaults
 */
function engineOptions({ logit_bias, response_format, ...given }, defaults) {
  /** @type {Record<string, any>} */
  const options = { ...defaults };
  for (const name of [...SAME, ...ENGINE, ...TEMPLATE]) if (given[name] !== undefined) options[name] = given[name];
  // There the penalties go by the whole text, here by its last 64 tokens unless told otherwise.
  const penalised = given.frequency_penalty !== undefined || given.presence_penalty !== undefined;
  if (penalised) options.penalty_last_n ??= -1;
  if (logit_bias !== undefined) options.logit_bias = logitBias(logit_bias);
  const schema = response_format && schemaOf(response_format);
  if (schema !== undefined) options.json_schema = schema;
  return options;
}

/**
 * The part that both kinds of requests have in common.
 *
 * @param {Record<string, any>} given
 * @param {object} defaults
 */
function common({ stream = false, stream_options, n = 1, ...given }, defaults) {
  if (typeof stream !== "boolean") throw invalid("stream", "must be true or false");
  const { include_usage = false, include_obfuscation = false, ...others } = copyOptions(stream_options);
  if (stream_options && !stream) throw invalid("stream_options", "is only allowed with stream");
  if (include_obfuscation || Object.keys(others).length) throw unsupported("stream_options");
  return {
    stream,
    includeUsage: Boolean(include_usage),
    n: whole("n", n, 1, 128),
    options: engineOptions(given, defaults),
  };
}

/**
 * The options of each choice. With a seed each has its own, because they would all be the same otherwise.
 *
 * @param {Record<string, any>} options
 * @param {number} n
 */
const choices = (options, n) =>
  Array.from({ length: n }, (_, index) =>
    index === 0 || options.seed === undefined
      ? options
      : { ...options, seed: BigInt.asUintN(64, BigInt(options.seed) + BigInt(index)) },
  );

/**
 * What a message of each role may hold besides its content.
 *
 * @type {Record<string, string[]>}
 */
const ROLES = {
  system: [],
  developer: [],
  user: [],
  assistant: ["tool_calls", "reasoning_content"],
  tool: ["tool_call_id", "name"],
};

/**
 * A message with its texts joined.
 *
 * @param {any} message
 * @param {number} index
 */
function readMessage(message, index) {
  const name = `messages[${index}]`;
  if (message === null || typeof message !== "object") throw invalid(name, "must be an object");
  const { role, content, ...rest } = message;
  const kept = Object.entries(rest).filter(([, value]) => value != null && JSON.stringify(value) !== "[]");
  if (!Object.hasOwn(ROLES, role)) {
    throw invalid(`${name}.role`, 'must be "system", "developer", "user", "assistant" or "tool"');
  }
  const other = kept.find(([key]) => !ROLES[role].includes(key));
  if (other) throw unsupported(`${name}.${other[0]}`);
  const text = textOf(role === "assistant" ? (content ?? "") : content, `${name}.content`);
  // Templates know the older name.
  return { role: role === "developer" ? "system" : role, content: text, ...Object.fromEntries(kept) };
}

/**
 * The texts of a message's content, joined.
 *
 * @param {any} content
 * @param {string} name
 */
function textOf(content, name) {
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : content;
  if (!Array.isArray(parts)) throw invalid(name, "must be a string or a list of parts");
  const other = parts.find((part) => part?.type !== "text" || typeof part.text !== "string");
  if (other) throw unsupported(name, `this engine reads text alone, no part of type "${other?.type}"`);
  return parts.map(({ text }) => text).join("");
}

/** The parameters for tools and thinking. */
const CHANNELS = ["tools", "tool_choice", "parallel_tool_calls", "thinking"];

/** Everything that is an option of the engine, or becomes one. */
const TAKEN = [...SAME, ...ENGINE, "model", "logit_bias", "response_format", "stream", "stream_options", "n"];

/**
 * Reads the body of `chat.completions.create`.
 *
 * @param {unknown} body
 * @param {object} defaults options of the client
 * @returns {Job}
 */
export function readChat(body, defaults) {
  const given = present(body);
  const { messages, max_tokens, max_completion_tokens, logprobs = false, top_logprobs, ...rest } = given;
  refuseRest(omit(rest, [...TAKEN, ...TEMPLATE, ...CHANNELS]));
  if (!Array.isArray(messages) || messages.length === 0) throw invalid("messages", "must be a list of messages");
  const limit = max_completion_tokens ?? max_tokens;
  if (max_tokens !== undefined && max_tokens !== limit) {
    throw invalid("max_tokens", "differs from max_completion_tokens");
  }
  if (typeof logprobs !== "boolean") throw invalid("logprobs", "must be true or false");
  if (top_logprobs && !logprobs) throw invalid("top_logprobs", "is only allowed with logprobs");
  const { options, n, ...how } = common(rest, defaults);
  if (limit !== undefined) options.max_tokens = limit;
  const topLogprobs = whole("top_logprobs", top_logprobs ?? 0, 0, 20);
  if (logprobs) options.record = { top: Math.max(1, topLogprobs) };
  const conversation = messages.map(readMessage);
  const channels = Object.fromEntries(Object.entries(given).filter(([name]) => CHANNELS.includes(name)));
  const writes = choices(options, n).map((options) => ({ messages: conversation, channels, options }));
  return { ...how, n, logprobs, topLogprobs, prompts: [], writes };
}

/** @param {any} prompt */
function promptsOf(prompt) {
  const prompts = Array.isArray(prompt) ? prompt : [prompt];
  if (prompts.length === 0 || prompts.some((text) => typeof text !== "string")) {
    throw invalid("prompt", "must be a string or a list of strings");
  }
  return prompts;
}

/**
 * Reads the body of `completions.create`.
 *
 * @param {unknown} body
 * @param {object} defaults options of the client
 * @returns {Job}
 */
export function readCompletion(body, defaults) {
  const given = present(body);
  const { prompt, max_tokens = 16, logprobs, echo = false, best_of, ...rest } = given;
  refuseRest(omit(rest, TAKEN));
  const { options, n, ...how } = common(rest, omit(defaults, TEMPLATE));
  if (best_of !== undefined && best_of !== n) throw unsupported("best_of", "this engine writes n texts and no more");
  if (typeof echo !== "boolean") throw invalid("echo", "must be true or false");
  if (echo && logprobs !== undefined) throw unsupported("echo", "this engine does not echo with logprobs");
  options.max_tokens = max_tokens;
  const topLogprobs = whole("logprobs", logprobs ?? 0, 0, 5);
  if (logprobs !== undefined) options.record = { top: Math.max(1, topLogprobs) };
  const prompts = promptsOf(prompt);
  const writes = prompts.flatMap((prompt) => choices(options, n).map((options) => ({ prompt, options })));
  const echoed = echo ? writes.map(({ prompt }) => prompt) : [];
  return { ...how, n, logprobs: logprobs !== undefined, topLogprobs, prompts: echoed, writes };
}
