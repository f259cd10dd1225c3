// Text encoders on the thread that imports this file. It is apart from `encoder.js` because the worker imports it too: a
// worker that imports what starts it is a cycle, in which bundlers may never end.

import start, { Encoder, guard, set_threads, thread_stack } from "./nexttoken_encoder.js";
import { withErrorCode } from "./errors.js";
import { oneFile } from "./one-file.js";
import { loading } from "./source.js";
import { memoizeAsync, moduleOptions } from "./start-module.js";
import { startVariant } from "./start-variant.js";
import { shareMemory, startThreads, threadsOption } from "./threads.js";

// Written out in full, because bundlers look for exactly this expression.
const shipped = {
  relaxed: () => new URL("./nexttoken_encoder_relaxed.wasm", import.meta.url),
  simd128: () => new URL("./nexttoken_encoder_simd128.wasm", import.meta.url),
  relaxed_threads: () => new URL("./nexttoken_encoder_relaxed_threads.wasm", import.meta.url),
  simd128_threads: () => new URL("./nexttoken_encoder_simd128_threads.wasm", import.meta.url),
};

/** The number of threads that serve. */
let serving = 1;

/**
 * Uses as many of the threads that serve as were asked for, else all of them: a text has work for each.
 *
 * @param {number} [asked]
 */
const useThreads = (asked = serving) => set_threads(Math.min(asked, serving), false, globalThis.document === undefined);

/**
 * Loads and starts the WebAssembly module of encoders. `Encoder.load` does it where it has not been done; later calls
 * wait for the first and do nothing more. The options are those of the engine's `init`, here for this module.
 */
const init = memoizeAsync(async (/** @type {import("./start-variant.js").VariantOptions} */ options = {}) => {
  const { threads, ...which } = moduleOptions(options, ["variant", "wasm", "wasm_url", "threads"]);
  const asked = threadsOption(threads);
  const count = shareMemory(guard, asked);
  const variant = await startVariant({ name: "encoder", prefix: "nexttoken_encoder_", start, guard, shipped }, which);
  serving = await startThreads(guard, count, thread_stack);
  if (serving > 1) useThreads(asked);
  return { variant };
});
export default init;

// For the documentation see the types. Here the arguments are checked before the module is called, and a trap rejects
// the promise.
/** @type {(source: any, options: any) => Promise<Encoder>} */
const load = Encoder.load;

Encoder.load = withErrorCode(async (/** @type {any} */ source, /** @type {any} */ options) => {
  const readied = oneFile(source);
  const { threads, ...loads } = loading(options);
  const asked = threadsOption(threads);
  await init({ threads: asked });
  const loaded = await guard.rejectOnTrap(load(readied, loads));
  if (asked !== undefined && serving > 1) useThreads(asked);
  return loaded;
});

if (Symbol.dispose) Encoder.prototype[Symbol.dispose] ??= Encoder.prototype.free;

export { Encoder };
