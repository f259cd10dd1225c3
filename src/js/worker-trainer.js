// `Trainer` in a worker: the same interface, but every method returns a promise.

import { Connection } from "./connection.js";
import { coded, failure, read } from "./errors.js";
import { absolute } from "./starting.js";

/** A trainer that lives in a module worker of its own. */
export class WorkerTrainer {
  #connection = new Connection(
    new Worker(new URL("./trainer-worker.js", import.meta.url), { type: "module" }),
    (reason) => `the trainer stopped (${reason}); resume from a checkpoint`,
  );

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
   * Resumes a training in a new worker; see `Trainer.resume`.
   *
   * @param {string} text
   * @param {Uint8Array} checkpoint
   * @param {{ wasm_url?: string | URL }} [options]
   * @returns {Promise<WorkerTrainer>}
   */
  static resume(text, checkpoint, options) {
    return WorkerTrainer.#begin("resume", { text, checkpoint }, options);
  }

  static #begin = coded(async (method, what, options) => {
    const wasm = read(options, ["wasm_url"]);
    if (wasm.wasm_url !== undefined) wasm.wasm_url = absolute(wasm.wasm_url).href;
    const trainer = new WorkerTrainer();
    try {
      await trainer.#call(method, [{ ...what, wasm }]);
      return trainer;
    } catch (error) {
      trainer.free();
      throw error;
    }
  });

  /** Takes one step: `{ step, loss, tokens_per_second, … }`. */
  step() {
    return this.#call("step");
  }

  /** Validates the weights of this step on the held-out text: `{ loss, perplexity, tokens }`. */
  validate() {
    return this.#call("validate");
  }

  /** Generates a text after `prompt` with the weights of this step. */
  sample(...args) {
    return this.#call("sample", args);
  }

  /** Each token of a line with the one before it, and its loss. */
  pairs(...args) {
    return this.#call("pairs", args);
  }

  /** `{ step, loss }` of the state that `to_gguf` writes. */
  best() {
    return this.#call("best");
  }

  /** The model in its best state as a GGUF file. */
  to_gguf(...args) {
    return this.#call("to_gguf", args);
  }

  /** Everything needed to resume training. */
  checkpoint() {
    return this.#call("checkpoint");
  }

  info() {
    return this.#call("info");
  }

  /** Frees the trainer, with its worker. */
  free() {
    this.#connection.end(failure("freed", "the trainer was freed"));
  }

  #call(method, args = []) {
    return this.#connection.call({ method, args });
  }
}

if (Symbol.dispose) WorkerTrainer.prototype[Symbol.dispose] = WorkerTrainer.prototype.free;
