// Shows the distribution that a token is drawn from, stage by stage: from the logits and the model's own probabilities to
// those of the draw.

import { showBars, showLogits } from "./bars.js";
import { button, closest, element, finder, keep, set } from "./dom.js";
import { digitsFor, segments, showLine } from "./draw-line.js";
import { count, percent, piece, stageTitle } from "./format.js";
import { draw, reach } from "./pictures.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./pkg/index.js").StepRecord} StepRecord */
/** @typedef {StepRecord["stages"][number]} Stage */

/**
 * A step that is shown: the options in effect, the id of the token that was taken, if any, whether it was with these
 * options and how, and a note.
 *
 * @typedef {{ record: StepRecord, options: import("./sliders.js").Options, taken?: number, how?: "drawn" | "chosen",
 *   note: (Node | string)[] }} Step
 */

/** The views before the sampler: what the head gives, and what the softmax makes of that. */
const OWN_VIEWS = ["logits", "model"];

export class StepView {
  #find;
  /** The chosen view: "logits", "model", the name of a stage, or "draw" for the result of all stages. */
  #view = "draw";
  /**
   * The step that is shown.
   *
   * @type {Step | undefined}
   */
  #shown;
  /**
   * Called when a candidate is chosen. Without it none can be chosen.
   *
   * @type {((id: number) => void) | undefined}
   */
  #choose;
  #inSight = true;
  /**
   * Shows the step that came while it was out of sight.
   *
   * @type {(() => void) | undefined}
   */
  #catchUp;

