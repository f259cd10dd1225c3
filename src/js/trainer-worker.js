// The trainer in a module worker: it answers the calls that `WorkerTrainer` and `WorkerFinetuner` post.

import { Finetuner } from "./finetuner.js";
import { TRAINER_METHODS } from "./methods.js";
import { deserializeSource } from "./serialize-source.js";
import { reportProgress, serveCalls } from "./serve-calls.js";
import init, { Trainer } from "./trainer-module.js";

/**
 * What is trained here. A finetuner has some of the trainer's methods.
 *
 * @type {Trainer | Finetuner}
 */
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

/**
 * Begins a fine-tuning, and tells the page how far the model is.
 *
 * @param {number} id that of the call
 * @param {{ source: any, examples: any, config: any, options: object, engine: import("./trainer-module.js").TrainerOptions }} what
 */
async function finetune(id, { source, examples, config, options, engine }) {
  await init(engine);
  const onProgress = (/** @type {unknown} */ progress) => reportProgress(id, progress);
  trainer = await Finetuner.load(deserializeSource(source), examples, config, { ...options, onProgress });
}

/** @type {Record<string, (...args: any[]) => unknown>} */
const methods = { ...beginnings };
for (const name of TRAINER_METHODS) {
  methods[name] = (...args) => /** @type {any} */ (trainer)[name](...args);
}

serveCalls(
  ({ id, method, args }) =>
    method === "finetune" ? finetune(id, /** @type {[any]} */ (args)[0]) : methods[method](...args),
  // A file is moved to the page, not copied.
  (value) => (value instanceof Uint8Array ? [value.buffer] : []),
);
