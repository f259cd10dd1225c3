// A history with tools, calls and thinking → what the model's template can render. What it does not know is told in words.

import { invalidOption } from "../errors.js";
import { STYLES } from "./format.js";
import { gemmaValue } from "./gemma-values.js";
import { readArguments } from "./read-arguments.js";

/** @typedef {import("../nexttoken.js").ChatMessage} ChatMessage */
/** @typedef {import("./format.js").Format} Format */
/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {{ template: string, messages: ChatMessage[] }} ChatRequest */

/** What a message may hold. */
const KEYS = ["role", "content", "reasoning_content", "tool_calls", "tool_call_id", "name"];

/**
 * @param {any} message
 * @param {number} index
 * @returns {Record<string, any>}
 */
function checked(message, index) {
  const wrong = (/** @type {string} */ reason) => invalidOption(`messages[${index}]`, reason);
  if (message === null || typeof message !== "object") throw wrong("must be an object");
  const { role, content, tool_calls, ...rest } = message;
  const unknown = Object.keys(rest).find((key) => rest[key] !== undefined && !KEYS.includes(key));
  if (unknown) throw wrong(`has an unknown property "${unknown}"`);
  if (content != null && typeof content !== "string") throw wrong("must have a string for its content");
  /** @type {Record<string, any>} */
  const copy = { role, content: content ?? "" };
  for (const [key, value] of Object.entries(rest)) {
    if (value == null) continue;
    if (typeof value !== "string") throw wrong(`must have a string for "${key}"`);
    copy[key] = value;
  }
  if (tool_calls != null) {
    if (!Array.isArray(tool_calls)) throw wrong("must have a list for its calls");
    if (tool_calls.length > 0) copy.tool_calls = tool_calls.map((call) => checkedCall(call, wrong));
  }
  return copy;
}

/**
 * A call with its arguments as an object, as templates expect them.
 *
 * @param {any} call
 * @param {(reason: string) => Error} wrong
 */
function checkedCall(call, wrong) {
  const called = call?.function ?? {};
  const { name } = called;
  if (typeof name !== "string") throw wrong("has a call without a name");
  const read = readArguments(called.arguments === "" ? {} : called.arguments, (reason) =>
    wrong(`has a call whose arguments are no ${reason}`),
  );
  return { ...(typeof call.id === "string" && { id: call.id }), type: "function", function: { name, arguments: read } };
}

/**
 * The text of a call, as the model itself would write it.
 *
 * @param {Format} format
 * @param {{ function: { name: string, arguments: Record<string, unknown> } }} call
 */
function writtenCall({ open, close, form, before, between, after, end = "" }, { function: called }) {
  const written = form === "json" ? JSON.stringify(called.arguments) : writtenArguments(form, called.arguments);
  return open + before + called.name + between + written + after + end + close;
}

/**
 * Arguments one after another. In XML texts are written as they are.
 *
 * @param {"python" | "xml" | "gemma"} form
 * @param {Record<string, unknown>} values
 */
function writtenArguments(form, values) {
  const { before, named, separator, after } = STYLES[form];
  const written = (/** @type {unknown} */ value) => {
    if (form === "gemma") return gemmaValue(value);
    return form === "xml" && typeof value === "string" ? value : JSON.stringify(value);
  };
  return Object.entries(values)
    .map(([key, value]) => before + key + named + written(value) + after)
    .join(separator);
}

/**
 * What is said of the tools to a model whose template does not.
 *
 * @param {Format} format
 * @param {Tool[]} tools
 */
function instructions(format, tools) {
  const example = writtenCall(format, { function: { name: "NAME", arguments: { KEY: "VALUE" } } });
  const list = tools.map((tool) => JSON.stringify(tool)).join("\n");
  return `You can call these tools:\n${list}\n\nTo call one, answer with:\n${example}`;
}

/**
 * The messages with the thinking where the template looks for it.
 *
 * @param {Record<string, any>[]} messages
 * @param {string} template
 * @param {[open: string, close: string]} thinking
 * @param {boolean} leavesOut whether a template of the family leaves it out where it does not know its name
 */
function withThinking(messages, template, [open, close], leavesOut) {
  const knows = (/** @type {string} */ name) => template.includes(name);
  return messages.map(({ reasoning_content, ...message }) => {
    if (!reasoning_content) return message;
    if (knows("reasoning_content")) return { ...message, reasoning_content };
    if (/message\.thinking|message\[.thinking.\]/.test(template)) return { ...message, thinking: reasoning_content };
    // Such a template finds the thinking in the text, and leaves out that of earlier answers.
    if (!knows(close) || leavesOut) return message;
    return { ...message, content: `${open}\n${reasoning_content}\n${close}\n\n${message.content}` };
  });
}

/**
 * The messages with calls and results as plain text, for a template that knows neither.
 *
 * @param {Record<string, any>[]} messages
 * @param {Format} format
 * @param {boolean} knowsResults whether it knows the role of the results
 */
