// `Trainer` off the main thread: the same interface, every method a promise.

import { failure, refuseUnknown } from "./errors.js";

/** A trainer that lives in a module worker of its own. */
export class WorkerTrainer {
  #worker = new Worker(new URL("./trainer-worker.js", import.meta.url), { type: "module" });
  #calls = new Map();
  #next = 0;
  #gone;

  constructor() {
    this.#worker.onmessage = ({ data }) => this.#answer(data);
    this.#worker.onerror = (event) => this.#crash(event.message ?? "the worker could not be started");
  }

  /**
   * Starts a training in a new worker; see `new Trainer`.
   *
   * @param {string} text
   * @param {object} [config]
   * @param {{ wasm_url?: string | URL }} [options]
   * @returns {Promise<WorkerTrainer>}
   */
  static create(text, config, options) {
    return WorkerTrainer.#begin("create", { text, config }, options);
  }

  /**
   * Goes on with a training in a new worker; see `Trainer.resume`.
   *
   * @param {string} text
   * @param {Uint8Array} checkpoint
   * @param {{ wasm_url?: string | URL }} [options]
   * @returns {Promise<WorkerTrainer>}
   */
  static resume(text, checkpoint, options) {
    return WorkerTrainer.#begin("resume", { text, checkpoint }, options);
  }

  static async #begin(method, what, options = {}) {
    refuseUnknown(options, ["wasm_url"]);
    const wasm = {};
    if (options.wasm_url !== undefined) wasm.wasm_url = String(new URL(options.wasm_url, location.href));
    const trainer = new WorkerTrainer();
    try {
      await trainer.#call(method, [{ ...what, wasm }]);
      return trainer;
    } catch (error) {
      trainer.free();
      throw error;
    }
  }

  /** One step: `{ step, loss, tokens_per_second, … }`. */
  step() {
    return this.#call("step");
  }

  /** `{ loss, perplexity, tokens }` of the held-out text. */
  validate() {
    return this.#call("validate");
  }

  /** What the model writes now after `prompt`. */
  sample(...args) {
    return this.#call("sample", args);
  }

  /** Each token of a line with the one before it, and how surprising it is. */
  pairs(...args) {
    return this.#call("pairs", args);
  }

  /** The model as a GGUF file. */
  to_gguf(...args) {
    return this.#call("to_gguf", args);
  }

  /** Everything needed to go on later. */
  checkpoint() {
    return this.#call("checkpoint");
  }

  info() {
    return this.#call("info");
  }

  /** Gives all memory back. */
  free() {
    this.#end(failure("freed", "the trainer was freed"));
  }

  #call(method, args = []) {
    if (this.#gone) return Promise.reject(this.#gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#worker.postMessage({ id, method, args });
    });
  }

  #answer({ id, value, error, crashed }) {
    if (crashed !== undefined) return this.#crash(crashed);
    const call = this.#calls.get(id);
    if (!call) return;
    this.#calls.delete(id);
    if (error) call.reject(failure(error.code, error.message));
    else call.resolve(value);
  }

  #crash(reason) {
    this.#end(failure("crashed", `the trainer stopped (${reason}); resume from a checkpoint`));
  }

  #end(error) {
    if (this.#gone) return;
    this.#gone = error;
    this.#worker.terminate();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }
}

if (Symbol.dispose) WorkerTrainer.prototype[Symbol.dispose] = WorkerTrainer.prototype.free;
