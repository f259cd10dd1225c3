// `Generator` in a worker: the same interface, but every method returns a promise, and every property is one.

import { callWithSource } from "./call-with-source.js";
import { Connection } from "./connection.js";
import { makeError, withErrorCode } from "./errors.js";
import { GENERATOR_METHODS, GENERATOR_PROPERTIES, SCORER_METHODS, addMethods } from "./methods.js";
import { serializeSource } from "./serialize-source.js";
import { ADAPTER_LOADING, DRAFT_LOADING, loading, readable } from "./source.js";
import { startWorker } from "./start-worker.js";
import { beginWithSignal, forgetSignal } from "./text-signal.js";

/** @typedef {import("./nexttoken.js").LoadProgress} LoadProgress */

/** The options of `Generator.load`, and those with which the engine is started. */
const LOADING = [
  "onProgress",
  "signal",
  "timeout",
  "context_length",
  "cache_type",
  "variant",
  "wasm",
  "wasm_url",
  "threads",
];
const INSPECTING = ["speed", ...LOADING.slice(1)];

/**
 * The worker of one generator and its forks.
 *
 * @type {import("./call-with-source.js").Kind}
 */
const ENGINE = {
  name: "engine",
  connect: (provider) =>
    new Connection(
      startWorker(() => new Worker(new URL("./worker.js", import.meta.url), { type: "module" })),
      (reason) => `the engine stopped (${reason}); load the model again`,
      provider,
    ),
};

/** A generator that lives in a module worker, which it shares with its forks. For the documentation see the types. */
export class WorkerGenerator {
  #connection;
  #session;
  /**
   * The error of later calls, once it has been freed.
   *
   * @type {Error | undefined}
   */
  #gone;

  /**
   * @param {Connection} connection
   * @param {number} session its number in the worker
   */
  constructor(connection, session) {
    if (!(connection instanceof Connection)) {
      throw makeError("invalid_option", "a WorkerGenerator is made by WorkerGenerator.load");
    }
    this.#connection = connection;
    this.#session = session;
    connection.users += 1;
  }

  /** Loads a model in a new worker. */
  static load = withErrorCode(async (/** @type {unknown} */ source, /** @type {unknown} */ options) => {
    const { connection } = await callWithSource(ENGINE, "load", source, options, LOADING);
    return new WorkerGenerator(connection, 0);
  });

  /** Reads the header of a model file; see `Generator.inspect`. */
  static inspect = withErrorCode(async (/** @type {unknown} */ source, /** @type {unknown} */ options) => {
    const { connection, answer } = await callWithSource(ENGINE, "inspect", source, options, INSPECTING);
    connection.end(makeError("freed", "the header was read"));
    return answer;
  });

  /** Iterates over the tokens still to come. Leaving the loop stops the computation. */
  async *[Symbol.asyncIterator]() {
    let finished = false;
    try {
      for (let token; (token = await this.#call("next_token"));) yield token;
      finished = true;
    } finally {
      if (!finished && !this.#gone && !this.#connection.gone) await this.#call("abort");
    }
  }

  /**
   * Loads a LoRA adapter; see `Generator.load_adapter`.
   *
   * @param {unknown} source
   * @param {unknown} given the options
   */
  load_adapter(source, given) {
    return this.#load("load_adapter", source, given, ADAPTER_LOADING);
  }

  /**
   * Loads a draft model; see `Generator.load_draft`.
   *
   * @param {unknown} source
   * @param {unknown} given the options
   */
  load_draft(source, given) {
    return this.#load("load_draft", source, given, DRAFT_LOADING);
  }

  /**
   * Loads something for this generator by one of its methods.
   *
   * @param {"load_adapter" | "load_draft"} method
   * @param {unknown} source
   * @param {unknown} given the options
   * @param {readonly string[]} known their names
   */
  async #load(method, source, given, known) {
    const { onProgress, signal, ...options } = loading(given, known);
    const readied = readable(source);
    if (signal?.aborted) throw makeError("aborted", "aborted");
    const [posted, moved = [], close] = await serializeSource(readied);
    // A signal cannot be posted.
    const { port1, port2 } = new MessageChannel();
    const abort = () => port1.postMessage(null);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    try {
      const what = { source: posted, options, abort: port2 };
      await this.#call(method, [what], [...moved, port2], onProgress);
    } finally {
      close?.();
      port1.close();
      signal?.removeEventListener("abort", abort);
    }
  }

  /** A second generator in the same state and in the same worker. */
  async fork() {
    return new WorkerGenerator(this.#connection, await this.#call("fork"));
  }

  /** `{ text, ids, prompt_ids, finish_reason, seed, context_used }` of the text so far, in one answer. */
  state() {
    return this.#call("state");
  }

  /** Frees the generator. The worker is terminated with its last generator. */
  free() {
    if (this.#gone) return;
    forgetSignal(this);
    this.#gone = makeError("freed", "the generator was freed");
    this.#connection.users -= 1;
    if (this.#connection.users === 0) this.#connection.end(this.#gone);
    else this.#connection.call({ session: this.#session, method: "free", args: [this.#session] }).catch(() => {});
  }

  /**
   * Begins a text. A signal among its options cannot be posted.
   *
   * @param {string} method
   * @param {unknown[]} args
   */
  async #begin(method, [first, options]) {
    const abort = () => this.#call("abort").catch(() => {});
    return beginWithSignal(this, options, abort, (others) => this.#call(method, [first, others]));
  }

  /**
   * @param {string} method
   * @param {unknown[]} [args]
   * @param {Transferable[]} [moved]
   * @param {(progress: LoadProgress) => void} [onProgress]
   */
  #call(method, args = [], moved, onProgress) {
    if (this.#gone) return Promise.reject(this.#gone);
    return this.#connection.call({ session: this.#session, method, args }, moved, onProgress);
  }

  static {
    addMethods(WorkerGenerator, GENERATOR_METHODS, (generator, method, args) => {
      if (method === "start" || method === "chat") return generator.#begin(method, args);
      if (method === "restore" || method === "reset") forgetSignal(generator);
      return generator.#call(method, args);
    });
    addMethods(WorkerGenerator, SCORER_METHODS, async (generator, ...scorer) => {
      const number = await generator.#call("scorer", scorer);
      return new WorkerScorer((method) => generator.#call(method, [number]));
    });
    for (const name of GENERATOR_PROPERTIES) {
      /** @this {WorkerGenerator} */
      const get = function () {
        return this.#call("property", [name]);
      };
      Object.defineProperty(WorkerGenerator.prototype, name, { get, configurable: true });
    }
  }
}

/** Texts being scored, embedded or compared in the worker of a generator. */
class WorkerScorer {
  #call;
  #done = false;

  /** @param {(method: string) => Promise<any>} call calls the worker for this scorer */
  constructor(call) {
    this.#call = call;
  }

  /** Runs the next chunk of tokens: `{ done, total }`. */
  step() {
    return this.#done ? Promise.reject(over()) : this.#call("scorer_step");
  }

  /** The result. Frees the scorer. */
  finish() {
    if (this.#done) return Promise.reject(over());
    this.#done = true;
    return this.#call("scorer_finish");
  }

  /** Frees the scorer; it may have been freed with its generator. */
  free() {
    if (!this.#done) this.#call("scorer_free").catch(() => {});
    this.#done = true;
  }
}

const over = () => makeError("freed", "the scorer was finished or freed");

if (Symbol.dispose) {
  addMethods(WorkerGenerator, [Symbol.dispose], (generator) => generator.free());
  addMethods(WorkerScorer, [Symbol.dispose], (scorer) => scorer.free());
}
