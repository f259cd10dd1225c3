// One fine-tuning: loads the model once more, beside the one that writes, and runs its steps.

/** @typedef {import("./pkg/trainer.js").FinetunerConfig} FinetunerConfig */
/** @typedef {import("./pkg/trainer.js").FinetunerInfo} FinetunerInfo */
/** @typedef {import("./pkg/trainer.js").TrainerStep} TrainerStep */
/** @typedef {import("./pkg/index.js").LoadProgress} LoadProgress */
/** @typedef {import("./sources.js").Opened} Opened */

// Loaded with the first fine-tuning, because the module is as large as the engine.
const trainerModule = () => import("./pkg/trainer.js");

/**
 * Whether a text spells conversations, one in JSON a line.
 *
 * @param {string} text
 */
export const isConversations = (text) => text.trimStart().startsWith("{");

/**
 * The examples that a text spells: conversations, or the text itself.
 *
 * @param {string} text
 */
async function examplesOf(text) {
  const { readConversations } = await trainerModule();
  return isConversations(text) ? readConversations(text) : text;
}

/** A fine-tuning that runs, or has ended. */
export class Tuning {
  /**
   * What is shown of it: entries [step, loss].
   *
   * @type {{ steps: number[][], heldOut: number[][] }}
   */
  history = { steps: [], heldOut: [] };
  #stopping = false;

  /**
   * @param {import("./pkg/trainer.js").WorkerFinetuner} tuner
   * @param {FinetunerInfo} info
   */
  constructor(tuner, info) {
    this.tuner = tuner;
    this.info = info;
    this.history.heldOut.push([0, info.base_loss]);
  }

  /**
   * Loads the model that `open` opens.
   *
   * @param {(signal: AbortSignal) => Opened | Promise<Opened>} open
   * @param {string} text
   * @param {FinetunerConfig} config
   * @param {AbortSignal} signal
   * @param {(progress: LoadProgress) => void} onProgress
   */
  static async begin(open, text, config, signal, onProgress) {
    const examples = await examplesOf(text);
    const { WorkerFinetuner } = await trainerModule();
    const found = await open(signal);
    let tuner;
    try {
      tuner = await WorkerFinetuner.load(found.source, examples, config, { signal, onProgress });
    } finally {
      // Without the error, for which the store might delete the model: the file is good, the page has loaded it before.
      await found.settle?.();
    }
    try {
      const info = await tuner.info();
      signal.throwIfAborted();
      return new Tuning(tuner, info);
    } catch (error) {
      tuner.free();
      throw error;
    }
  }

  get step() {
    return this.history.steps.at(-1)?.[0] ?? 0;
  }

  /** [step, loss] of the lowest held-out loss so far; step 0 is the model as it was. */
  get best() {
    return this.history.heldOut.reduce((best, point) => (point[1] < best[1] ? point : best));
  }

  /**
   * Takes steps until it is complete or stopped, and then gives the adapter in its best state, if a step made it better. An
   * error that ends it early is given beside the adapter.
   *
   * @param {(step: TrainerStep) => void} stepped
   * @returns {Promise<{ adapter?: Uint8Array<ArrayBuffer>, failure?: unknown }>}
   */
  async run(stepped) {
    /** @type {{ adapter?: Uint8Array<ArrayBuffer>, failure?: unknown }} */
    const end = {};
    try {
      await this.#takeSteps(stepped);
    } catch (error) {
      end.failure = error;
    }
    try {
      // After an error, too: the best state does not depend on a step that failed. If the worker is gone, so is that state,
      // and this fails as the step did. The bytes were transferred from there, so that nothing else has their memory.
      if (this.best[0] > 0) end.adapter = /** @type {Uint8Array<ArrayBuffer>} */ (await this.tuner.to_gguf());
    } catch (error) {
      end.failure ??= error;
    }
    // What it takes of memory is several times the model.
    this.tuner.free();
    return end;
  }

  /** @param {(step: TrainerStep) => void} stepped */
  async #takeSteps(stepped) {
    for (let complete = false; !complete && !this.#stopping;) {
      const step = await this.tuner.step();
      this.history.steps.push([step.step, step.loss]);
      if (step.validation) this.history.heldOut.push([step.step, step.validation.loss]);
      complete = step.complete;
      stepped(step);
    }
  }

  /** Ends it after this step. */
  stop() {
    this.#stopping = true;
  }
}