function withCallsAsText(messages, format, knowsResults) {
  /** @type {Record<string, any>[]} */
  const plain = [];
  for (const { tool_calls = [], ...message } of messages) {
    const { role, content } = message;
    const calls = tool_calls.map((/** @type {any} */ call) => writtenCall(format, call));
    if (role !== "tool" || knowsResults) {
      plain.push({ ...message, content: [content, ...calls].filter(Boolean).join("\n") });
      continue;
    }
    const result = `<tool_response>\n${content}\n</tool_response>`;
    const last = plain.at(-1);
    // Results that follow each other are one message: many templates want the roles to take turns.
    if (last?.role === "user" && last.content.endsWith("</tool_response>")) last.content += `\n${result}`;
    else plain.push({ role: "user", content: result });
  }
  return plain;
}

/**
 * The messages with `text` at the end of the system message.
 *
 * @param {Record<string, any>[]} messages
 * @param {string} text
 */
function withSystem([first, ...others], text) {
  if (first.role !== "system") return [{ role: "system", content: text }, first, ...others];
  return [{ ...first, content: `${first.content}\n\n${text}` }, ...others];
}

/** A condition on the role "system", and an error where it holds. */
const REFUSES_SYSTEM = /(?:==|,)\s*(["'])system\1[^%]*%\}\s*\{\{-?\s*raise_exception/;

/**
 * The messages with `text` at the beginning of the user's first one.
 *
 * @param {Record<string, any>[]} messages
 * @param {string} text
 */
function withUser(messages, text) {
  const first = messages.findIndex(({ role }) => role === "user");
  return messages.map((message, index) =>
    index === first ? { ...message, content: `${text}\n\n${message.content}` } : message,
  );
}

/**
 * The messages with `text` where the template renders it: as the system message, unless it refuses one.
 *
 * @param {Record<string, any>[]} messages
 * @param {string} text
 * @param {string} template
 */
function withInstructions(messages, text, template) {
  const inUser = REFUSES_SYSTEM.test(template) && messages.some(({ role }) => role === "user");
  return inUser ? withUser(messages, text) : withSystem(messages, text);
}

/**
 * A copy of a value in which `change` has changed every text.
 *
 * @param {any} value
 * @param {(text: string) => string} change
 * @returns {any}
 */
function mapTexts(value, change) {
  if (typeof value === "string") return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [change(key), mapTexts(item, change)]));
}

/**
 * A copy of a value for a variable of the template, where none of its texts can spell special tokens.
 *
 * @template Value
 * @param {Value} value
 * @param {(messages: ChatMessage[]) => Promise<ChatRequest>} request prepares plain messages
 * @returns {Promise<Value>}
 */
async function shielded(value, request) {
  /** @type {Map<string, string>} */
  const texts = new Map();
  mapTexts(value, (text) => (texts.set(text, text), text));
  const contents = [...texts.keys()];
  const plain = await request(contents.map((content) => ({ role: "user", content })));
  contents.forEach((content, index) => texts.set(content, plain.messages[index].content));
  return mapTexts(value, (text) => texts.get(text) ?? text);
}

/**
 * The messages as a variable of the template.
 *
 * @param {Record<string, any>[]} messages
 * @param {(messages: ChatMessage[]) => Promise<ChatRequest>} request prepares plain messages
 */
async function shieldedMessages(messages, request) {
  const answers = await request(messages.map(({ role, content }) => ({ role, content })));
  return (await shielded(messages, request)).map((message, index) => ({
    ...message,
    // In the model's own answers the markers of its thinking stay.
    content: answers.messages[index].content,
  }));
}

/** @param {unknown} given */
export function checkedMessages(given) {
  if (!Array.isArray(given) || given.length === 0) throw invalidOption("messages", "must be a list of messages");
  return given.map(checked);
}

/**
 * What `chat` is called with: plain messages, and variables of the template.
 *
 * @param {Record<string, any>[]} messages as `checkedMessages` gives them
 * @param {{ template: string, format: Format, thinking: [string, string], tools: Tool[],
 *   request: (messages: ChatMessage[]) => Promise<ChatRequest> }} how
 * @returns {Promise<{ messages: ChatMessage[], variables: Record<string, unknown> }>}
 */
export async function prepare(messages, { template, format, thinking, tools, request }) {
  /** @type {Record<string, unknown>} */
  const variables = {};
  const knowsCalls = template.includes("tool_calls");
  const known = (knowsCalls && format.history?.(messages, template)) || messages;
  let list = withThinking(known, template, thinking, format.thinking !== undefined);
  const knowsResults = /["']tool["']/.test(template);
  if (!knowsCalls) list = withCallsAsText(list, format, knowsResults);
  if (tools.length > 0) {
    const told = tools.map((tool) => ({ type: "function", function: tool }));
    if (/\btools\b/.test(template)) variables.tools = await shielded(told, request);
    else list = withInstructions(list, instructions(format, tools), template);
  }
  const isPlain = list.every((message) => Object.keys(message).length === 2);
  if (!isPlain) variables.messages = await shieldedMessages(list, request);
  return { messages: list.map(({ role, content }) => ({ role, content })), variables };
}
