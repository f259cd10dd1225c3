// Training in a tab: a module of its own, loaded only by those who import this file.
//
//     import init, { Trainer } from "nexttoken/trainer";
//     await init();
//     const trainer = new Trainer(text, { preset: "small" });
//     while (!trainer.step().complete);
//     const generator = await Generator.load(trainer.to_gguf());

import start, { Trainer } from "./nexttoken_trainer.js";
import { copyOptions, makeError } from "./errors.js";
import { bestVariant } from "./features.js";
import { memoizeAsync, resolveWasmUrl, startModule } from "./start-module.js";

// Written out in full, because bundlers look for exactly this expression.
const shipped = () => new URL("./nexttoken_trainer.wasm", import.meta.url);

/**
 * Loads and starts the trainer's WebAssembly module. Call it once before anything else; later calls wait for the first
 * and do nothing more.
 * `wasm_url` is the address of another module.
 */
export default memoizeAsync(async (/** @type {{ wasm_url?: string | URL } | undefined} */ options) => {
  const { wasm_url } = copyOptions(options, ["wasm_url"]);
  if (bestVariant() === null) {
    throw makeError(
      "unsupported_browser",
      "this browser cannot train: it has no WebAssembly SIMD (every current browser has)",
    );
  }
  const url = wasm_url === undefined ? shipped() : resolveWasmUrl(wasm_url);
  await startModule(() => start({ module_or_path: url }), "trainer", url);
});

if (Symbol.dispose) Trainer.prototype[Symbol.dispose] ??= Trainer.prototype.free;

export { Trainer };
export { WorkerTrainer } from "./worker-trainer.js";
