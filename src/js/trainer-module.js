// The trainer on the thread that imports this file. It is apart from `trainer.js` because the worker imports it too: a
// worker that imports what starts it is a cycle, in which bundlers may never end.

import start, { Trainer, guard, set_threads, thread_stack } from "./nexttoken_trainer.js";
import { makeError } from "./errors.js";
import { bestVariant } from "./features.js";
import { locate, memoizeAsync, moduleOptions, providerOf, setProvider, startModule } from "./start-module.js";
import { shareMemory, startThreads, threadsOption } from "./threads.js";

// Written out in full, because bundlers look for exactly this expression.
const shipped = () => new URL("./nexttoken_trainer.wasm", import.meta.url);
const shippedThreads = () => new URL("./nexttoken_trainer_threads.wasm", import.meta.url);

/** @typedef {{ wasm?: unknown, wasm_url?: string | URL, threads?: unknown }} TrainerOptions */

/**
 * Loads and starts the trainer's WebAssembly module. Call it once before anything else; later calls wait for the first
 * and do nothing more.
 * `wasm`, `wasm_url` and `threads` are those of the engine's `init`, here for the trainer.
 */
export default memoizeAsync(async (/** @type {TrainerOptions} */ options = {}) => {
  const { wasm, wasm_url, threads } = moduleOptions(options, ["wasm", "wasm_url", "threads"]);
  const asked = threadsOption(threads);
  if (bestVariant() === null) {
    throw makeError(
      "unsupported_browser",
      "this browser cannot train: it has no WebAssembly SIMD (every current browser has)",
    );
  }
  if (wasm !== undefined) setProvider(providerOf("trainer", wasm));
  const count = shareMemory(guard, asked);
  await startModule("trainer", start, wasm_url ?? (await located(guard.memory !== undefined)));
  const serving = await startThreads(guard, count, thread_stack);
  // All of them: each has a part of a batch.
  if (serving > 1) set_threads(serving, false, globalThis.document === undefined);
});

/** @param {boolean} threads whether the module is to have threads */
const located = (threads) =>
  threads
    ? locate("trainer", "nexttoken_trainer_threads.wasm", shippedThreads)
    : locate("trainer", "nexttoken_trainer.wasm", shipped);

if (Symbol.dispose) Trainer.prototype[Symbol.dispose] ??= Trainer.prototype.free;

export { Trainer };
