// Shows the distribution that a token is drawn from, stage by stage: from the model's own probabilities to those of the
// draw.

import { button, closest, element, finder } from "./dom.js";
import { count, percent, piece, stageTitle, visible } from "./format.js";
import { draw, reach } from "./pictures.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./pkg/index.js").StepRecord} StepRecord */
/** @typedef {StepRecord["stages"][number]} Stage */

/**
 * A step that is shown: the options in effect, the id of the token that was taken, if any, and a note.
 *
 * @typedef {{ record: StepRecord, options: import("./sliders.js").Options, taken?: number, note: (Node | string)[] }} Step
 */

export class StepView {
  #find;
  /** The chosen view: "model", the name of a stage, or "draw" for the result of all stages. */
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
    this.#shown = step;
    this.#choose = pick;
    this.#render(step);
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
    this.#shown = undefined;
    for (const id of ["bars", "stages", "marks", "strip", "caption"]) this.#find(id).replaceChildren();
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
    const now = index >= 0 || this.#view === "model" ? this.#view : "draw";
    this.#showStages(record, now);
    const stage = record.stages[index];
    const own = record.candidates.map(({ logprob }) => Math.exp(logprob));
    const last = record.candidates.map(({ probability }) => probability);
    const before = index > 0 ? record.stages[index - 1].probabilities : own;
    const after = now === "model" ? own : (stage?.probabilities ?? last);
    const full = reach([...before, ...after], stage);
    this.#find("axis").hidden = false;
    this.#find("full").textContent = percent(full);
    this.#find("caption").replaceChildren(caption(step, now, stage, before));
    this.#showBars(step, before, after, full);
    this.#find("bars").dataset.view = now;
    draw(this.#find("marks"), stage, options, before, full);
    this.#find("strip").replaceChildren(...strip(step));
  }

  /**
   * @param {StepRecord} record
   * @param {string} now
   */
  #showStages({ stages }, now) {
    /** @type {{ name: string, kept?: number }[]} */
    const all = [{ name: "model" }, ...stages, { name: "draw" }];
    const buttons = all.map(({ name, kept }) => {
      const made = button("stage", element("b", "", stageTitle(name)));
      if (kept) made.append(element("small", "", `${kept.toLocaleString("en")} left`));
      made.dataset.stage = name;
      made.setAttribute("aria-pressed", String(name === now));
      return made;
    });
    // Keeps the focus on its button.
    const focused = focusedIn(this.#find("stages"))?.dataset.stage;
    this.#find("stages").replaceChildren(...buttons);
    if (focused) buttons.find(({ dataset }) => dataset.stage === focused)?.focus();
  }

  /**
   * @param {Step} step
   * @param {number[]} before
   * @param {number[]} after
   * @param {number} full
   */
  #showBars({ record, taken }, before, after, full) {
    const bars = this.#find("bars");
    const focused = focusedIn(bars)?.dataset.id;
    const items = record.candidates.map(({ id, text, logprob }, row) => {
      const gone = after[row] === 0;
      const cutBy = record.stages.find(({ probabilities }) => probabilities[row] === 0)?.name;
      const bar = element("span", "bar", width("ghost", before[row] / full), width("fill", after[row] / full));
      const share = gone
        ? element("span", "share why", stageTitle(cutBy ?? "cut"))
        : element("span", "share", percent(after[row]));
      const candidate = button("candidate", element("span", "name", visible(text)), bar, share);
      candidate.dataset.id = String(id);
      candidate.disabled = !this.#choose;
      candidate.title =
        `the model: ${percent(Math.exp(logprob))}` +
        (gone ? `; cut by ${stageTitle(cutBy ?? "")}` : "") +
        (id === taken ? "; taken" : this.#choose ? "; go on with this one" : "");
      const item = element("li", "", candidate);
      item.classList.toggle("taken", id === taken);
      item.classList.toggle("cut", gone);
      return item;
    });
    bars.replaceChildren(...items);
    if (focused) {
      const same = /** @type {HTMLElement | null} */ (bars.querySelector(`[data-id="${focused}"]`));
      (same ?? bars.querySelector("button"))?.focus();
    }
  }
}

/**
 * The element in `container` that has the focus.
 *
 * @param {HTMLElement} container
 */
function focusedIn(container) {
  const { activeElement } = document;
  return activeElement instanceof HTMLElement && container.contains(activeElement) ? activeElement : undefined;
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
  if (!stage) {
    if (now !== "model") {
      const pictures = record.stages.length ? " Each stage above has its picture." : "";
      return `Outlined: the model's own guesses. Filled: what is drawn from, after every stage.${pictures}`;
    }
    return (
      `The model's own guesses. Entropy ${record.entropy.toFixed(2)} nats: as unsure as between ` +
      `${Math.exp(record.entropy).toFixed(1)} tokens that are equally likely.`
    );
  }
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

/** @param {number} level */
function temperature(level) {
  if (level === 0) return "Temperature 0: the likeliest token takes it all.";
  const how = level < 1 ? "sharpens: the likely gain, the unlikely lose" : "flattens: the unlikely get a chance";
  return `Divides the logits by ${level.toFixed(2)}, which ${how}. Outlined: before.`;
}

/**
 * @param {string} name
 * @param {number} share
 */
function width(name, share) {
  const span = element("span", name);
  span.hidden = share < 0.004; // less than a pixel or two
  span.style.width = `${100 * Math.min(1, share)}%`;
  return span;
}

/**
 * All probabilities side by side: the draw is like a dart thrown at this strip.
 *
 * @param {Step} step
 */
function strip({ record, taken }) {
  const parts = record.candidates.filter(({ probability }) => probability > 0);
  const rest = 1 - parts.reduce((sum, { probability }) => sum + probability, 0);
  const segments = parts.map(({ id, text, probability }) =>
    segment(probability, id === taken ? "taken" : "", visible(text)),
  );
  if (rest > 0.001) segments.push(segment(rest, "rest", "others"));
  return segments;
}

/**
 * @param {number} share
 * @param {string} className
 * @param {string} text
 */
function segment(share, className, text) {
  const part = element("span", className, share > 0.07 ? text : "");
  part.style.flexGrow = String(share);
  part.title = `${text} ${percent(share)}`;
  return part;
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
  return { record, options, taken: id, note };
}
