// The trainer in a module worker: answers the calls that `WorkerTrainer` posts.
//
// A call is { id, method, args }; its answer { id, value }, { id, error } or, where the module cannot
// be used any more, { crashed }.

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
    // A file moves to the page instead of being copied.
    postMessage({ id, value }, value instanceof Uint8Array ? [value.buffer] : []);
  } catch (error) {
    if (codeOf(error) === "crashed") postMessage({ crashed: words(error.cause ?? error) });
    else postMessage({ id, error: { message: words(error), code: codeOf(error) } });
  }
};
onmessageerror = () => postMessage({ crashed: "a call could not be read" });