  /**
   * @param {ParentNode} root holds the note, the stages, the bars and the drawings over them
   * @param {() => void} leave called when the keyboard leaves the candidates
   */
  constructor(root, leave) {
    this.#find = finder(root);
    const bars = this.#find("bars");
    this.#find("stages").addEventListener("click", (event) => {
      const stage = closest(event, "[data-stage]");
      if (stage?.dataset.stage) this.showView(stage.dataset.stage);
    });
    bars.addEventListener("click", (event) => {
      const candidate = closest(event, "[data-id]");
      if (candidate) this.#choose?.(Number(candidate.dataset.id));
    });
    bars.addEventListener("keydown", (event) => {
      const item = closest(event, "li");
      if (event.key === "Escape") leave();
      const to = { ArrowUp: item?.previousElementSibling, ArrowDown: item?.nextElementSibling }[event.key];
      if (!to) return;
      event.preventDefault();
      to.querySelector("button")?.focus();
    });
  }

  /**
   * Shows a step. `pick` is called with the id of a candidate that is chosen.
   *
   * @param {Step} step
   * @param {(id: number) => void} [pick]
   */
  show(step, pick) {
    this.#catchUp = undefined;
    this.#shown = step;
    this.#choose = pick;
    this.#render(step);
  }

  /**
   * Shows a step of a text that is being written; one that nobody sees when it comes into sight, or never.
   *
   * @param {Step} step
   * @param {(id: number) => void} [pick]
   */
  follow(step, pick) {
    this.#catchUp = () => this.show(step, pick);
    if (this.#inSight) this.#catchUp();
  }

  /**
   * Whether it is in sight of the reader.
   *
   * @param {boolean} inSight
   */
  set inSight(inSight) {
    this.#inSight = inSight;
    if (inSight) this.#catchUp?.();
  }

  /**
   * Shows the view of a stage, if that has an effect.
   *
   * @param {string} name
   */
  showView(name) {
    this.#view = name;
    if (this.#shown) this.#render(this.#shown);
  }

  clear() {
    this.#shown = this.#catchUp = undefined;
    const ids = ["distribution-note", "bars", "stages", "marks", "caption", "draw-line", "draw-said"];
    for (const id of ids) this.#find(id).replaceChildren();
    this.#find("axis").hidden = true;
  }

  /** Moves the keyboard focus to the candidates. */
  focusCandidate() {
    const bars = this.#find("bars");
    (bars.querySelector(/** @type {"button"} */ (".taken button")) ?? bars.querySelector("button"))?.focus();
  }

  /** @param {Step} step */
  #render(step) {
    const { record, options, note } = step;
    this.#find("distribution-note").replaceChildren(...note);
    const index = record.stages.findIndex(({ name }) => name === this.#view);
    const now = index >= 0 || OWN_VIEWS.includes(this.#view) ? this.#view : "draw";
    this.#showStages(record, now);
    const stage = record.stages[index];
    const own = record.candidates.map(({ logprob }) => Math.exp(logprob));
    const last = record.candidates.map(({ probability }) => probability);
    const before = index > 0 ? record.stages[index - 1].probabilities : own;
    set(this.#find("axis"), "hidden", false);
    set(this.#find("caption"), "textContent", caption(step, now, stage, before));
    set(this.#find("bars").dataset, "view", now);
    const [bars, open] = [this.#find("bars"), Boolean(this.#choose)];
    if (now === "logits") {
      const most = Math.max(...record.candidates.map(({ logit }) => Math.abs(logit))) || 1;
      set(this.#find("full"), "textContent", most.toFixed(1));
      showLogits(bars, step, { most, open });
      draw(this.#find("marks"), undefined, options, before, 1);
    } else {
      const after = now === "model" ? own : (stage?.probabilities ?? last);
      const full = reach([...before, ...after], stage);
      set(this.#find("full"), "textContent", percent(full));
      showBars(bars, step, { before, after, full, open });
      draw(this.#find("marks"), stage, options, before, full);
    }
    const drawn = step.taken !== undefined && !isAlone(record.draw);
    showLine(this.#find("draw-line"), segments(record), step.taken, drawn ? record.draw?.point : undefined);
    this.#find("draw-said").replaceChildren(...drawing(step));
  }

  /**
   * @param {StepRecord} record
   * @param {string} now
   */
  #showStages({ stages }, now) {
    /** @type {{ name: string, kept?: number }[]} */
    const all = [{ name: "logits" }, { name: "model" }, ...stages, { name: "draw" }];
    const make = () => button("stage", element("b", ""), element("small", ""));
    for (const [index, made] of keep(this.#find("stages"), all.length, make).entries()) {
      const { name, kept } = all[index];
      set(made.dataset, "stage", name);
      const pressed = String(name === now);
      if (made.getAttribute("aria-pressed") !== pressed) made.setAttribute("aria-pressed", pressed);
      set(made.children[0], "textContent", name === "model" ? "softmax" : stageTitle(name));
      set(made.children[1], "textContent", kept ? `${kept.toLocaleString("en")} left` : "");
    }
  }
}

/**
 * What the view shows, in words.
 *
 * @param {Step} step
 * @param {string} now
 * @param {Stage | undefined} stage
 * @param {number[]} before
 */
function caption({ record, options }, now, stage, before) {
  if (!stage) return captionWithout(record, now);
  const removed = stage.removed
    ? `${count(stage.removed, "token")} with ${percent(stage.removed_probability)} of the probability`
    : "none here";
  switch (stage.name) {
    case "top_k":
      return (
        `Keeps the ${count(stage.kept, "likeliest token")} and cuts what is below ` +
        `${stage.kept < record.candidates.length ? "the line" : "these bars and more"}: ${removed}.`
      );
    case "top_p":
      return (
        `Adds up from the top (the curve) until ${percent(options.top_p)} is reached, and cuts what ` +
        `comes after: ${removed}.`
      );
    case "min_p":
      return (
        `Draws a line at ${options.min_p} times the best token's ${percent(Math.max(...before))}; ` +
        `what does not reach it is cut: ${removed}.`
      );
    case "temperature":
      return temperature(stage.level ?? options.temperature);
    default:
      return `Leaves ${count(stage.kept, "token")} and cuts ${removed}.`;
  }
}

/**
 * What a view says that is none of a stage's.
 *
 * @param {StepRecord} record
 * @param {string} now
 */
function captionWithout({ entropy, stages }, now) {
  if (now === "logits") return "The logits: the score that the head gives each token. Blue: below zero.";
  if (now === "model") {
    return (
      "e to the power of each logit, divided by the sum of all: the model's own guesses. " +
      `Entropy ${entropy.toFixed(2)} nats: as unsure as between ${Math.exp(entropy).toFixed(1)} equally likely tokens.`
    );
  }
  const pictures = stages.length ? " Each stage above has its picture." : "";
  return `Outlined: the model's own guesses. Filled: what is drawn from, after every stage.${pictures}`;
}

/** @param {number} level */
function temperature(level) {
  if (level === 0) return "Temperature 0: the likeliest token takes it all.";
  const how = level < 1 ? "sharpens: the likely gain, the unlikely lose" : "flattens: the unlikely get a chance";
  return `Divides the logits by ${level.toFixed(2)}, which ${how}. Outlined: before.`;
}

/**
 * Whether one token is left alone, so that every number falls on it.
 *
 * @param {StepRecord["draw"]} draw
 */
const isAlone = (draw) => draw?.from === 0 && draw.to === 1;

/**
 * What the draw does, in words.
 *
 * @param {Step} step
 * @returns {(Node | string)[]}
 */
function drawing({ record: { candidates, draw }, taken, how }) {
  if (!draw) return [];
  const token = piece(draw.text);
  const chosen = candidates.find(({ id }) => id === taken);
  const yours = how === "chosen" && chosen ? ["You chose ", piece(chosen.text), ". "] : [];
  if (isAlone(draw)) return [...yours, "Only ", token, " is left, so nothing needs to be drawn."];
  if (taken === undefined) {
    return ["A step draws a random number from 0 to 1, a point on this line, and takes the token that it falls on."];
  }
  const digits = digitsFor(draw);
  const [point, from, to] = [draw.point, draw.from, draw.to].map((number) => number.toFixed(digits));
  const where = [token, `, which lies from ${from} to ${to}.`];
  if (how === "drawn") return [`A random number from 0 to 1 was drawn: ${point}. It falls on `, ...where];
  if (how === "chosen") return [...yours, `The random number, ${point}, falls on `, ...where];
  return [`The random number of this step stays ${point}. With these sliders it falls on `, ...where];
}

/**
 * A step whose token was taken.
 *
 * @param {DrawnToken} token
 * @returns {Step | undefined} undefined where it came without a record
 */
export function takenStep({ id, text, record, options, forced }) {
  if (!record?.chosen) return undefined;
  const { rank, surprisal, probability } = record.chosen;
  const how = forced ? "You chose it" : `drawn with ${percent(probability)}`;
  const guess = rank === 1 ? "first guess." : `guess number ${rank.toLocaleString("en")}.`;
  const note = [piece(text), ` ${how}; the model gave it ${percent(Math.exp(-surprisal))}, its ${guess}`];
  return { record, options, taken: id, how: forced ? "chosen" : "drawn", note };
}
