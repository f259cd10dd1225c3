// `Encoder` in a worker: the same interface, but every method returns a promise.

import { callWithSource } from "./call-with-source.js";
import { Connection } from "./connection.js";
import { makeError, withErrorCode } from "./errors.js";
import { ENCODER_METHODS, addMethods } from "./methods.js";
import { oneFile } from "./one-file.js";
import { startWorker } from "./start-worker.js";

/** The options of `Encoder.load`, and those with which its module is started. */
const LOADING = ["onProgress", "signal", "timeout", "variant", "wasm", "wasm_url", "threads"];

/** @type {import("./call-with-source.js").Kind} */
const ENCODER = {
  name: "encoder",
  connect: (provider) =>
    new Connection(
      startWorker(() => new Worker(new URL("./encoder-worker.js", import.meta.url), { type: "module" })),
      (reason) => `the encoder stopped (${reason}); load it again`,
      provider,
    ),
};

/** An encoder that lives in a module worker of its own. For the documentation see the types. */
export class WorkerEncoder {
  #connection;

  /** @param {Connection} connection */
  constructor(connection) {
    if (!(connection instanceof Connection)) {
      throw makeError("invalid_option", "a WorkerEncoder is made by WorkerEncoder.load");
    }
    this.#connection = connection;
  }

  /** Loads an encoder in a new worker. */
  static load = withErrorCode(async (/** @type {unknown} */ source, /** @type {unknown} */ options) => {
    const { connection } = await callWithSource(ENCODER, "load", oneFile(source), options, LOADING);
    return new WorkerEncoder(connection);
  });

  /** Frees the encoder, with its worker. */
  free() {
    this.#connection.end(makeError("freed", "the encoder was freed"));
  }

  static {
    addMethods(WorkerEncoder, ENCODER_METHODS, (encoder, method, args) => encoder.#connection.call({ method, args }));
    if (Symbol.dispose) addMethods(WorkerEncoder, [Symbol.dispose], (encoder) => encoder.free());
  }
}
