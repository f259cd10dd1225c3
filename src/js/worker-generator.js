// `Generator` in a worker: the same interface, but every method returns a promise.

import { Connection } from "./connection.js";
import { coded, failure } from "./errors.js";
import { portable } from "./portable.js";
import { loading, readable } from "./source.js";
import { absolute } from "./starting.js";

/** The options with which a worker starts its engine. */
function engine({ variant, wasm_url }) {
  const options = {};
  if (variant !== undefined) options.variant = variant;
  if (wasm_url !== undefined) options.wasm_url = absolute(wasm_url).href;
  return options;
}

/** The options of `Generator.load`, and those with which the engine is started. */
const LOADING = ["onProgress", "signal", "timeout", "context_length", "cache_type", "variant", "wasm_url"];

/** Starts a worker for one generator and its forks. */
const connect = () =>
  new Connection(
    new Worker(new URL("./worker.js", import.meta.url), { type: "module" }),
    (reason) => `the engine stopped (${reason}); load the model again`,
  );

/** A generator that lives in a module worker, which it shares with its forks. */
export class WorkerGenerator {
  #connection;
  #seat;
  #gone;

  constructor(connection = connect(), seat = 0) {
    this.#connection = connection;
    this.#seat = seat;
    connection.users += 1;
  }

  /**
   * Loads a model in a new worker.
   *
   * @param {string | URL | Request | Response | Blob | ArrayBuffer | Uint8Array | ReadableStream} source
   * @param {{ onProgress?: Function, signal?: AbortSignal, timeout?: number, context_length?: number,
   *   cache_type?: string, variant?: string, wasm_url?: string | URL }} [options]
   * @returns {Promise<WorkerGenerator>}
   */
  static load = coded((source, options) => WorkerGenerator.#begin("load", source, options, LOADING));

  /** Reads the header of a model file; see `Generator.inspect`. */
  static inspect = coded((source, options) => WorkerGenerator.#begin("inspect", source, options, LOADING.slice(1)));

  static async #begin(method, source, given, known) {
    const { onProgress, signal, variant, wasm_url, ...options } = loading(given, known);
    const readied = readable(source);
    // A request may have a signal of its own, which cannot be posted.
    const signals = [signal, ...[readied].flat().map((part) => part instanceof Request && part.signal)].filter(Boolean);
    const aborted = failure("aborted", "aborted");
    if (signals.some((signal) => signal.aborted)) throw aborted;
    const [posted, moved, close] = await portable(readied);
    const generator = new WorkerGenerator();
    // Terminating the worker also frees a model that is half loaded.
    const abort = () => generator.#connection.end(aborted);
    for (const signal of signals) {
      signal.addEventListener("abort", abort);
      // It may have aborted before the listener was added.
      if (signal.aborted) abort();
    }
    let loaded = false;
    try {
      const answer = await generator.#call(
        method,
        [{ source: posted, engine: engine({ variant, wasm_url }), options }],
        moved,
        onProgress,
      );
      loaded = method === "load";
      return loaded ? generator : answer;
    } finally {
      close?.();
      for (const signal of signals) signal.removeEventListener("abort", abort);
      if (!loaded) generator.free();
    }
  }

  /** Starts a text; see `Generator.start`. Resolves to `{ seed, context_used }`. */
  start(prompt, options) {
    return this.#call("start", [prompt, options]);
  }

  /** Starts the answer to a conversation; see `Generator.chat`. Resolves to `{ seed, context_used }`. */
  chat(messages, options) {
    return this.#call("chat", [messages, options]);
  }

  /** Runs one chunk of the prompt: `{ done, total }`. */
  prefill() {
    return this.#call("prefill");
  }

  /** The next token, or undefined when the text is finished. */
  async next_token() {
    return (await this.#call("next_token")).token;
  }

  /** The rest of the text, token by token. Leaving the loop stops the computation. */
  async *[Symbol.asyncIterator]() {
    let finished = false;
    try {
      for (let token; (token = await this.next_token());) yield token;
      finished = true;
    } finally {
      if (!finished && !this.#gone && !this.#connection.gone) await this.abort();
    }
  }

  /** Computes the next step without taking it; see `Generator.peek`. */
  peek(options) {
    return this.#call("peek", [options]);
  }

  /** Appends a token as if it had been drawn; see `Generator.accept`. */
  accept(id) {
    return this.#call("accept", [id]);
  }

  /** Takes back the last tokens; see `Generator.rewind`. */
  rewind(count) {
    return this.#call("rewind", [count]);
  }

  /** Changes options from the next token on; see `Generator.configure`. */
  configure(options) {
    return this.#call("configure", [options]);
  }

  /** A snapshot of the text in progress as a Blob; see `Generator.snapshot`. */
  snapshot() {
    return this.#call("snapshot");
  }

  /** Continues from a snapshot; see `Generator.restore`. Resolves to `{ seed, context_used }`. */
  restore(snapshot) {
    return this.#call("restore", [snapshot]);
  }

  /** A second generator in the same state and in the same worker. */
  async fork() {
    return new WorkerGenerator(this.#connection, await this.#call("fork"));
  }

  /** A copy of the logits of the last prediction; see `Generator.logits`. */
  logits() {
    return this.#call("logits");
  }

  /** The stages of the sampler that have an effect. */
  samplers() {
    return this.#call("samplers");
  }

  /** Ends the text. */
  abort() {
    return this.#call("abort");
  }

  /** Forgets the text, including the computed prefix that another prompt might share. */
  reset() {
    return this.#call("reset");
  }

  /** `{ text, ids, prompt_ids, finish_reason, seed, context_used }` of the text so far. */
  state() {
    return this.#call("state");
  }

  timings() {
    return this.#call("timings");
  }

  info() {
    return this.#call("info");
  }

  tokenize(...args) {
    return this.#call("tokenize", args);
  }

  detokenize(...args) {
    return this.#call("detokenize", args);
  }

  token_name(...args) {
    return this.#call("token_name", args);
  }

  score(...args) {
    return this.#call("score", args);
  }

  /** Scores a text step by step; see `Generator.scorer`. */
  async scorer(...args) {
    const number = await this.#call("scorer", args);
    return new WorkerScorer((method) => this.#call(method, [number]));
  }

  /** Frees the generator. The worker is terminated with its last generator. */
  free() {
    if (this.#gone) return;
    this.#gone = failure("freed", "the generator was freed");
    this.#connection.users -= 1;
    if (this.#connection.users === 0) this.#connection.end(this.#gone);
    else this.#connection.call({ seat: this.#seat, method: "free", args: [this.#seat] }).catch(() => {});
  }

  #call(method, args = [], moved, onProgress) {
    if (this.#gone) return Promise.reject(this.#gone);
    return this.#connection.call({ seat: this.#seat, method, args }, moved, onProgress);
  }
}

/** A text being scored in the worker of a generator. */
class WorkerScorer {
  #call;
  #done = false;

  constructor(call) {
    this.#call = call;
  }

  /** Scores the next chunk of tokens: `{ done, total }`. */
  step() {
    return this.#done ? Promise.reject(over()) : this.#call("scorer_step");
  }

  /** The score of the tokens scored so far. Frees the scorer. */
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

const over = () => failure("freed", "the scorer was finished or freed");

for (const { prototype } of Symbol.dispose ? [WorkerGenerator, WorkerScorer] : []) {
  prototype[Symbol.dispose] = prototype.free;
}
