// The first call of a worker, which starts with it: it loads, inspects or fine-tunes what a source gives.

import { makeError } from "./errors.js";
import { serializeSource } from "./serialize-source.js";
import { loading, readable } from "./source.js";
import { moduleOptions, providerOf } from "./start-module.js";

/** @typedef {import("./connection.js").Connection} Connection */
/**
 * A kind of worker: the module that runs in it, and how it is started.
 *
 * @typedef {object} Kind
 * @property {import("./start-module.js").ModuleName} name
 * @property {(provider: import("./start-module.js").Provider) => Connection} connect
 */

/**
 * Calls `method` of a new worker with a source, options, and what else it needs. The worker is terminated where that
 * fails, or is called off.
 *
 * @param {Kind} kind
 * @param {"load" | "inspect" | "finetune"} method
 * @param {unknown} source
 * @param {unknown} given the options
 * @param {string[]} known their names
 * @param {object} [more]
 * @returns {Promise<{ connection: Connection, answer: any }>}
 */
export async function callWithSource({ name, connect }, method, source, given, known, more) {
  const { onProgress, signal, variant, wasm, wasm_url, threads, ...options } = moduleOptions(loading(given, known));
  const readied = readable(source);
  // A request may have a signal of its own, which cannot be posted.
  const signals = [signal, ...[readied].flat().map((part) => part instanceof Request && part.signal)].filter(Boolean);
  const aborted = makeError("aborted", "aborted");
  if (signals.some((signal) => signal.aborted)) throw aborted;
  const [posted, moved, close] = await serializeSource(readied);
  /** @type {Connection | undefined} */
  let connection;
  // Terminating the worker also frees a model that is half loaded.
  const abort = () => connection?.end(aborted);
  try {
    connection = connect(providerOf(name, wasm));
    for (const signal of signals) {
      signal.addEventListener("abort", abort);
      // It may have aborted before the listener was added.
      if (signal.aborted) abort();
    }
    const what = { source: posted, engine: { variant, wasm_url: wasm_url?.href, threads }, options, ...more };
    const answer = await connection.call({ session: 0, method, args: [what] }, moved, onProgress);
    return { connection, answer };
  } catch (thrown) {
    connection?.end(makeError("freed", "the load has failed"));
    throw thrown;
  } finally {
    // Also where no worker could be made, or a download would stay open that nobody reads.
    close?.();
    for (const signal of signals) signal.removeEventListener("abort", abort);
  }
}
