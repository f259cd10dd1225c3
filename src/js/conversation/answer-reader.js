// The text of an answer, piece by piece → what of it is thinking, text and calls. It keeps back what may still become a
// marker. The text is a model's: none of it throws, and a call that cannot be read becomes text with a warning.

import { OpenCall } from "./open-call.js";
import { firstOf, overlapOfAny } from "./overlap.js";

/** @typedef {import("./format.js").Format} Format */
/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {import("./parse-calls.js").Call} Call */
/**
 * @typedef {object} Part a piece of a channel
 * @property {"thinking" | "text" | "call"} channel
 * @property {string} text
 * @property {Call[]} [calls] what ends with it
 * @property {string} [warning] why what looked like a call is text
 * @property {"marker" | "name" | "role"} [opened] that a call begins after it: by its marker, up to the tool's name, or up
 *   to that in the role of a message
 */
/**
 * @typedef {object} Reader
 * @property {"beginning" | "thinking" | "text" | "call" | "header" | "between" | "ended"} state
 * @property {string} rest what has come after the beginning that was emitted last as `opened`
 * @property {(piece: string) => Part[]} read reads the next piece, up to the beginning of a call
 * @property {() => Part[]} end reads to the end: nothing follows
 * @property {() => void} restartCall forgets `rest`, because it is written anew
 */

/** How a call without a marker begins, up to the name. */
const BARE = /^\{\s*(?:"type"\s*:\s*"function"\s*,\s*)?"name"\s*:\s*"/;

/** @implements {Reader} */
export class AnswerReader {
  #format;
  #thinking;
  #tools;
  /** What changes the channel of a text. */
  #marks;
  /** @type {"beginning" | "thinking" | "text" | "call"} */
  #state;
  /** What is kept back. */
  #buffer = "";
  /** @type {OpenCall | undefined} */
  #call = undefined;
  /** Whether the call has a marker or its beginning without one has been emitted. */
  #named = false;
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
    this.#marks = [...(tools.length > 0 ? [format.open] : []), ...(format.thinking ?? [])];
    this.#state = thinks ? "thinking" : "beginning";
    this.#skipsSpace = thinks;
  }

  get state() {
    return this.#state;
  }

  /** @param {string} piece */
  read(piece) {
    this.#buffer += piece;
    /** @type {Part[]} */
    const parts = [];
    while (this.#step(parts, false) && !parts.at(-1)?.opened);
    return parts;
  }

  end() {
    const parts = this.read("");
    for (let more = parts; more.length > 0; parts.push(...more)) more = this.read("");
    if (this.#call) this.#endCall(parts, this.#call, this.#call.text.length, "");
    else this.#step(parts, true);
    this.#emit(parts, this.#state === "thinking" ? "thinking" : "text", this.#buffer);
    this.#buffer = "";
    return parts;
  }

  restartCall() {
    this.#buffer = this.rest = "";
  }

  /**
   * Returns whether a marker has been read, after which there may be another one.
   *
   * @param {Part[]} parts
   * @param {boolean} last whether nothing follows
   * @returns {boolean}
   */
  #step(parts, last) {
    if (this.#state === "beginning") return this.#readBeginning(last);
    if (this.#state === "thinking") return this.#readThinking(parts);
    return this.#call ? this.#readCall(parts, this.#call) : this.#readText(parts);
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
    return this.#state !== "beginning";
  }

  /** @param {Part[]} parts */
  #readThinking(parts) {
    const [, close] = this.#thinking;
    const at = this.#buffer.indexOf(close);
    if (at < 0) {
      this.#emitUpTo(parts, "thinking", this.#buffer.length - overlapOfAny(this.#buffer, [close]));
      return false;
    }
    const after = this.#buffer.slice(at + close.length);
    this.#emit(parts, "thinking", this.#buffer.slice(0, at));
    this.#begin("text", after);
    // What follows may be a call without a marker.
    if (this.#format.bare) this.#state = "beginning";
    return true;
  }

  /** @param {Part[]} parts */
  #readText(parts) {
    const mark = firstOf(this.#buffer, this.#marks);
    if (!mark) {
      this.#emitUpTo(parts, "text", this.#buffer.length - overlapOfAny(this.#buffer, this.#marks));
      return false;
    }
    const after = this.#buffer.slice(mark.at + mark.marker.length);
    this.#emit(parts, "text", this.#buffer.slice(0, mark.at));
    if (mark.marker !== this.#format.open) {
      // The end of a thought that has not begun is no part of the text, either.
      this.#begin(mark.marker === this.#thinking[0] ? "thinking" : "text", after);
      return true;
    }
    this.#beginCall(mark.marker, after);
    this.rest = after;
    parts.push({ channel: "call", text: "", opened: "marker" });
    return true;
  }

  /**
   * @param {Part[]} parts
   * @param {OpenCall} call
   */
  #readCall(parts, call) {
    call.text += this.#buffer;
    this.#buffer = "";
    const found = call.findEnd();
    if (found) {
      this.#endCall(parts, call, found.at, found.marker);
      return true;
    }
    const named = this.#named ? null : BARE.exec(call.text);
    if (!named) {
      parts.push(...call.tell());
      return false;
    }
    // What comes after the beginning is written anew, and emitted then.
    this.#named = true;
    this.rest = this.#buffer = call.text.slice(named[0].length);
    call.text = named[0];
    parts.push(...call.tell(), { channel: "call", text: "", opened: "name" });
    return true;
  }

  /**
   * @param {Part[]} parts
   * @param {OpenCall} call
   * @param {number} at where it ends
   * @param {string} close the marker there
   */
  #endCall(parts, call, at, close) {
    parts.push(call.read(at, close));
    this.#call = undefined;
    this.#begin("text", call.text.slice(at + close.length));
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
    const { close } = this.#format;
    this.#state = "call";
    this.#call = new OpenCall(this.#format, this.#tools, marker, close === "" ? [] : [close]);
    this.#named = marker !== "";
    this.#buffer = rest;
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
