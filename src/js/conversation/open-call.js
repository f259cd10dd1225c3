// The text of a call that is being read: how much of it has been told, where it ends, and what it says.

import { firstOf, overlapOfAny } from "./overlap.js";
import { Quotes } from "./quotes.js";
import { XmlCalls } from "./xml-calls.js";

/** @typedef {import("./answer-reader.js").Part} Part */
/** @typedef {import("./format.js").Format} Format */
/** @typedef {import("./format.js").Tool} Tool */

export class OpenCall {
  /** All that has come of it, without the markers around it. */
  text = "";
  #format;
  #tools;
  #opened;
  #closes;
  #told = 0;
  /** From where on the marker of its end is looked for. */
  #searched = 0;
  /**
   * Tells whether a marker in it is part of a value.
   *
   * @type {{ readTo(text: string): void, readonly isInValue: boolean }}
   */
  #values;

  /**
   * @param {Format} format
   * @param {Tool[]} tools
   * @param {string} opened what came before it
   * @param {string[]} closes the markers that may end it; none where it ends with the text
   */
  constructor(format, tools, opened, closes) {
    this.#format = format;
    this.#tools = tools;
    this.#opened = opened;
    this.#closes = closes;
    const { form } = format;
    this.#values = form === "xml" ? new XmlCalls(tools) : new Quotes(form);
  }

  /** The marker of its end, once it has come, and where. */
  findEnd() {
    for (let found; (found = firstOf(this.text, this.#closes, this.#searched));) {
      this.#searched = found.at + found.marker.length;
      this.#values.readTo(this.text.slice(0, found.at));
      if (!this.#values.isInValue) return found;
    }
    this.#searched = Math.max(this.#safeLength, this.#searched);
    return undefined;
  }

  /**
   * Tells what has come and has not been told.
   *
   * @param {number} [end] how far; by default up to what may be the beginning of a marker
   * @returns {Part[]}
   */
  tell(end = this.#safeLength) {
    const text = this.text.slice(this.#told, end);
    this.#told = Math.max(end, this.#told);
    return text === "" ? [] : [{ channel: "call", text }];
  }

  /**
   * What it says, where it ends at `end`. A call that cannot be read is text.
   *
   * @param {number} end
   * @param {string} close the marker there
   * @returns {Part}
   */
  read(end, close) {
    const text = this.text.slice(0, end);
    try {
      const calls = this.#format.parse(text, this.#tools);
      const unknown = calls.find(({ name }) => !this.#tools.some((tool) => tool.name === name));
      if (unknown) throw new SyntaxError(`there is no tool "${unknown.name}"`);
      return { channel: "call", text: text.slice(this.#told), calls };
    } catch (thrown) {
      const reason = /** @type {Error} */ (thrown).message;
      const warning = `a call could not be read and is part of the text: ${reason}`;
      return { channel: "text", text: this.#opened + text + close, warning };
    }
  }

  /** How much of it is no beginning of a marker. */
  get #safeLength() {
    return this.text.length - overlapOfAny(this.text, this.#closes);
  }
}
