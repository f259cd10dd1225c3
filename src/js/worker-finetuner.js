// `Finetuner` in a worker: the same interface, but every method returns a promise.

import { Connection } from "./connection.js";
import { copyOptions, makeError, withErrorCode } from "./errors.js";
import { readExamples } from "./examples.js";
import { addMethods } from "./methods.js";
import { serializeSource } from "./serialize-source.js";
import { loading, readable } from "./source.js";
import { moduleOptions, providerOf } from "./start-module.js";
import { connect } from "./worker-trainer.js";

/** The methods of `Finetuner` that are passed on. */
const METHODS = /** @type {const} */ (["step", "validate", "best", "to_gguf", "info"]);
/** The options of `Finetuner.load`, and those with which the trainer is started. */
const LOADING = ["onProgress", "signal", "timeout", "wasm", "wasm_url", "threads"];

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
      const { onProgress, signal, wasm, wasm_url, threads, ...options } = moduleOptions(loading(given, LOADING));
      const [readied, what] = [readable(source), readExamples(examples)];
      const conversations = typeof what === "string" ? what : what.map((messages) => ({ messages }));
      const copy = copyOptions(config);
      // A request may have a signal of its own, which cannot be posted.
      const signals = [signal, ...[readied].flat().map((part) => part instanceof Request && part.signal)].filter(
        Boolean,
      );
      const aborted = makeError("aborted", "aborted");
      if (signals.some((signal) => signal.aborted)) throw aborted;
      const [posted, moved, close] = await serializeSource(readied);
      const connection = connect(providerOf("trainer", wasm), "load the model again");
      // Terminating the worker also frees a model that is half loaded.
      const abort = () => connection.end(aborted);
      for (const signal of signals) signal.addEventListener("abort", abort);
      // It may have aborted before the listener was added.
      if (signals.some((signal) => signal.aborted)) abort();
      const started = { wasm_url: wasm_url?.href, threads };
      const load = { source: posted, examples: conversations, config: copy, options, wasm: started };
      try {
        await connection.call({ method: "finetune", args: [load] }, moved, onProgress);
        return new WorkerFinetuner(connection);
      } catch (error) {
        connection.end(error);
        throw error;
      } finally {
        close?.();
        for (const signal of signals) signal.removeEventListener("abort", abort);
      }
    },
  );

  /** Frees all of it, with its worker. */
  free() {
    this.#connection.end(makeError("freed", "the finetuner was freed"));
  }

  static {
    addMethods(WorkerFinetuner, METHODS, (tuner, method, args) => tuner.#connection.call({ method, args }));
    if (Symbol.dispose) addMethods(WorkerFinetuner, [Symbol.dispose], (tuner) => tuner.free());
  }
}
