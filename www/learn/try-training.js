// Chapter 8: a tiny model learns a text, step by step.

import { drawCurve } from "../curve.js";
import { element, keep } from "../dom.js";
import { codeOf } from "../errors.js";
import { visible } from "../format.js";
import { crossEntropy, sentences } from "./numbers.js";
import { sentence } from "./parts.js";
import { number, onLanguage, percent, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */
/** @typedef {import("../pkg/trainer.js").TrainerPair} TrainerPair */
/** @typedef {import("../pkg/trainer.js").TrainerInfo} TrainerInfo */

const STEPS = 60;
/** Between two looks at what it has learnt, in milliseconds. */
const LOOK = 400;
/** Sentences in the line whose pairs are shown. */
const SHOWN = 2;

/**
 * A training, as far as it is.
 *
 * @typedef {{ trainer: import("../pkg/trainer.js").WorkerTrainer, info: TrainerInfo, line: string, loss: number[][],
 *   complete: boolean, pairs: TrainerPair[], sample: string }} Run
 */

/** @typedef {"new" | "preparing" | "running" | "paused" | "done"} State */

/** @param {Find} find */
export function tryTraining(find) {
  const [start, anew] = ["training-start", "training-anew"].map((id) => find(id, "button"));
  const training = new Training(find);
  start.addEventListener("click", () => training.toggle());
  anew.addEventListener("click", () => {
    training.drop();
    training.show();
    start.focus();
  });
  onLanguage(() => training.show());
  new ResizeObserver(() => training.redraw()).observe(find("training-figure"));
  training.show();
}

/** The state of the exercise, and what its two buttons do with it. */
class Training {
  #find;
  #text;
  /** Whether the reader has written a text of their own, which another language does not replace. */
  #isOwn = false;
  /** @type {Run | undefined} */
  #run;
  #state = /** @type {State} */ ("new");
  /** Whether steps are taken. */
  #looping = false;
  /** @type {unknown} */
  #failed;

  /** @param {Find} find */
  constructor(find) {
    this.#find = find;
    this.#text = find("training-text", "textarea");
    this.#text.addEventListener("input", () => (this.#isOwn = true));
  }

  show() {
    if (!this.#isOwn && !this.#run && this.#state === "new") this.#text.value = ownText();
    showTraining(this.#find, this.#run, this.#state, this.#failed);
  }

  /** Draws the curve again, where the room for it has changed. */
  redraw() {
    if (this.#run?.loss.length) showRun(this.#find, this.#run);
  }

  /** Gives the training up. */
  drop() {
    this.#run?.trainer.free();
    this.#run = undefined;
    this.#state = "new";
  }

  /** Begins, pauses or goes on. */
  toggle() {
    if (this.#state !== "running") return void this.#go();
    this.#state = "paused";
    this.show();
  }

  async #go() {
    this.#failed = undefined;
    this.#state = this.#run ? "running" : "preparing";
    this.show();
    if (this.#looping) return; // the loop that was about to pause goes on
    this.#looping = true;
    try {
      const run = (this.#run ??= await begin(this.#text.value));
      if (this.#state === "preparing") this.#state = "running";
      const isCurrent = () => this.#run === run;
      const isRunning = () => this.#state === "running";
      await takeSteps(run, { isCurrent, isRunning, show: () => this.show() });
      if (!isCurrent()) return;
      if (run.complete) {
        this.#state = "done";
        run.trainer.free();
      }
    } catch (error) {
      if (codeOf(error) === "freed") return; // begun anew meanwhile
      this.#failed = error;
      this.drop();
    } finally {
      this.#looping = false;
    }
    this.show();
  }
}

/**
 * Takes steps until the training is complete, or is paused, or another has taken its place.
 *
 * @param {Run} run
 * @param {{ isCurrent: () => boolean, isRunning: () => boolean, show: () => void }} page
 */
async function takeSteps(run, { isCurrent, isRunning, show }) {
  let looked = performance.now();
  if (run.loss.length === 0) await look(run);
  while (isCurrent() && isRunning() && !run.complete) {
    const { step, loss, complete } = await run.trainer.step();
    run.loss.push([step, loss]);
    run.complete = complete;
    // Whoever pauses sees the state of the last step, and may go on while it is computed.
    if (complete || !isRunning() || performance.now() - looked >= LOOK) {
      await look(run);
      looked = performance.now();
    }
    if (isCurrent()) show();
  }
}

/**
 * @param {Find} find
 * @param {Run | undefined} run
 * @param {State} state
 * @param {unknown} failed
 */
function showTraining(find, run, state, failed) {
  const [start, anew] = ["training-start", "training-anew"].map((id) => find(id, "button"));
  const key = { new: "start", preparing: "preparing", running: "pause", paused: "go-on", done: "done" }[state];
  start.hidden = state === "done";
  start.disabled = state === "preparing";
  if (state !== "done") start.textContent = t(`training.${key}`);
  anew.hidden = state !== "done" && state !== "paused";
  find("training-text", "textarea").disabled = state !== "new";
  find("training-status").textContent = failed ? sentence(failed) : run ? progress(run, state) : "";
  const { dataset } = find("try-training");
  dataset.state = failed ? "failed" : state;
  dataset.step = String(run?.loss.at(-1)?.[0] ?? 0);
  dataset.loss = JSON.stringify(run?.loss.map(([, loss]) => loss) ?? []);
  for (const id of ["training-figure", "training-sample"]) find(id).hidden = !run?.loss.length;
  find("training-line-note").hidden = !run?.pairs.length;
  if (run) showRun(find, run);
  else find("training-pairs").replaceChildren();
  find("training-loss").textContent = run?.pairs.length
    ? t("training.mean", { loss: number(crossEntropy(run.pairs), 2) })
    : "";
}

/**
 * @param {Run} run
 * @param {State} state
 */
function progress(run, state) {
  if (!run.loss.length) return "";
  const [first, last] = [run.loss[0], run.loss[run.loss.length - 1]].map(([, loss]) => number(loss, 2));
  const values = { step: run.loss.length, steps: STEPS, loss: last, first };
  if (state === "done") return t("training.done", values);
  return t(state === "paused" ? "training.paused" : "training.step", values);
}

/**
 * The curve, the pairs of the line and the sample.
 *
 * @param {Find} find
 * @param {Run} run
 */
function showRun(find, { info, loss, pairs, sample }) {
  const levels = [
    { name: t("training.uniform"), loss: info.uniform_loss },
    { name: t("training.unigram"), loss: info.unigram_loss },
  ];
  const decimal = (/** @type {number} */ value) => number(value, 2);
  const curve = /** @type {SVGSVGElement} */ (/** @type {Element} */ (find("training-curve")));
  drawCurve(curve, { loss, heldOut: [], levels, unit: t("training.steps"), decimal });
  const make = () => element("li", "", element("span", "input"), element("span", "target"), element("small"));
  for (const [index, item] of keep(find("training-pairs"), pairs.length, make).entries()) {
    const { input, target, nll } = pairs[index];
    const share = Math.exp(-nll);
    const texts = [visible(input), visible(target), percent(share)];
    for (const [at, part] of [...item.children].entries()) part.textContent = texts[at];
    item.style.setProperty("--share", `${100 * share}%`);
    item.title = `−ln p = ${number(nll, 2)}`;
  }
  find("training-line-note").textContent = t("training.line");
  find("training-wrote").textContent = sample;
}

/**
 * A training of `text` before its first step.
 *
 * @param {string} text
 * @returns {Promise<Run>}
 */
async function begin(text) {
  const { WorkerTrainer } = await import("../pkg/trainer.js"); // as large as the engine
  const trainer = await WorkerTrainer.create(text, { preset: "tiny", steps: STEPS, patience: 0 });
  const info = await trainer.info().catch((error) => {
    trainer.free();
    throw error;
  });
  const line =
    text
      .split(". ")
      .slice(1, 1 + SHOWN)
      .join(". ") || [...text].slice(0, 80).join("");
  return {
    trainer,
    info,
    line: ` ${line}${line.endsWith(".") ? "" : "."}`, // as it stands within the text
    loss: [],
    complete: false,
    pairs: [],
    sample: "",
  };
}

/**
 * Looks at what the model has learnt so far.
 *
 * @param {Run} now
 */
async function look(now) {
  now.pairs = (await pairsOf(now)).slice(1); // without the first, which is that of the beginning of a text
  now.sample = await now.trainer.sample("", { temperature: 0.8, max_tokens: 30, seed: now.loss.length });
}

/**
 * The pairs of the line, which is shortened until it fits into the context; none where it is too short for any.
 *
 * @param {Run} run
 */
async function pairsOf(run) {
  for (;;) {
    try {
      return await run.trainer.pairs(run.line);
    } catch (error) {
      if (codeOf(error) === "text_too_short") return [];
      if (codeOf(error) !== "prompt_too_long") throw error;
      const characters = [...run.line];
      run.line = characters.slice(0, characters.length / 2).join("");
    }
  }
}

/** The text that is learnt: all sentences that can be made of a few parts. */
const ownText = () => sentences(["who", "does", "where"].map((part) => t(`training.${part}`).split("|"))).join(" ");
