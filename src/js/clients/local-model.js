// A generator as the clients use it: a request goes in, tokens come out, one request after another.

import { converse } from "../conversation.js";
import { invalidOption } from "../errors.js";
import { nextTask, prefill } from "../next-task.js";
import { Queue } from "./queue.js";

/** @typedef {import("../index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {import("../nexttoken.js").Generator} Generator */
/** @typedef {import("./model.js").Request} Request */
/** @typedef {import("./model.js").Handlers} Handlers */
/** @typedef {import("./model.js").Result} Result */
/** @typedef {import("./model.js").ClientModel} ClientModel */

/**
 * The tokens still to come. On the thread of the page each is computed in a task of its own.
 *
 * @param {Generator | WorkerGenerator} generator
 */
async function* tokensOf(generator) {
  await prefill(generator);
  for (;;) {
    const step = generator.next_token();
    const token = await step;
    if (!token) return;
    yield token;
    if (step === token) await nextTask();
  }
}

/**
 * Begins what `request` asks for. Gives its tokens, and why they ended where they know that themselves.
 *
 * @param {Generator | WorkerGenerator} generator
 * @param {Request} request
 * @returns {Promise<{ tokens: AsyncIterable<any>, given: number, reason: () => string | undefined }>}
 */
async function begin(generator, request) {
  const { messages, channels, options } = request;
  if (!messages || !channels) {
    return { given: await start(generator, request), tokens: tokensOf(generator), reason: () => undefined };
  }
  const answer = await converse(generator, messages, { ...options, ...channels });
  return { given: 0, tokens: answer, reason: () => answer.finish_reason };
}

/**
 * Begins the text that `request` asks for, and appends the beginning that it gives.
 *
 * @param {Generator | WorkerGenerator} generator
 * @param {Request} request
 * @returns {Promise<number>} the tokens of that beginning
 */
async function start(generator, { messages, prompt = "", prefix, options }) {
  if (messages) await generator.chat(/** @type {any} */ (messages), options);
  else await generator.start(prompt, options);
  const ids = prefix ? await generator.tokenize(prefix) : [];
  for (const id of ids) await generator.accept(id);
  return ids.length;
}

/**
 * @param {Generator | WorkerGenerator} generator
 * @param {number} given the tokens it did not write itself
 * @param {string | undefined} reason why it ended, where that is known
 * @returns {Promise<Result>}
 */
async function resultOf(generator, given, reason) {
  const { reused_tokens } = await generator.timings();
  return {
    finish_reason: reason ?? (await generator.finish_reason) ?? "length",
    usage: {
      prompt_tokens: (await generator.prompt_ids).length + given,
      completion_tokens: (await generator.ids).length - given,
      cached_tokens: reused_tokens,
    },
  };
}

/**
 * A generator of this package as a model. All clients of one generator share one of these, and so its queue.
 *
 * @implements {ClientModel}
 */
export class LocalModel {
  backend = /** @type {const} */ ("browser");
  /** @type {string | undefined} */
  reason = undefined;
  #queue = new Queue();

  /** @param {Generator | WorkerGenerator} generator */
  constructor(generator) {
    this.generator = generator;
  }

  /** The name in the model's file. */
  async name() {
    return (await this.generator.info()).name ?? "nexttoken";
  }

  contextLength() {
    return Promise.resolve(this.generator.context_length);
  }

  /**
   * Writes a text. Rejects with the reason of the signal where that aborts, and with the engine's error otherwise.
   *
   * @param {Request} request
   * @param {Handlers} [handlers]
   */
  write(request, { signal, onStart, onToken } = {}) {
    return this.#queue.run(() => this.#write(request, signal, onStart, onToken), signal);
  }

  /**
   * @param {Request} request
   * @param {AbortSignal | undefined} signal
   * @param {(() => void) | undefined} onStart
   * @param {Handlers["onToken"]} onToken
   */
  async #write(request, signal, onStart, onToken) {
    const generator = this.generator;
    // It may be in a worker, or freed. Either way there is nothing to report.
    const abort = () =>
      void Promise.resolve()
        .then(() => generator.abort())
        .catch(() => {});
    signal?.addEventListener("abort", abort);
    try {
      const { given, tokens, reason } = await begin(generator, request);
      signal?.throwIfAborted();
      onStart?.();
      for await (const token of tokens) {
        signal?.throwIfAborted();
        onToken?.(token);
      }
      signal?.throwIfAborted();
      return await resultOf(generator, given, reason());
    } catch (thrown) {
      // The caller may have thrown: the text does not go on.
      if (!signal?.aborted) abort();
      throw thrown;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /**
   * How many tokens the conversation takes. Where it exceeds the context, the texts are counted by themselves.
   *
   * @param {import("../nexttoken.js").ChatMessage[]} messages
   * @param {object} [options] of the chat template
   */
  count(messages, options) {
    return this.#queue.run(async () => {
      const rendered = async (/** @type {import("../nexttoken.js").ChatMessage[]} */ messages) => {
        await this.generator.chat(messages, { add_generation_prompt: false, ...options });
        return (await this.generator.prompt_ids).length;
      };
      try {
        return await rendered(messages);
      } catch (thrown) {
        if (/** @type {any} */ (thrown)?.code !== "prompt_too_long") throw thrown;
        let total = await rendered(messages.map(({ role }) => ({ role, content: "" })));
        for (const { content } of messages) total += (await this.generator.tokenize(content)).length;
        return total;
      }
    });
  }

  /** A second model in the same state, which writes independently of this one. */
  fork() {
    return this.#queue.run(async () => new LocalModel(await this.generator.fork()));
  }

  free() {
    this.generator.free();
  }
}

/** @type {WeakMap<object, LocalModel>} */
const models = new WeakMap();

/** @param {any} given */
export const isGenerator = (given) => typeof given?.next_token === "function";

/** @param {any} given */
export const isModel = (given) => given?.backend === "browser" || given?.backend === "server";

/**
 * What the clients were given as a model.
 *
 * @param {any} given
 * @returns {ClientModel}
 */
export function modelOf(given) {
  if (isModel(given)) return given;
  if (!isGenerator(given)) {
    throw invalidOption("model", "must be a Generator, a WorkerGenerator, or what loadModel resolves to");
  }
  let model = models.get(given);
  if (!model) models.set(given, (model = new LocalModel(given)));
  return model;
}
