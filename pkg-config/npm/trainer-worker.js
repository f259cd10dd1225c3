// The trainer in a module worker: answers the calls that `WorkerTrainer` posts.
//
// A call is { id, method, args }; its answer { id, value }, { id, error } or, where the module cannot
// be used any more, { crashed }.

import init, { Trainer } from "./trainer.js";

/** @type {Trainer | undefined} */
let trainer;

const methods = {
  async create({ text, config, wasm }) {
    await init(wasm);
    trainer = new Trainer(text, config);
    return trainer.info();
  },
  async resume({ text, checkpoint, wasm }) {
    await init(wasm);
    trainer = Trainer.resume(text, checkpoint);
    return trainer.info();
  },
  step: () => trainer.step(),
  validate: () => trainer.validate(),
  best: () => trainer.best(),
  sample: (...args) => trainer.sample(...args),
  pairs: (...args) => trainer.pairs(...args),
  to_gguf: (...args) => trainer.to_gguf(...args),
  checkpoint: () => trainer.checkpoint(),
  info: () => trainer.info(),
};

/** A trap leaves the module in a state nobody knows: nothing of it may be used again. */
const isCrash = (error) => error instanceof WebAssembly.RuntimeError || error instanceof RangeError;

onmessage = async ({ data: { id, method, args } }) => {
  try {
    const value = await methods[method](...args);
    // A file moves to the page instead of being copied.
    postMessage({ id, value }, value instanceof Uint8Array ? [value.buffer] : []);
  } catch (error) {
    const message = String(error?.message ?? error);
    if (isCrash(error)) postMessage({ crashed: message });
    else postMessage({ id, error: { message, code: error?.code ?? "internal" } });
  }
};
