// The trainer in a module worker: it answers the calls that `WorkerTrainer` posts.
//
// A call is { id, method, args }. Its answer is { id, value } or { id, error }, or { crashed } if the module cannot be
// used any more.

import { codeOf, words } from "./errors.js";
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

onmessage = async ({ data: { id, method, args } }) => {
  try {
    const value = await methods[method](...args);
    // A file is transferred to the page, not copied.
    postMessage({ id, value }, value instanceof Uint8Array ? [value.buffer] : []);
  } catch (error) {
    if (codeOf(error) === "crashed") postMessage({ crashed: words(error.cause ?? error) });
    else postMessage({ id, error: { message: words(error), code: codeOf(error) } });
  }
};
onmessageerror = () => postMessage({ crashed: "a call could not be read" });
