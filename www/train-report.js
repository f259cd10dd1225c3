// What is shown of a training: its numbers, the curve of its loss, samples, and a line of its text with the loss of each
// token.

import { drawCurve } from "./curve.js";
import { element, finder } from "./dom.js";
import { codeOf, messageOf } from "./errors.js";
import { visible } from "./format.js";

/** @typedef {import("./training.js").Training} Training */
/** @typedef {import("./training.js").TrainerInfo} TrainerInfo */

/** The most samples that are shown. */
const SAMPLES = 30;

export class TrainingReport {
  #find;
  #isOpen;
  /** When the numbers were last written. */
  #painted = 0;

  /**
   * @param {ParentNode} root holds a place for each number, the curve, and the lists of samples and pairs
   * @param {() => boolean} isOpen whether it is seen now: the curve is drawn at the size at which it is shown
   */
  constructor(root, isOpen) {
    this.#find = finder(root);
    this.#isOpen = isOpen;
  }

  /**
   * Shows a training that has begun or was resumed.
   *
   * @param {Training} training
   */
  open(training) {
    this.#find("train-result").hidden = false;
    this.#find("train-line", "input").value ||= firstLine(training.source.text);
    this.showSamples(training);
  }

  /**
   * Shows a step; a fast training takes several between two frames.
   *
   * @param {Training} training
   * @param {number} tokensPerSecond
   */
  step(training, tokensPerSecond) {
    this.#find("train-speed").textContent = String(Math.round(tokensPerSecond));
    if (performance.now() - this.#painted > 100) this.paint(training);
  }

  /**
   * Writes the numbers, and draws the curve.
   *
   * @param {Training} training
   */
  paint(training) {
    this.#painted = performance.now();
    const { info, history, step, best, loss } = training;
    const remaining = (history.seconds / step) * (info.steps - step);
    this.#find("train-bar", "progress").value = step / info.steps;
    this.#write({
      step: String(step),
      left: remaining > 0 && step > 0 ? `of ${info.steps}, ${duration(remaining)} left` : `of ${info.steps}`,
      loss: loss.toFixed(3),
      "held-out": history.heldOut.at(-1)?.[1].toFixed(3) ?? "",
      best: best ? `best: ${best[1].toFixed(3)}, after step ${best[0]}` : "on text it does not learn from",
      perplexity: Math.exp(loss).toPrecision(3),
      status:
        `${info.parameters.toLocaleString("en")} weights, ${info.vocabulary_size} tokens in the vocabulary, ` +
        `${info.training_tokens.toLocaleString("en")} tokens to learn from`,
    });
    this.draw(training);
  }

  /** @param {Record<string, string>} texts by the id of their place, without its beginning */
  #write(texts) {
    for (const [id, text] of Object.entries(texts)) this.#find(`train-${id}`).textContent = text;
  }

  /**
   * Says why no checkpoint could be stored.
   *
   * @param {unknown} error
   */
  notKept(error) {
    this.#write({ left: `not kept: ${messageOf(error)}` });
  }

  /** @param {Training} training */
  draw(training) {
    if (!this.#isOpen()) return;
    const { history, info, step, loss, best } = training;
    const curve = /** @type {SVGSVGElement} */ (/** @type {Element} */ (this.#find("train-curve")));
    curve.setAttribute("aria-label", `The loss after ${step} steps: ${loss.toFixed(2)} nats per token`);
    drawCurve(curve, { loss: history.steps, heldOut: history.heldOut, best, levels: levels(info), unit: "steps" });
  }

  /** @param {Training} training */
  showSamples({ history }) {
    const items = history.looks
      .slice(-SAMPLES)
      .reverse()
      .map(({ step, seconds, prompt, sample }) =>
        element(
          "li",
          "",
          element("small", "", `step ${step}, ${Math.round(seconds)} s`),
          element("span", "given", prompt),
          element("span", "", sample.replace(/\n{2,}/g, "\n")),
        ),
      );
    this.#find("train-samples").replaceChildren(...items);
  }

  /** @param {Training} training */
  async showPairs({ trainer }) {
    try {
      const pairs = await trainer.pairs(this.#find("train-line", "input").value);
      const mean = pairs.reduce((sum, { nll }) => sum + nll, 0) / pairs.length;
      this.#find("train-pairs").replaceChildren(...pairs.map(pair));
      this.#write({
        "pairs-note": `Each token is the input, the next one its target. The loss of this line is ${mean.toFixed(3)}: the mean of −ln p.`,
      });
    } catch (error) {
      if (!["prompt_too_long", "text_too_short"].includes(codeOf(error) ?? "")) throw error;
      this.#find("train-pairs").replaceChildren();
      this.#write({ "pairs-note": `This line cannot be shown: ${messageOf(error)}.` });
    }
  }
}

/**
 * The outcome of a complete training, in words.
 *
 * @param {Training} training
 */
export function outcome({ best, step, info }) {
  if (!best) return "It has learnt what it will: write with it.";
  const [at, loss] = best;
  const early = step < info.steps ? " It ended early: on the held-out text it no longer got better." : "";
  const poor = loss >= info.unigram_loss ? " That is no better than counting tokens: it needs a longer text." : "";
  return `It has learnt what it will: write with it, as it was best, after step ${at} (${loss.toFixed(3)} on the held-out text).${early}${poor}`;
}

/**
 * The losses to compare with.
 *
 * @param {TrainerInfo} info
 */
const levels = ({ uniform_loss, unigram_loss }) => [
  { name: "guessing uniformly", loss: uniform_loss },
  { name: "counting tokens", loss: unigram_loss },
];

/** @param {number} seconds */
const duration = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

/** @param {import("./pkg/trainer.js").TrainerPair} pair */
function pair({ input, target, nll }) {
  const share = Math.exp(-nll);
  const percent = share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toPrecision(2);
  const parts = [element("span", "input", visible(input)), element("span", "target", visible(target))];
  const item = element("li", "", ...parts, element("small", "", `${percent} %`));
  item.style.setProperty("--share", `${100 * share}%`);
  item.title = `−ln p = ${nll.toFixed(3)}`;
  return item;
}

/**
 * A line of the text that is long enough to be of interest, cut between words.
 *
 * @param {string} text
 */
export function firstLine(text) {
  const lines = text
    .replaceAll("<|endoftext|>", "\n")
    .split("\n")
    .map((line) => line.trim());
  const line = lines.find((line) => line.length >= 40) ?? lines.find(Boolean) ?? "";
  return line.length <= 90 ? line : line.slice(0, 90).replace(/\s+\S*$/, "");
}
