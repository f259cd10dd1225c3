// The text of a call, without the markers around it → the tool's name and the arguments. Each family of templates has its
// own form. What cannot be read throws; the reader takes such a text for plain text.

import { readGemmaValue } from "./gemma-values.js";
import { ARGS, CALL_ID, TOOL_CALLS } from "./markers.js";
import { propertiesOf } from "./properties-of.js";
import { readPythonCalls } from "./python-literals.js";
import { isObject, readArguments } from "./read-arguments.js";
import { XmlCalls } from "./xml-calls.js";

/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {{ name: string, arguments: Record<string, unknown> }} Call */

/**
 * A call. Some models write the arguments as JSON in a string.
 *
 * @param {unknown} name
 * @param {unknown} written
 * @returns {Call}
 */
function checked(name, written) {
  if (typeof name !== "string" || name === "") throw new SyntaxError("it has no name");
  const wrong = (/** @type {string} */ reason, /** @type {unknown} */ thrown) =>
    thrown ?? new SyntaxError(`its arguments are no ${reason}`);
  return { name, arguments: readArguments(written, wrong) };
}

/**
 * JSON: an object with the name and the arguments, or a list of such objects.
 *
 * @param {string} text
 */
export function jsonCalls(text) {
  const read = JSON.parse(text);
  return [read].flat().map((call) => {
    if (!isObject(call)) throw new SyntaxError("it is no object");
    const called = isObject(call.function) ? call.function : call;
    return checked(called.name ?? call.function, called.arguments ?? called.parameters);
  });
}

/**
 * Mistral's newer form: `name[ARGS]{…}`, where each further call may have the marker before it.
 *
 * @param {string} text
 */
export function argsCalls(text) {
  return text
    .split(TOOL_CALLS)
    .filter((part) => part.trim() !== "")
    .map((part) => {
      const at = part.indexOf(ARGS);
      if (at < 0) throw new SyntaxError("its arguments are missing");
      const [name] = part.slice(0, at).split(CALL_ID);
      return checked(name.trim(), JSON.parse(part.slice(at + ARGS.length)));
    });
}

/**
 * Python's: arguments without a name are those of the schema, in its order.
 *
 * @param {string} text
 * @param {Tool[]} tools
 */
export function pythonCalls(text, tools) {
  return readPythonCalls(text.trim()).map(({ name, positional, named }) => {
    const names = [...propertiesOf(tools.find((tool) => tool.name === name)?.parameters).keys()];
    if (positional.length > names.length) throw new SyntaxError("it has arguments without a name");
    const unnamed = positional.map((value, index) => [names[index], value]);
    return checked(name, Object.fromEntries([...unnamed, ...Object.entries(named)]));
  });
}

/**
 * JSON, or after Llama's marker for code a call of one of its own tools, `name.call(key="value")`.
 *
 * @param {string} text
 * @param {Tool[]} tools
 */
export function llamaCalls(text, tools) {
  if (/^\s*[[{]/.test(text)) return jsonCalls(text);
  return pythonCalls(text, tools).map((call) => ({ ...call, name: call.name.replace(/\.call$/, "") }));
}

/**
 * Gemma 4's: `call:name{key:value}`.
 *
 * @param {string} text
 */
export function gemmaCalls(text) {
  const found = /^\s*call:([^\s{]+)\s*(\{[^]*)$/.exec(text);
  if (!found) throw new SyntaxError("it has no name");
  return [checked(found[1], readGemmaValue(found[2]))];
}

/**
 * gpt-oss's: the tool's name, the rest of the message's header, and JSON.
 *
 * @param {string} text
 */
export function harmonyCalls(text) {
  const found = /^([^\s<]+)[^]*?<\|message\|>([^]*)$/.exec(text);
  if (!found) throw new SyntaxError("its arguments are missing");
  return [checked(found[1], JSON.parse(found[2]))];
}

/**
 * XML, see there.
 *
 * @param {string} text
 * @param {Tool[]} tools
 */
export function xmlCalls(text, tools) {
  const read = new XmlCalls(tools);
  read.readTo(text);
  return read.calls.map((call) => checked(call.name, call.arguments));
}
