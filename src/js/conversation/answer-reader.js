// The text of an answer, piece by piece → what of it is thinking, text and calls. It keeps back what may still become a
// marker. The text is a model's: none of it throws, and a call that cannot be read becomes text with a warning.

import { overlap } from "./overlap.js";
import { Quotes } from "./quotes.js";
import { XmlCalls } from "./xml-calls.js";

/** @typedef {import("./format.js").Format} Format */
/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {import("./parse-calls.js").Call} Call */
/**
 * @typedef {object} Part a piece of a channel
 * @property {"thinking" | "text" | "call"} channel
 * @property {string} text
 * @property {Call[]} [calls] what ends with it
 * @property {string} [warning] why what looked like a call is text
 * @property {"marker" | "name"} [opened] that a call begins after it, by its marker or up to the tool's name
 */

/** How a call without a marker begins, up to the name. */
const BARE = /^\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"/;

export class AnswerReader {
  #format;
  #thinking;
  #tools;
  /** @type {"beginning" | "thinking" | "text" | "call"} */
  #state;
  /** What is kept back; of a call all that has come. */
  #buffer = "";
  /** How much of a call has been emitted. */
  #emitted = 0;
  /** Where in a call the marker of its end is looked for. */
  #searched = 0;
  /**
   * Tells whether a marker in a call is part of a value.
   *
   * @type {{ readTo(text: string): void, readonly isInValue: boolean } | undefined}
   */
  #values = undefined;
  /** The marker that the call began with. */
  #opened = "";
  /** Whether the beginning of a call without a marker has been emitted. */
  #named = false;
  /** What has come after the beginning that was emitted last as `opened`. */
  rest = "";
  /** Whether blanks are left out, because nothing of the text has been emitted since a marker. */
  #skipsSpace = false;

  /**
   * @param {Format} format
   * @param {[open: string, close: string]} thinking the markers around it
   * @param {Tool[]} tools none where a call is no more than text
   * @param {boolean} [thinks] whether the prompt ends within its thinking
   */
  constructor(format, thinking, tools, thinks = false) {
    this.#format = format;
    this.#thinking = thinking;
    this.#tools = tools;
    this.#state = thinks ? "thinking" : "beginning";
    this.#skipsSpace = thinks;
  }

  get state() {
    return this.#state;
  }

  /**
   * Reads the next piece, up to the beginning of a call: what follows that is read with the next piece.
   *
   * @param {string} piece
   * @returns {Part[]}
   */
  read(piece) {
    this.#buffer += piece;
    /** @type {Part[]} */
    const parts = [];
    for (let before; before !== this.#state && !parts.at(-1)?.opened;) {
      before = this.#state;
      this.#step(parts, false);
    }
    return parts;
  }

