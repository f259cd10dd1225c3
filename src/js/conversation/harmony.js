// gpt-oss's "harmony": an answer is a list of messages, each with a header that names its channel. What the model thinks is
// in the channel "analysis", and what it says in "final"; a call is a message to a tool, and one in "commentary" to nobody
// is text, too. Source: https://cookbook.openai.com/articles/openai-harmony

import { OpenCall } from "./open-call.js";
import { firstOf, overlapOfAny } from "./overlap.js";

/** @typedef {import("./answer-reader.js").Part} Part */
/** @typedef {import("./answer-reader.js").Reader} Reader */
/** @typedef {import("./format.js").Format} Format */
/** @typedef {import("./format.js").Tool} Tool */

/** Before the answer, which the prompt ends with, and each further message of it. */
export const START = "<|start|>assistant";
const CHANNEL = "<|channel|>";
const MESSAGE = "<|message|>";
/** After a message that is not the last one. */
export const END = "<|end|>";
/** Whatever may come after a message. */
const ENDS = [END, "<|return|>", "<|call|>"];
/** The headers of what is thought and said. */
export const ANALYSIS = `${CHANNEL}analysis${MESSAGE}`;
export const FINAL = `${CHANNEL}final${MESSAGE}`;
/** In a header, before the recipient of a message. */
const TO = " to=";
/** The same before the name of a tool. */
const RECIPIENT = `${TO}functions.`;
/** The longest header: what goes on without its end is text. */
const MAX_HEADER = 300;
/** Between two messages of text. */
const PARAGRAPH = "\n\n";

/** The markers of a call, as most are written. */
export const CALL = { open: `${CHANNEL}commentary${RECIPIENT}`, between: ` <|constrain|>json${MESSAGE}` };
/** What comes after the name of the tool where that is in the role, as in the history. */
export const IN_ROLE = `${CHANNEL}commentary${CALL.between}`;

/**
 * The header's channel, and the name of whom the message is for, if it is for somebody. The model sometimes begins a header
 * twice: the last channel counts.
 *
 * @param {string} header
 */
function readHeader(header) {
  const channel = /[^]*<\|channel\|>(\w+)/.exec(header)?.[1] ?? "final";
  const recipient = /.* to=([^\s<]+)/.exec(header)?.[1];
  return { channel, recipient: recipient === "assistant" ? undefined : recipient };
}

/** @implements {Reader} */
export class HarmonyReader {
  #format;
  #tools;
  /** @type {Reader["state"]} */
  #state = "beginning";
  /** What is kept back. */
  #buffer = "";
  /** @type {OpenCall | undefined} */
  #call = undefined;
  /** Whether the text that is being read is the last message. */
  #isFinal = false;
  /** The channels that something has been emitted of; each further message of one is a paragraph of its own. */
  #used = new Set();
  /** Whether something of the message has been emitted. */
  #begun = false;
  rest = "";

  /**
   * @param {Format} format
   * @param {Tool[]} tools none where a call is no more than text
   * @param {boolean} [thinks] whether the prompt ends within its thinking
   */
  constructor(format, tools, thinks = false) {
    this.#format = format;
    this.#tools = tools;
    if (thinks) this.#state = "thinking";
  }

  get state() {
    return this.#state;
  }

