// Conversations with tools and thinking: an answer in channels, with calls that keep to the schemas of the tools. For the
// documentation see the types.

import { AnswerReader } from "./conversation/answer-reader.js";
import { CallWriter, checkNames } from "./conversation/call-writer.js";
import { formatOf, thinkingOf } from "./conversation/format.js";
import { FINAL, forcedMessages, HarmonyReader } from "./conversation/harmony.js";
import { checkedMessages, prepare } from "./conversation/history.js";
import { ARGS, CALL_ID } from "./conversation/markers.js";
import { newId } from "./conversation/new-id.js";
import { readOptions } from "./conversation/options.js";
import { StopStrings } from "./conversation/stop-strings.js";
import { Stepper } from "./conversation/stepper.js";
import { oneOf } from "./conversation/value-pattern.js";
import { codeOf, invalidOption, makeError, messageOf } from "./errors.js";

/** @typedef {import("./nexttoken.js").Token} Token */
/** @typedef {import("./conversation/answer-reader.js").Part} Part */
/** @typedef {import("./conversation/answer-reader.js").Reader} Reader */
/** @typedef {import("./conversation/stepper.js").Constraint} Constraint */
/** @typedef {import("./conversation/format.js").Format} Format */
/** @typedef {import("./conversation.js").ConversationToken} ConversationToken */
/** @typedef {ReturnType<typeof readOptions>} Options */

/** How many tokens at the end of a prompt are looked at for a marker. */
const TAIL = 16;

/** An answer that is being written. */
class Answer {
  /** @type {string[]} */
  warnings = [];
  #stepper;
  #reader;
  #writer;
  #options;
  #channels = { thinking: "", text: "" };
  /** @type {import("./conversation.js").ToolCall[]} */
  #calls = [];
  #stops;
  #thought = 0;
  /** @type {"unread" | "read" | "finished" | "left"} */
  #state = "unread";
  /** Whether a call is being written, in which no other one begins. */
  #writing = false;

  /**
   * @param {Stepper} stepper
   * @param {Reader} reader
   * @param {CallWriter} writer
   * @param {Options & { format: Format, closing: string, callable: boolean, held: Constraint | undefined }} options
   *   `held` is the constraint of a text that has a header before it
   */
  constructor(stepper, reader, writer, options) {
    this.#stepper = stepper;
    this.#reader = reader;
    this.#writer = writer;
    this.#options = options;
    this.#stops = new StopStrings(options.stop);
  }

