// `Trainer` in a worker: the same interface, but every method returns a promise.

import { Connection } from "./connection.js";
import { makeError, withErrorCode } from "./errors.js";
import { TRAINER_METHODS, addMethods } from "./methods.js";
import { moduleOptions, providerOf } from "./start-module.js";
import { startWorker } from "./start-worker.js";

/** @typedef {import("./trainer-module.js").TrainerOptions} Options */
/** @typedef {import("./nexttoken_trainer.js").TrainerConfig} TrainerConfig */

/**
 * Starts a worker for one training.
 *
 * @param {import("./start-module.js").Provider} provider where its modules come from
 * @param {string} advice what to do when it has stopped
 */
export const connect = (provider, advice) =>
  new Connection(
    startWorker(() => new Worker(new URL("./trainer-worker.js", import.meta.url), { type: "module" })),
    (reason) => `the trainer stopped (${reason}); ${advice}`,
    provider,
  );

/** A trainer that lives in a module worker of its own. For the documentation see the types. */
export class WorkerTrainer {
  #connection;

  /** @param {Connection} connection */
  constructor(connection) {
    if (!(connection instanceof Connection)) {
      throw makeError("invalid_option", "a WorkerTrainer is made by WorkerTrainer.create or WorkerTrainer.resume");
    }
    this.#connection = connection;
  }

  /**
   * Starts a training in a new worker; see `new Trainer`.
   *
   * @param {string} text
   * @param {TrainerConfig} [config]
   * @param {Options} [options]
   */
  static create(text, config, options) {
    return WorkerTrainer.#begin("create", { text, config }, options);
  }

  /**
   * Resumes a training in a new worker; see `Trainer.resume`.
   *
   * @param {string} text
   * @param {Uint8Array} checkpoint
   * @param {Options} [options]
   */
  static resume(text, checkpoint, options) {
    return WorkerTrainer.#begin("resume", { text, checkpoint }, options);
  }

  static #begin = withErrorCode(
    async (/** @type {string} */ method, /** @type {object} */ what, /** @type {unknown} */ options) => {
      const { wasm, wasm_url, threads } = moduleOptions(options, ["wasm", "wasm_url", "threads"]);
      const trainer = new WorkerTrainer(connect(providerOf("trainer", wasm), "resume from a checkpoint"));
      try {
        await trainer.#call(method, [{ ...what, wasm: { wasm_url: wasm_url?.href, threads } }]);
        return trainer;
      } catch (error) {
        trainer.free();
        throw error;
      }
    },
  );

  /** Frees the trainer, with its worker. */
  free() {
    this.#connection.end(makeError("freed", "the trainer was freed"));
  }

  /**
   * @param {string} method
   * @param {unknown[]} args
   */
  #call(method, args) {
    return this.#connection.call({ method, args });
  }

  static {
    addMethods(WorkerTrainer, TRAINER_METHODS, (trainer, method, args) => trainer.#call(method, args));
    if (Symbol.dispose) addMethods(WorkerTrainer, [Symbol.dispose], (trainer) => trainer.free());
  }
}
