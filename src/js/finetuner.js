// Fine-tuning on the thread that imports this file: adds to `Finetuner` how one is loaded.

import { Finetuner, Generator, check_finetuner_config, guard } from "./nexttoken_trainer.js";
import { copyOptions, withErrorCode } from "./errors.js";
import { readExamples, renderAnswers } from "./examples.js";
import { loading, readable } from "./source.js";
import init from "./trainer-module.js";

/** The options of `Finetuner.load`. */
const LOADING = ["onProgress", "signal", "timeout"];

/** Loads a model, and begins to fine-tune it; see the types. */
Finetuner.load = withErrorCode(
  async (
    /** @type {any} */ source,
    /** @type {unknown} */ examples,
    /** @type {unknown} */ config,
    /** @type {unknown} */ options,
  ) => {
    const [readied, loads] = [readable(source), loading(options, LOADING)];
    const [given, copy] = [readExamples(examples), copyOptions(config)];
    await init();
    check_finetuner_config(copy);
    // It writes nothing: its tokenizer and its chat template are what is needed.
    const generator = await guard.rejectOnTrap(Generator.load(readied, { ...loads, context_length: 1 }));
    try {
      if (typeof given === "string") return Finetuner.on_text(generator, given, copy);
      return Finetuner.on_answers(generator, await renderAnswers(generator, given), copy);
    } finally {
      generator.free();
    }
  },
);

if (Symbol.dispose) Finetuner.prototype[Symbol.dispose] ??= Finetuner.prototype.free;

export { Finetuner };
