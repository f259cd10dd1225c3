// The families of chat templates: how a model of each writes its calls, and what it puts around its thinking. A family is
// told by the template's text, and where that says nothing, by the special tokens of the vocabulary.

import { oneCallEach, withResponses } from "./call-histories.js";
import { ANALYSIS, CALL, END, IN_ROLE } from "./harmony.js";
import { ARGS, TOOL_CALLS } from "./markers.js";
import { argsCalls, gemmaCalls, harmonyCalls, jsonCalls, llamaCalls, pythonCalls, xmlCalls } from "./parse-calls.js";
import { GEMMA_QUOTE } from "./quotes.js";
import { PARAMETER_END } from "./value-pattern.js";

/** @typedef {import("./parse-calls.js").Call} Call */
/** @typedef {{ name: string, description?: string, parameters?: any }} Tool */
/**
 * @typedef {object} Format
 * @property {string} name of the family
 * @property {string} open the marker before a call
 * @property {string} close the marker after it; "" where a call ends with the text
 * @property {"json" | "python" | "xml" | "gemma"} form how the arguments are written
 * @property {string} before what comes between the marker and the tool's name
 * @property {string} between what comes between the name and the arguments
 * @property {string} after what comes between the arguments and what follows the call
 * @property {string} [next] what comes between two calls in the same list
 * @property {string} [end] what ends such a list
 * @property {boolean} [bare] whether an answer that begins with a brace is a call, too
 * @property {boolean} [single] whether an answer has one call at most, which ends it
 * @property {boolean} [isHarmony] whether an answer is a list of messages, see there
 * @property {string} [inRole] what comes between the name and the arguments where the name is in the role of a message
 * @property {[open: string, close: string]} [thinking] the markers around thinking that may come anywhere in the text
 * @property {string} [closing] what ends the thinking where that is limited
 * @property {string[]} [markers] further control tokens that count as text
 * @property {(messages: Record<string, any>[], template: string) => Record<string, any>[]} [history] the messages with calls
 *   and results as its templates know them
 * @property {(text: string, tools: Tool[]) => Call[]} parse
 */

const json = { form: /** @type {const} */ ("json"), between: '", "arguments": ', after: "}", parse: jsonCalls };
const python = { form: /** @type {const} */ ("python"), between: "(", after: ")", next: ", ", parse: pythonCalls };
const toolCall = { open: "<tool_call>", close: "</tool_call>" };

/** @type {Record<string, Format>} */
export const FORMATS = {
  hermes: { name: "hermes", ...toolCall, ...json, before: '\n{"name": "', after: "}\n" },
  llama: {
    name: "llama",
    open: "<|python_tag|>",
    close: "",
    bare: true,
    single: true,
    form: "json",
    before: '{"name": "',
    between: '", "parameters": ',
    after: "}",
    parse: llamaCalls,
  },
  mistral: {
    name: "mistral",
    open: TOOL_CALLS,
    close: "",
    single: true,
    ...json,
    before: '[{"name": "',
    next: ', {"name": "',
    end: "]",
  },
  mistralArgs: {
    name: "mistralArgs",
    open: TOOL_CALLS,
    close: "",
    single: true,
    form: "json",
    before: "",
    between: ARGS,
    after: "",
    parse: argsCalls,
  },
  lfm2: { name: "lfm2", open: "<|tool_call_start|>", close: "<|tool_call_end|>", ...python, before: "[", end: "]" },
  gemma: { name: "gemma", open: "```tool_code", close: "```", ...python, before: "\n[", end: "]\n" },
  gemma4: {
    name: "gemma4",
    open: "<|tool_call>",
    close: "<tool_call|>",
    form: "gemma",
    before: "call:",
    between: "{",
    after: "}",
    thinking: ["<|channel>thought", "<channel|>"],
    closing: "<channel|>",
    markers: ["<|channel>", GEMMA_QUOTE],
    history: withResponses,
    parse: gemmaCalls,
  },
  harmony: {
    name: "harmony",
    ...CALL,
    close: "",
    single: true,
    form: "json",
    before: "",
    inRole: IN_ROLE,
    after: "",
    isHarmony: true,
    thinking: [ANALYSIS, END],
    history: oneCallEach,
    parse: harmonyCalls,
  },
  xml: {
    name: "xml",
    ...toolCall,
    form: "xml",
    parse: xmlCalls,
    before: "\n<function=",
    between: ">\n",
    after: "</function>\n",
  },
};

/** How the arguments of a call are written one by one: around each name, between them, and after each value. */
export const STYLES = {
  python: { before: "", named: "=", separator: ", ", after: "" },
  gemma: { before: "", named: ":", separator: ",", after: "" },
  xml: { before: "<parameter=", named: ">\n", separator: "", after: `\n${PARAMETER_END}\n` },
};

/** The families, each with what its templates hold; the first that fits is taken. */
const SIGNS = /** @type {const} */ ([
  ["harmony", /<\|channel\|>/],
  ["gemma4", /<\|tool_call>|<\|turn>/],
  ["xml", /<function=|<function>\\n<name>/],
  ["lfm2", /<\|tool_call_start\|>|<\|tool_list_start\|>/],
  ["mistralArgs", /\[ARGS\]/],
  ["mistral", /\[TOOL_CALLS\]|\[AVAILABLE_TOOLS\]/],
  ["hermes", /<tool_call>/],
  ["llama", /<\|python_tag\|>|<\|start_header_id\|>/],
  ["gemma", /<start_of_turn>/],
]);

/** The families whose calls have a marker that is a token of its own, where that is not in the template. */
const TOKENS = /** @type {const} */ ([
  ["harmony", "<|channel|>"],
  ["gemma4", "<|tool_call>"],
  ["lfm2", "<|tool_call_start|>"],
  ["mistral", TOOL_CALLS],
  ["hermes", "<tool_call>"],
  ["llama", "<|python_tag|>"],
]);

/** The markers around thinking that comes before the text. */
const THINKING = [
  ["<think>", "</think>"],
  ["[THINK]", "[/THINK]"],
  ["<|START_THINKING|>", "<|END_THINKING|>"],
  ["<seed:think>", "</seed:think>"],
];

/**
 * The family of a template.
 *
 * @param {string} template
 * @param {(text: string) => Promise<boolean>} isToken whether the vocabulary has a text as one token
 * @returns {Promise<Format>}
 */
export async function formatOf(template, isToken) {
  const sign = SIGNS.find(([, pattern]) => pattern.test(template));
  if (sign) return FORMATS[sign[0]];
  for (const [name, token] of TOKENS) if (await isToken(token)) return FORMATS[name];
  // Told in words, any model can write it.
  return FORMATS.hermes;
}

/**
 * The markers around the thinking of a template's model.
 *
 * @param {string} template
 * @param {(text: string) => Promise<boolean>} isToken
 * @returns {Promise<[open: string, close: string]>}
 */
export async function thinkingOf(template, isToken) {
  for (const [open, close] of THINKING) if (template.includes(close)) return [open, close];
  for (const [open, close] of THINKING) if ((await isToken(open)) && (await isToken(close))) return [open, close];
  return ["<think>", "</think>"];
}
