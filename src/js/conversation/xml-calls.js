// Calls in XML: `<function=name>`, with each argument as `<parameter=key>` … `</parameter>`. A text is written as it is, and
// everything else as JSON, whose strings may spell any marker. The parameters are therefore read one after another.

import { propertiesOf } from "./properties-of.js";
import { Quotes } from "./quotes.js";
import { NOTES, PARAMETER_END } from "./value-pattern.js";

/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {{ name: string, properties: Map<string, any>, entries: [string, unknown][] }} OpenCall */
/** @typedef {{ key: string, schema: any, start: number, searched: number, quotes: Quotes | undefined }} OpenValue */

/**
 * Whether a value in XML is written as it is: its schema allows texts alone, and says no more of them than how long they
 * are, or lists them.
 *
 * @param {any} schema
 */
export function isPlainText(schema) {
  const listed = schema?.const !== undefined ? [schema.const] : schema?.enum;
  if (Array.isArray(listed)) {
    return listed.every((value) => typeof value === "string" && !value.includes(PARAMETER_END));
  }
  const plain = [...NOTES, "minLength", "maxLength"];
  return schema?.type === "string" && Object.keys(schema).every((key) => plain.includes(key));
}

/**
 * Whether a schema allows texts, among others.
 *
 * @param {any} schema
 */
const allowsText = (schema) =>
  schema?.enum === undefined && (schema?.type === undefined || [schema.type].flat().includes("string"));

/**
 * @param {string} text
 * @param {any} schema
 */
function xmlValue(text, schema) {
  if (isPlainText(schema)) return text;
  try {
    return JSON.parse(text);
  } catch (thrown) {
    if (!allowsText(schema)) throw thrown;
    return text;
  }
}

/** Reads calls from a text that grows. What has been read once is not read again. */
export class XmlCalls {
  #tools;
  #at = 0;
  /** @type {OpenCall[]} */
  #calls = [];
  /** @type {OpenCall | undefined} */
  #call = undefined;
  /** @type {OpenValue | undefined} */
  #value = undefined;
  #problem = "";

  /** @param {Tool[]} tools */
  constructor(tools) {
    this.#tools = tools;
  }

  /**
   * Reads on up to the end of `text`, which begins as the one before.
   *
   * @param {string} text
   */
  readTo(text) {
    while (this.#problem === "" && this.#step(text));
  }

  /** Whether what has been read ends within a value. */
  get isInValue() {
    return this.#value !== undefined;
  }

  /** The calls. Throws where what has been read is anything else. */
  get calls() {
    if (this.#value) throw new SyntaxError("a parameter does not end");
    if (this.#problem !== "") throw new SyntaxError(this.#problem);
    if (this.#call || this.#calls.length === 0) throw new SyntaxError("it has no function");
    return this.#calls.map(({ name, entries }) => ({ name, arguments: Object.fromEntries(entries) }));
  }

  /**
   * Reads the next marker or value. Returns whether there was one.
   *
   * @param {string} text
   */
  #step(text) {
    if (this.#value) return this.#readValue(text, this.#value);
    return this.#call ? this.#readMarker(text, this.#call) : this.#readFunction(text);
  }

  /** @param {string} text */
  #readFunction(text) {
    const found = this.#match(/<function=([^>\n]+)>/g, text);
    if (!found) return false;
    const name = found[1].trim();
    const tool = this.#tools.find((tool) => tool.name === name);
    this.#call = { name, properties: propertiesOf(tool?.parameters), entries: [] };
    return true;
  }

  /**
   * @param {string} text
   * @param {OpenCall} call
   */
  #readMarker(text, call) {
    const found = this.#match(/\s*<parameter=([^>\n]+)>\n?/y, text);
    if (found) {
      const [key, start] = [found[1].trim(), this.#at];
      const schema = call.properties.get(key);
      const isQuoted = !isPlainText(schema) && /^\s*["[{]/.test(text.slice(start, start + 100));
      const quotes = isQuoted ? new Quotes("json", start) : undefined;
      this.#value = { key, schema, start, searched: start, quotes };
      return true;
    }
    if (this.#match(/\s*<\/function>/y, text)) {
      this.#calls.push(call);
      this.#call = undefined;
    } else {
      this.#problem = "a parameter or the end of the function is missing";
    }
    return true;
  }

  /**
   * @param {string} text
   * @param {OpenValue} value
   */
  #readValue(text, value) {
    const end = text.indexOf(PARAMETER_END, value.searched);
    value.searched = end < 0 ? text.length : end + PARAMETER_END.length;
    if (end < 0) return false;
    value.quotes?.readTo(text.slice(0, end));
    if (value.quotes?.isInValue) return true;
    this.#at = value.searched;
    this.#value = undefined;
    const last = text[end - 1] === "\n" && end > value.start ? end - 1 : end;
    try {
      this.#call?.entries.push([value.key, xmlValue(text.slice(value.start, last), value.schema)]);
    } catch (thrown) {
      this.#problem = /** @type {Error} */ (thrown).message;
    }
    return true;
  }

  /**
   * @param {RegExp} pattern
   * @param {string} text
   */
  #match(pattern, text) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(text);
    if (found) this.#at = pattern.lastIndex;
    return found;
  }
}
