// One training: runs its steps, draws samples at intervals, and stores checkpoints.

import { codeOf } from "./errors.js";
import { keepTraining, trainingState } from "./train-store.js";

/** The seconds between two samples, at first (`early`, up to `until`) and later, and between two checkpoints. */
const LOOK = { early: 2, late: 10, until: 12 };
const CHECKPOINT = 15;

/** The options of samples: the defaults of the page's sampler. */
const SAMPLING = { temperature: 0.8, top_k: 40, top_p: 0.95, min_p: 0.05, max_tokens: 60 };

// Loaded with the first training, because the module is as large as the engine.
const trainerModule = () => import("./pkg/trainer.js");

/**
 * What the page shows of a training. `steps` has entries [step, loss, seconds], `heldOut` [step, loss].
 *
 * @typedef {{ seconds: number, steps: number[][], heldOut: number[][], looks: Look[] }} History
 * @typedef {{ step: number, seconds: number, heldOut?: number, prompt: string, sample: string }} Look
 * @typedef {{ name: string, text: string }} Source
 * @typedef {import("./pkg/trainer.js").TrainerInfo} TrainerInfo
 * @typedef {import("./pkg/trainer.js").TrainerStep} TrainerStep
 */

/**
 * The prompt of samples, and the functions to call after a step, a sample and a checkpoint.
 *
 * @typedef {{ prompt: () => string, stepped: (report: TrainerStep) => void, looked: () => void | Promise<void>,
 *   kept: (error?: unknown) => void }} Page
 */

/** A training, running or paused. `history` holds what the page shows of it. */
export class Training {
  /** Whether steps are running, or the sample and the checkpoint after the last of them. */
  running = false;
  #pausing = false;
  #nextLook = 0;
  #nextCheckpoint = CHECKPOINT;

  /**
   * @param {import("./pkg/trainer.js").WorkerTrainer} trainer
   * @param {TrainerInfo} info
   * @param {Source} source
   * @param {History} history
   */
  constructor(trainer, info, source, history) {
    this.trainer = trainer;
    this.info = info;
    this.source = source;
    this.history = history;
    if (history.seconds > 0) {
      this.#nextLook = history.seconds + LOOK.early;
      this.#nextCheckpoint = history.seconds + CHECKPOINT;
    }
  }

  /**
   * Starts a new training.
   *
   * @param {Source} source
   * @param {import("./pkg/trainer.js").TrainerConfig} config
   */
  static async begin(source, config) {
    const { WorkerTrainer } = await trainerModule();
    const trainer = await WorkerTrainer.create(source.text, config);
    const history = { seconds: 0, steps: [], heldOut: [], looks: [] };
    return new Training(trainer, await trainer.info(), source, history);
  }

  /** Resumes the stored training. */
  static async resume() {
    const { WorkerTrainer } = await trainerModule();
    const { name, text, checkpoint, history } = await trainingState();
    const trainer = await WorkerTrainer.resume(text, checkpoint);
    // Trainings stored by the first release have no `heldOut`.
    history.heldOut ??= [];
    return new Training(trainer, await trainer.info(), { name, text }, history);
  }

  get step() {
    return this.history.steps.at(-1)?.[0] ?? 0;
  }

  get complete() {
    return this.info.complete;
  }

  /** [step, loss] of the lowest validation loss so far; undefined before the first validation. */
  get best() {
    /** @type {number[] | undefined} */
    let best;
    for (const point of this.history.heldOut) if (point[0] > 0 && !(best && best[1] <= point[1])) best = point;
    return best;
  }

  /** The mean loss of the latest steps. */
  get loss() {
    const last = this.history.steps.slice(-20);
    if (last.length === 0) return this.info.uniform_loss;
    return last.reduce((sum, [, loss]) => sum + loss, 0) / last.length;
  }

  /**
   * Runs until it is complete or paused.
   *
   * @param {Page} page
   */
  async run(page) {
    const { history } = this;
    this.running = true;
    this.#pausing = false;
    const started = performance.now() - 1000 * history.seconds;
    try {
      while (!this.#pausing && !this.complete) {
        if (history.seconds >= this.#nextLook) await this.look(page);
        const report = await this.trainer.step();
        history.seconds = (performance.now() - started) / 1000;
        history.steps.push([report.step, report.loss, history.seconds]);
        if (report.validation) history.heldOut.push([report.step, report.validation.loss]);
        this.info.complete = report.complete;
        page.stepped(report);
        if (history.seconds >= this.#nextCheckpoint) await this.#keep(page);
      }
      if (history.looks.at(-1)?.step !== this.step) await this.look(page);
      await this.#keep(page);
    } finally {
      this.running = false;
    }
  }

  /**
   * Draws a sample with the current weights.
   *
   * @param {Page} page
   */
  async look(page) {
    const { history, step } = this;
    if (step === 0) history.heldOut.push([0, (await this.trainer.validate()).loss]);
    const heldOut = history.heldOut.at(-1)?.[1];
    const sample = await this.trainer.sample(page.prompt(), { ...SAMPLING, seed: step });
    history.looks.push({ step, seconds: history.seconds, heldOut, prompt: page.prompt(), sample });
    await page.looked();
    const { early, late, until } = LOOK;
    this.#nextLook = history.seconds + (history.seconds < until ? early : late);
  }

  /** Ends `run` after the current step, with a last sample and a checkpoint. */
  pause() {
    this.#pausing = true;
  }

  /** Stores a checkpoint after the current step. */
  keepSoon() {
    this.#nextCheckpoint = 0;
  }

  /** @param {Page} page */
  async #keep(page) {
    this.#nextCheckpoint = this.history.seconds + CHECKPOINT;
    const { step, loss, history, source, info } = this;
    try {
      const checkpoint = await this.trainer.checkpoint();
      await keepTraining({ name: source.name, step, steps: info.steps, loss }, { ...source, checkpoint, history });
      page.kept();
    } catch (error) {
      if (codeOf(error)) throw error; // an error of the trainer, not of the store
      page.kept(error);
    }
  }

  free() {
    this.#pausing = true;
    this.trainer.free();
  }
}
