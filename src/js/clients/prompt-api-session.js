// A conversation of the Prompt API.

import { omit } from "./omit.js";
import { SYSTEM_FIRST, domError, promptError, quotaExceeded, readConstraint, readPrompt } from "./prompt-api-input.js";
import { Queue } from "./queue.js";

/** @typedef {import("./model.js").ClientModel} ClientModel */
/** @typedef {import("./prompt-api-input.js").Message} Message */
/**
 * @typedef {object} State what a session is made of, and a clone is made from
 * @property {ClientModel} model its own
 * @property {object} template options of the chat template
 * @property {import("./prompt-api-input.js").Sampling} sampling
 * @property {number} window tokens that the context holds
 * @property {Message[]} messages
 * @property {number} initial how many of them are never dropped
 * @property {number} usage
 */

/** The room that is kept for an answer where messages can be dropped for it, in tokens; at most an eighth of all. */
const ROOM = 256;
/** Proves that a session is made by `create` or `clone`. */
export const MADE = Symbol("made");

/**
 * Messages as chat templates take them: some refuse two of one role in a row.
 *
 * @param {Message[]} messages
 */
function conversation(messages) {
  /** @type {import("../nexttoken.js").ChatMessage[]} */
  const turns = [];
  for (const { role, content } of messages) {
    const last = turns.at(-1);
    if (last?.role === role) last.content += `\n${content}`;
    else turns.push({ role, content });
  }
  return turns;
}

/**
 * Messages with what the model is told of a constraint, at the end of the last one that is no answer.
 *
 * @param {Message[]} messages
 * @param {string} told
 */
function telling(messages, told) {
  const at = messages.findLastIndex(({ role }) => role !== "assistant");
  if (!told || at < 0) return messages;
  const { content, ...message } = messages[at];
  return messages.with(at, { ...message, content: `${content}\n\n${told}` });
}

/** @extends {EventTarget} */
export class Session extends EventTarget {
  #state;
  #queue = new Queue();
  #destroyed = new AbortController();
  /** @type {Map<string, any>} */
  #handlers = new Map();