  /** @param {string} piece */
  read(piece) {
    this.#buffer += piece;
    /** @type {Part[]} */
    const parts = [];
    while (this.#step(parts) && !parts.at(-1)?.opened);
    return parts;
  }

  end() {
    const parts = this.read("");
    for (let more = parts; more.length > 0; parts.push(...more)) more = this.read("");
    if (this.#call) parts.push(this.#call.read(this.#call.text.length, ""));
    else if (!this.#isMarker) this.#emit(parts, this.#buffer);
    this.#call = undefined;
    this.#buffer = "";
    this.#state = "ended";
    return parts;
  }

  /** Whether an answer that ends now ends within a header or between messages, so that what is left of it is no text. */
  get #isMarker() {
    if (this.#state === "header") return this.#buffer.startsWith(CHANNEL);
    return this.#state === "between" || this.#state === "ended";
  }

  restartCall() {
    this.#buffer = this.rest = "";
  }

  /**
   * Returns whether something has been read after which there may be more.
   *
   * @param {Part[]} parts
   * @returns {boolean}
   */
  #step(parts) {
    if (this.#state === "beginning") return this.#readBeginning();
    if (this.#state === "header") return this.#readHeader(parts);
    if (this.#state === "between") return this.#readBetween();
    if (this.#state === "ended") return false;
    return this.#call ? this.#readCall(parts, this.#call) : this.#readMessage(parts);
  }

  /** Reads the beginning of an answer: its first message has a header, or all of it is text. */
  #readBeginning() {
    const headers = [CHANNEL, TO];
    const text = this.#buffer;
    if (headers.some((header) => text.startsWith(header))) this.#state = "header";
    else if (headers.some((header) => header.startsWith(text))) return false;
    else this.#beginMessage("text", true);
    return true;
  }

  /** @param {Part[]} parts */
  #readHeader(parts) {
    const named = this.#tools.length > 0 ? this.#buffer.indexOf(RECIPIENT) : -1;
    const at = this.#buffer.indexOf(MESSAGE);
    if (named >= 0 && (at < 0 || named < at)) {
      this.#beginCall(this.#buffer.slice(0, named + RECIPIENT.length));
      this.rest = this.#buffer;
      parts.push({ channel: "call", text: "", opened: named === 0 ? "role" : "marker" });
      return true;
    }
    if (at < 0) {
      if (this.#buffer.length <= MAX_HEADER) return false;
      this.#beginMessage("text", true);
      return true;
    }
    const { channel, recipient } = readHeader(this.#buffer.slice(0, at));
    if (recipient !== undefined) {
      // What is for none of the tools is read as a call, and tells why it is none.
      if (this.#tools.length > 0) this.#beginCall(this.#buffer.slice(0, this.#buffer.indexOf(TO) + TO.length));
      else this.#beginMessage("text", true);
      return true;
    }
    this.#buffer = this.#buffer.slice(at + MESSAGE.length);
    this.#beginMessage(channel === "analysis" ? "thinking" : "text", channel === "final");
    return true;
  }

  /** @param {Part[]} parts */
  #readMessage(parts) {
    const found = firstOf(this.#buffer, ENDS);
    const end = found ? found.at : this.#buffer.length - overlapOfAny(this.#buffer, ENDS);
    this.#emit(parts, this.#buffer.slice(0, end));
    this.#buffer = this.#buffer.slice(end + (found ? found.marker.length : 0));
    if (found) this.#state = this.#isFinal ? "ended" : "between";
    return found !== undefined;
  }

  /** Another message of the answer; anybody else's would not be part of it. */
  #readBetween() {
    if (this.#buffer.startsWith(START)) {
      this.#buffer = this.#buffer.slice(START.length);
      this.#state = "beginning";
      return this.#buffer !== "";
    }
    if (!START.startsWith(this.#buffer)) this.#state = "ended";
    return false;
  }

  /**
   * @param {Part[]} parts
   * @param {OpenCall} call
   */
  #readCall(parts, call) {
    call.text += this.#buffer;
    this.#buffer = "";
    const found = call.findEnd();
    if (!found) {
      parts.push(...call.tell());
      return false;
    }
    parts.push(call.read(found.at, found.marker));
    this.#call = undefined;
    this.#state = "ended";
    return false;
  }

  /**
   * @param {"thinking" | "text"} state
   * @param {boolean} isFinal
   */
  #beginMessage(state, isFinal) {
    this.#state = state;
    this.#isFinal = isFinal;
    this.#begun = false;
  }

  /** @param {string} opened */
  #beginCall(opened) {
    this.#state = "call";
    this.#buffer = this.#buffer.slice(opened.length);
    this.#call = new OpenCall(this.#format, this.#tools, opened, ENDS);
  }

  /**
   * @param {Part[]} parts
   * @param {string} text
   */
  #emit(parts, text) {
    if (text === "") return;
    const channel = this.#state === "thinking" ? "thinking" : "text";
    const isFurther = !this.#begun && this.#used.has(channel);
    this.#used.add(channel);
    this.#begun = true;
    parts.push({ channel, text: isFurther ? PARAGRAPH + text : text });
  }
}

/**
 * The texts of which one comes next; none where the model goes on by itself.
 *
 * @param {Reader["state"]} state
 * @param {{ required: boolean, callable: boolean, thought: number, limit: number }} how whether a call is required or may
 *   come, how many tokens have been thought, and how many may be
 * @returns {string[]}
 */
export function forcedMessages(state, { required, callable, thought, limit }) {
  if (state === "between") return [START];
  if (state === "thinking") return thought >= limit ? [END] : [];
  if (state !== "beginning") return [];
  // Where a call must come, it may be thought over once before.
  if (required) return thought > 0 || limit === 0 ? [CALL.open] : [ANALYSIS, CALL.open];
  if (thought < limit) return [];
  return callable ? [FINAL, CALL.open] : [FINAL];
}
