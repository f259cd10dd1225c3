// A text encoder in a module worker: it answers the calls that `WorkerEncoder` posts.

import init, { Encoder } from "./encoder-module.js";
import { deserializeSource } from "./serialize-source.js";
import { reportProgress, serveCalls } from "./serve-calls.js";

/** @type {Encoder} */
let encoder;

/**
 * @param {number} id
 * @param {{ source: any, engine: object, options: any }} what
 */
async function load(id, { source, engine, options }) {
  await init(engine);
  const onProgress = (/** @type {unknown} */ progress) => reportProgress(id, progress);
  encoder = await Encoder.load(deserializeSource(source), { ...options, onProgress });
}

serveCalls(
  ({ id, method, args }) => {
    if (method === "load") return load(id, .../** @type {[any]} */ (args));
    return /** @type {any} */ (encoder)[method](...args);
  },
  // Vectors are moved to the page, not copied.
  (value) => (Array.isArray(value) ? value.map(({ buffer }) => buffer) : []),
);