  /**
   * @param {symbol} made
   * @param {State} state
   * @param {AbortSignal} [signal] ends the session as `destroy` does, with its reason
   */
  constructor(made, state, signal) {
    super();
    if (made !== MADE) throw new TypeError("Illegal constructor");
    this.#state = state;
    signal?.addEventListener("abort", () => this.#end(signal.reason), { signal: this.#destroyed.signal });
  }

  get contextUsage() {
    return this.#state.usage;
  }
  get inputUsage() {
    return this.#state.usage;
  }
  get contextWindow() {
    return this.#state.window;
  }
  get inputQuota() {
    return this.#state.window;
  }
  get topK() {
    return this.#state.sampling.top_k;
  }
  get temperature() {
    return this.#state.sampling.temperature;
  }
  get samplingMode() {
    return this.#state.sampling.mode;
  }
  get oncontextoverflow() {
    return this.#handlers.get("contextoverflow") ?? null;
  }
  set oncontextoverflow(handler) {
    this.#handle("contextoverflow", handler);
  }
  get onquotaoverflow() {
    return this.#handlers.get("quotaoverflow") ?? null;
  }
  set onquotaoverflow(handler) {
    this.#handle("quotaoverflow", handler);
  }

  /**
   * @param {string} type
   * @param {any} handler
   */
  #handle(type, handler) {
    this.removeEventListener(type, this.#handlers.get(type) ?? null);
    const listener = typeof handler === "function" ? handler : null;
    this.#handlers.set(type, listener);
    if (listener) this.addEventListener(type, listener);
  }

  /**
   * Runs `job` in its turn, unless the caller or the session's end prevents it.
   *
   * @template Result
   * @param {AbortSignal | undefined} signal
   * @param {(signal: AbortSignal) => Promise<Result>} job
   */
  async #run(signal, job) {
    const signals = AbortSignal.any([...(signal ? [signal] : []), this.#destroyed.signal]);
    try {
      return await this.#queue.run(() => job(signals), signals);
    } catch (thrown) {
      throw promptError(thrown, signals);
    }
  }

  /**
   * @param {Message[]} messages
   * @param {object} [options] of the chat template
   */
  #count(messages, options) {
    return this.#state.model.count(conversation(messages), { ...this.#state.template, ...options });
  }

  /**
   * The conversation with further messages. The oldest ones are dropped where they do not all fit.
   *
   * @param {Message[]} added
   * @param {(messages: Message[]) => Promise<number>} [count] the tokens that they take
   */
  async #fit(added, count = (messages) => this.#count(messages)) {
    const { window, initial } = this.#state;
    if (this.#state.messages.length > 0 && added[0]?.role === "system") throw new TypeError(SYSTEM_FIRST);
    const room = Math.min(ROOM, window / 8);
    let messages = [...this.#state.messages, ...added];
    let total = await count(messages);
    const all = messages.length;
    while (total + room > window && messages.length > initial + added.length) {
      // A question goes with its answer.
      const next = messages.findIndex(({ role }, index) => index > initial && role === "user");
      const end = Math.min(next < 0 ? Infinity : next, messages.length - added.length);
      messages = messages.toSpliced(initial, end - initial);
      total = await count(messages);
    }
    if (total > window) throw quotaExceeded(total, window);
    if (messages.length < all) {
      for (const type of ["contextoverflow", "quotaoverflow"]) this.dispatchEvent(new Event(type));
    }
    return messages;
  }

  /** @param {Message[]} messages what the conversation consists of from now on */
  async #keep(messages) {
    this.#state.messages = messages;
    // An answer that fills the context leaves no room for the template's end of it.
    this.#state.usage = Math.min(await this.#count(messages), this.#state.window);
  }

  /**
   * @param {any} input
   * @param {any} options
   * @param {(text: string) => void} onText
   */
  async #respond(input, options, onText) {
    // Read now: the caller may change them before their turn comes.
    const { option, told } = readConstraint(options ?? {});
    const added = telling(readPrompt(input), told);
    const prefix = added.at(-1)?.prefix ? added.pop() : undefined;
    /** @param {Message[]} messages */
    const count = (messages) =>
      prefix ? this.#count([...messages, prefix]) : this.#count(messages, { add_generation_prompt: true });
    return this.#run(options?.signal, async (signal) => {
      const { model, template, sampling } = this.#state;
      const messages = await this.#fit(added, count);
      let text = prefix?.content ?? "";
      await model.write(
        {
          messages: conversation(messages),
          prefix: prefix?.content,
          options: { ...template, ...omit(sampling, ["mode"]), ...option },
        },
        {
          signal,
          onToken(token) {
            text += token.text;
            if (token.text) onText(token.text);
          },
        },
      );
      await this.#keep([...messages, { role: "assistant", content: text }]);
    });
  }

  /**
   * @param {any} input
   * @param {any} [options]
   */
  async prompt(input, options) {
    let text = "";
    await this.#respond(input, options, (piece) => (text += piece));
    return text;
  }

  /**
   * @param {any} input
   * @param {any} [options]
   * @returns {ReadableStream<string>}
   */
  promptStreaming(input, options) {
    const left = new AbortController();
    this.#destroyed.signal.throwIfAborted();
    options?.signal?.throwIfAborted();
    const signal = options?.signal ? AbortSignal.any([options.signal, left.signal]) : left.signal;
    return new ReadableStream({
      start: (controller) => {
        const written = this.#respond(input, { ...options, signal }, (piece) => {
          // The reader may have left in this very task.
          if (!signal.aborted) controller.enqueue(piece);
        });
        written.then(() => controller.close()).catch((thrown) => controller.error(thrown));
      },
      cancel: (reason) => left.abort(reason),
    });
  }

  /**
   * @param {any} input
   * @param {any} [options]
   * @returns {Promise<void>}
   */
  async append(input, options) {
    const added = readPrompt(input);
    return this.#run(options?.signal, async (signal) => {
      const messages = await this.#fit(added);
      const { model, template } = this.#state;
      // The engine reads the messages now, so that the next answer begins sooner.
      const reading = { ...template, add_generation_prompt: false, max_tokens: 1 };
      if (model.backend === "browser") {
        await model.write({ messages: conversation(messages), options: reading }, { signal });
      }
      await this.#keep(messages.map(({ role, content }) => ({ role, content })));
    });
  }

  /**
   * @param {any} input
   * @param {any} [options]
   */
  async measureContextUsage(input, options) {
    const { told } = readConstraint(options ?? {});
    const messages = telling(readPrompt(input), told);
    return this.#run(options?.signal, () => this.#count(messages));
  }

  /**
   * @param {any} input
   * @param {any} [options]
   */
  measureInputUsage(input, options) {
    return this.measureContextUsage(input, options);
  }

  /** @param {any} [options] */
  clone(options) {
    return this.#run(options?.signal, async (signal) => {
      const model = await this.#state.model.fork();
      if (signal.aborted) model.free();
      signal.throwIfAborted();
      const Class = /** @type {typeof Session} */ (this.constructor);
      return new Class(MADE, { ...this.#state, model });
    });
  }

  destroy() {
    this.#end(domError("InvalidStateError", "the session has been destroyed"));
  }

  /** @param {any} reason */
  #end(reason) {
    if (this.#destroyed.signal.aborted) return;
    this.#destroyed.abort(reason);
    // What is being written has been aborted, but may still be on its way to the end.
    this.#queue.run(async () => this.#state.model.free());
  }
}

if (Symbol.dispose) Object.defineProperty(Session.prototype, Symbol.dispose, { value: Session.prototype.destroy });