  /**
   * Reads to the end: nothing follows.
   *
   * @returns {Part[]}
   */
  end() {
    const parts = this.read("");
    for (let more = parts; more.length > 0; parts.push(...more)) more = this.read("");
    if (this.#state === "call") this.#endCall(parts, this.#buffer.length, "");
    else this.#step(parts, true);
    this.#emit(parts, this.#state === "thinking" ? "thinking" : "text", this.#buffer);
    this.#buffer = "";
    return parts;
  }

  /** Forgets what came after the beginning of a call that was emitted as `opened`, because it is written anew. */
  restartCall() {
    this.#buffer = this.#buffer.slice(0, this.#buffer.length - this.rest.length);
    this.#emitted = Math.min(this.#emitted, this.#buffer.length);
    this.rest = "";
  }

  /**
   * @param {Part[]} parts
   * @param {boolean} last whether nothing follows
   */
  #step(parts, last) {
    if (this.#state === "beginning") this.#readBeginning(last);
    if (this.#state === "thinking") this.#readThinking(parts);
    else if (this.#state === "text") this.#readText(parts);
    else if (this.#state === "call") this.#readCall(parts);
  }

  /**
   * Thinking comes first, and so does a call without a marker.
   *
   * @param {boolean} last
   */
  #readBeginning(last) {
    const [open] = this.#thinking;
    const text = this.#buffer.trimStart();
    if (text.startsWith(open)) {
      this.#begin("thinking", text.slice(open.length));
    } else if (last || !open.startsWith(text)) {
      this.#state = "text";
      const bare = this.#format.bare && this.#tools.length > 0 && text.startsWith("{");
      if (bare) this.#beginCall("", text);
    }
  }

  /** @param {Part[]} parts */
  #readThinking(parts) {
    const [, close] = this.#thinking;
    const at = this.#buffer.indexOf(close);
    if (at < 0) return this.#emitUpTo(parts, "thinking", this.#buffer.length - overlap(this.#buffer, close));
    const after = this.#buffer.slice(at + close.length);
    this.#emit(parts, "thinking", this.#buffer.slice(0, at));
    this.#begin("text", after);
    // What follows may be a call without a marker.
    if (this.#format.bare) this.#state = "beginning";
  }

  /** @param {Part[]} parts */
  #readText(parts) {
    const { open } = this.#format;
    const at = this.#tools.length > 0 ? this.#buffer.indexOf(open) : -1;
    if (at >= 0) {
      const after = this.#buffer.slice(at + open.length);
      this.#emit(parts, "text", this.#buffer.slice(0, at));
      this.#beginCall(open, after);
      this.rest = after;
      parts.push({ channel: "call", text: "", opened: "marker" });
      return;
    }
    const kept = this.#tools.length > 0 ? overlap(this.#buffer, open) : 0;
    this.#emitUpTo(parts, "text", this.#buffer.length - kept);
  }

  /** @param {Part[]} parts */
  #readCall(parts) {
    const { close } = this.#format;
    // A call without a marker has none at its end, either.
    for (let at; close !== "" && (at = this.#buffer.indexOf(close, this.#searched)) >= 0;) {
      this.#searched = at + close.length;
      if (this.#endCall(parts, at, close)) return;
    }
    const end = this.#buffer.length - overlap(this.#buffer, close);
    this.#searched = Math.max(end, this.#searched);
    const named = this.#opened === "" && !this.#named ? BARE.exec(this.#buffer) : null;
    // What comes after the beginning is written anew, and emitted then.
    this.#emitCall(parts, named ? named[0].length : end);
    if (!named) return;
    this.#named = true;
    this.rest = this.#buffer.slice(named[0].length);
    parts.push({ channel: "call", text: "", opened: "name" });
  }

  /**
   * @param {Part[]} parts
   * @param {number} end
   */
  #emitCall(parts, end) {
    if (end > this.#emitted) parts.push({ channel: "call", text: this.#buffer.slice(this.#emitted, end) });
    this.#emitted = Math.max(end, this.#emitted);
  }

  /**
   * Reads the call that ends at `at`. Returns false where the text may go on, because the marker is part of a value.
   *
   * @param {Part[]} parts
   * @param {number} at
   * @param {string} close
   */
  #endCall(parts, at, close) {
    const text = this.#buffer.slice(0, at);
    if (close !== "") {
      this.#values?.readTo(text);
      if (this.#values?.isInValue) return false;
    }
    try {
      const calls = this.#format.parse(text, this.#tools);
      const unknown = calls.find(({ name }) => !this.#tools.some((tool) => tool.name === name));
      if (unknown) throw new SyntaxError(`there is no tool "${unknown.name}"`);
      parts.push({ channel: "call", text: text.slice(this.#emitted), calls });
    } catch (thrown) {
      const reason = /** @type {Error} */ (thrown).message;
      const warning = `a call could not be read and is part of the text: ${reason}`;
      parts.push({ channel: "text", text: this.#opened + text + close, warning });
    }
    this.#begin("text", this.#buffer.slice(at + close.length));
    return true;
  }

  /**
   * @param {"thinking" | "text"} state
   * @param {string} rest
   */
  #begin(state, rest) {
    this.#state = state;
    this.#buffer = rest;
    this.#skipsSpace = true;
  }

  /**
   * @param {string} marker
   * @param {string} rest
   */
  #beginCall(marker, rest) {
    this.#state = "call";
    this.#opened = marker;
    this.#buffer = rest;
    this.#emitted = this.#searched = 0;
    const { form } = this.#format;
    this.#values = form === "xml" ? new XmlCalls(this.#tools) : new Quotes(form);
  }

  /**
   * @param {Part[]} parts
   * @param {"thinking" | "text"} channel
   * @param {number} end
   */
  #emitUpTo(parts, channel, end) {
    const text = this.#buffer.slice(0, end);
    this.#buffer = this.#buffer.slice(end);
    this.#emit(parts, channel, text);
  }

  /**
   * @param {Part[]} parts
   * @param {"thinking" | "text"} channel
   * @param {string} text
   */
  #emit(parts, channel, text) {
    const emitted = this.#skipsSpace ? text.trimStart() : text;
    if (emitted === "") return;
    this.#skipsSpace = false;
    parts.push({ channel, text: emitted });
  }
}