  /** The message, as far as it has been written. */
  get message() {
    const { thinking, text } = this.#channels;
    return {
      role: /** @type {const} */ ("assistant"),
      content: this.#calls.length > 0 ? text.trimEnd() : text,
      ...(thinking && { reasoning_content: thinking.trimEnd() }),
      ...(this.#calls.length > 0 && { tool_calls: this.#calls }),
    };
  }

  /** Why it ended; undefined while it goes on. */
  get finish_reason() {
    if (this.#state === "left") return "abort";
    if (this.#state !== "finished") return undefined;
    const reason = this.#stops.stopped ? "stop" : (this.#stepper.finish_reason ?? "stop");
    return reason === "stop" && this.#calls.length > 0 ? "tool_calls" : reason;
  }

  /** Writes all that is left, and gives the message. */
  async complete() {
    if (this.#state === "finished") return this.message;
    for await (const token of this) void token;
    return this.message;
  }

  async *[Symbol.asyncIterator]() {
    if (this.#state !== "unread") throw makeError("busy", "an answer can be read once");
    this.#state = "read";
    try {
      yield* this.#write();
      yield* this.#emit(undefined, [...this.#reader.end(), { channel: "text", text: "" }], true);
      this.#state = "finished";
    } finally {
      if (this.#state !== "finished") {
        this.#state = "left";
        await this.#stepper.end();
      }
    }
  }

  /** @returns {AsyncGenerator<ConversationToken, void, void>} */
  async *#write() {
    const { held } = this.#options;
    await this.#stepper.prefill();
    if (held) {
      yield* this.#pass(this.#stepper.force(FINAL));
      await this.#stepper.constrain(held);
    }
    while (!this.#stepper.ended) {
      const forced = held ? [] : this.#forced();
      if (forced.length > 1) {
        yield* this.#pass(this.#stepper.draw({ regex: oneOf(forced) }));
      } else if (forced.length === 1) {
        yield* this.#pass(this.#stepper.force(forced[0]));
      } else {
        const token = await this.#stepper.next();
        if (token) yield* this.#read(token);
      }
      const ends = this.#stops.stopped || this.#reader.state === "ended";
      if (ends && !this.#stepper.ended) await this.#stepper.end();
    }
  }

  /** The texts of which one comes next; none where the model goes on by itself. */
  #forced() {
    const { choice, limit, closing, callable, format } = this.#options;
    const { state } = this.#reader;
    const required = choice.mode === "required" && this.#calls.length === 0;
    if (format.isHarmony) return forcedMessages(state, { required, callable, thought: this.#thought, limit });
    if (state === "thinking") return this.#thought >= limit ? [closing] : [];
    return required ? [format.bare ? format.before : format.open] : [];
  }

  /**
   * @param {AsyncGenerator<Token, unknown, void>} tokens
   * @returns {AsyncGenerator<ConversationToken, void, void>}
   */
  async *#pass(tokens) {
    for await (const token of tokens) yield* this.#read(token);
  }

  /**
   * Reads a token, and where a call begins with it, writes the call.
   *
   * @param {Token} token
   * @returns {AsyncGenerator<ConversationToken, void, void>}
   */
  async *#read(token) {
    if (this.#reader.state === "thinking") this.#thought += 1;
    const parts = this.#reader.read(token.text);
    yield* this.#emit(token, parts);
    const opened = parts.find((part) => part.opened)?.opened;
    if (!opened || this.#writing || this.#stops.stopped || this.#stepper.ended) return;
    const { rest } = this.#reader;
    // What came with the marker in the same token is written anew, as the constraint wants it.
    if (rest !== "") await this.#stepper.replaceLast(token.text.slice(0, token.text.length - rest.length));
    this.#reader.restartCall();
    const { format, parallel } = this.#options;
    this.#writing = true;
    yield* this.#pass(this.#writer.write(opened));
    this.#writing = false;
    if (format.close === "") yield* this.#emit(undefined, this.#reader.end());
    if (!this.#stepper.ended && (format.single || !parallel)) await this.#stepper.end();
  }

  /**
   * Emits a token by the parts that were read with it: its own, and of each channel that begins in it.
   *
   * @param {Token | undefined} token
   * @param {Part[]} parts
   * @param {boolean} [last] whether nothing follows
   * @returns {Generator<ConversationToken, void, void>}
   */
  *#emit(token, parts, last = false) {
    const { state } = this.#reader;
    /** @type {Part["channel"]} */
    const channel = state === "thinking" || state === "call" ? state : "text";
    /** @type {Part[]} */
    const pieces = parts.length > 0 || !token ? parts : [{ channel, text: "" }];
    for (const [index, { channel, text: read, calls = [], warning }] of pieces.entries()) {
      if (this.#stops.stopped) return;
      if (channel !== "text") yield* this.#release();
      const released = channel === "text" ? this.#stops.read(read) : read;
      const text = last && index === pieces.length - 1 ? released + this.#stops.flush() : released;
      if (channel !== "call") this.#channels[channel] += text;
      if (warning !== undefined) this.warnings.push(warning);
      const named = calls.map((call) => ({ id: newId(), type: /** @type {const} */ ("function"), function: call }));
      this.#calls.push(...named);
      const tool_calls = named.length > 0 ? { tool_calls: named } : {};
      yield { ...(index === 0 && token), channel, text, ...tool_calls, ...(warning !== undefined && { warning }) };
    }
  }

  /**
   * Emits what was kept of the text for a stop string, because something else follows it.
   *
   * @returns {Generator<ConversationToken, void, void>}
   */
  *#release() {
    const text = this.#stops.flush();
    if (text === "") return;
    this.#channels.text += text;
    yield { channel: "text", text };
  }
}

/**
 * Whether the prompt ends with a marker, which may be a control token: those stand for no text.
 *
 * @param {any} generator
 * @param {string} marker
 */
async function endsWith(generator, marker) {
  const ids = (await generator.prompt_ids).slice(-TAIL);
  if (ids.length === 0) return false;
  const text = await generator.detokenize(ids);
  return text.trimEnd().endsWith(marker) || (await generator.token_name(ids.at(-1))) === marker;
}

/**
 * Begins the answer to `messages`.
 *
 * @param {any} generator
 * @param {unknown} messages
 * @param {unknown} [given] the options
 * @returns {Promise<any>} typed by hand
 */
async function begin(generator, messages, given) {
  if (typeof generator?.next_token !== "function") throw invalidOption("generator", "must be a generator");
  const checked = checkedMessages(messages);
  const options = readOptions(given);
  const { tools, choice, chat_template, constraint, writing } = options;
  const request = (/** @type {object[]} */ messages) => generator.chat_request(messages, chat_template);
  const { template } = await request([{ role: "user", content: "" }]);
  const isToken = async (/** @type {string} */ text) =>
    (await generator.tokenize(text, { special: true })).length === 1;
  const format = await formatOf(template, isToken);
  const thinking = format.thinking ?? (await thinkingOf(template, isToken));
  const shown = choice.mode === "none" ? [] : tools;
  checkNames(shown, format);
  const callable = choice.name === undefined ? shown : shown.filter(({ name }) => name === choice.name);
  const prepared = await prepare(checked, { template, format, thinking, tools: shown, request });
  const chat_template_kwargs = { ...prepared.variables, ...writing.chat_template_kwargs };
  const held = format.isHarmony ? constraint : undefined;
  const writes = { ...writing, ...(held ? {} : constraint), chat_template, chat_template_kwargs };
  await generator.chat(prepared.messages, writes);
  // A constraint holds from the first token on: there is no thinking before what it allows.
  const thinks = constraint === undefined && (await endsWith(generator, thinking[0]));
  const reader = format.isHarmony
    ? new HarmonyReader(format, callable, thinks)
    : new AnswerReader(format, thinking, callable, thinks);
  const markers = [format.open, format.close, ...thinking, ...(format.markers ?? []), ARGS, CALL_ID];
  const stepper = new Stepper(generator, markers);
  const writer = new CallWriter(stepper, format, callable, options.parallel);
  const { closing = `\n${thinking[1]}\n\n` } = format;
  return new Answer(stepper, reader, writer, {
    ...options,
    format,
    closing,
    callable: callable.length > 0,
    held,
  });
}

/**
 * Begins the answer to `messages`; see the types.
 *
 * @param {any} generator
 * @param {unknown} messages
 * @param {unknown} [options]
 * @returns {Promise<any>} typed by hand
 */
export async function converse(generator, messages, options) {
  try {
    return await begin(generator, messages, options);
  } catch (thrown) {
    // A generator of another copy of the package has errors of another class, with the same codes.
    throw codeOf(thrown) === "internal" ? makeError("internal", messageOf(thrown), thrown) : thrown;
  }
}
