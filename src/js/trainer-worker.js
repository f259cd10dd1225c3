// The trainer in a module worker: it answers the calls that `WorkerTrainer` posts.

import { TRAINER_METHODS } from "./methods.js";
import { serveCalls } from "./serve-calls.js";
import init, { Trainer } from "./trainer-module.js";

/** @type {Trainer} */
let trainer;

/**
 * What begins a training; the other methods are the trainer's own.
 *
 * @typedef {{ text: string, config?: import("./nexttoken_trainer.js").TrainerConfig, wasm: import("./trainer-module.js").TrainerOptions }} New
 * @typedef {{ text: string, checkpoint: Uint8Array, wasm: import("./trainer-module.js").TrainerOptions }} Kept
 */
const beginnings = {
  /** @param {New} what */
  async create({ text, config, wasm }) {
    await init(wasm);
    trainer = new Trainer(text, config);
  },
  /** @param {Kept} what */
  async resume({ text, checkpoint, wasm }) {
    await init(wasm);
    trainer = Trainer.resume(text, checkpoint);
  },
};

/** @type {Record<string, (...args: any[]) => unknown>} */
const methods = { ...beginnings };
for (const name of TRAINER_METHODS) {
  methods[name] = (...args) => /** @type {(...args: any[]) => unknown} */ (trainer[name]).apply(trainer, args);
}

serveCalls(
  ({ method, args }) => methods[method](...args),
  // A file is moved to the page, not copied.
  (value) => (value instanceof Uint8Array ? [value.buffer] : []),
);
