// `Finetuner` in a worker: the same interface, but every method returns a promise.

import { callWithSource } from "./call-with-source.js";
import { Connection } from "./connection.js";
import { copyOptions, makeError, withErrorCode } from "./errors.js";
import { readExamples } from "./examples.js";
import { FINETUNER_METHODS, addMethods } from "./methods.js";
import { connect } from "./worker-trainer.js";

/** The options of `Finetuner.load`, and those with which the trainer is started. */
const LOADING = ["onProgress", "signal", "timeout", "wasm", "wasm_url", "threads"];

/** @type {import("./call-with-source.js").Kind} */
const TRAINER = { name: "trainer", connect: (provider) => connect(provider, "load the model again") };

/** Fine-tuning in a module worker of its own. For the documentation see the types. */
export class WorkerFinetuner {
  #connection;

  /** @param {Connection} connection */
  constructor(connection) {
    if (!(connection instanceof Connection)) {
      throw makeError("invalid_option", "a WorkerFinetuner is made by WorkerFinetuner.load");
    }
    this.#connection = connection;
  }

  /** Loads a model in a new worker, and begins to fine-tune it. */
  static load = withErrorCode(
    async (
      /** @type {unknown} */ source,
      /** @type {unknown} */ examples,
      /** @type {unknown} */ config,
      /** @type {unknown} */ given,
    ) => {
      const what = readExamples(examples);
      const conversations = typeof what === "string" ? what : what.map((messages) => ({ messages }));
      const more = { examples: conversations, config: copyOptions(config) };
      const { connection } = await callWithSource(TRAINER, "finetune", source, given, LOADING, more);
      return new WorkerFinetuner(connection);
    },
  );

  /** Frees all of it, with its worker. */
  free() {
    this.#connection.end(makeError("freed", "the finetuner was freed"));
  }

  static {
    addMethods(WorkerFinetuner, FINETUNER_METHODS, (tuner, method, args) => tuner.#connection.call({ method, args }));
    if (Symbol.dispose) addMethods(WorkerFinetuner, [Symbol.dispose], (tuner) => tuner.free());
  }
}
