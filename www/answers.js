// The model's answers in a conversation: written into the chat, and how each of their tokens came to be.

import { Drawing } from "./drawing.js";
import { Inspectable } from "./inspectable.js";
import { takenStep } from "./stages.js";
import { stream } from "./stream.js";
import { tokenSpan } from "./tokens.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./pkg/index.js").Token} Token */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */

/**
 * What answers need of the page: whether something is running and should stop, the sampler's options, what shows a step,
 * and what is told while the prompt is read and while the answer is written.
 *
 * @typedef {object} Host
 * @property {boolean} busy
 * @property {boolean} stopping
 * @property {() => import("./sliders.js").Options} options
 * @property {import("./stages.js").StepView} step
 * @property {(used: WorkerGenerator) => Promise<void>} read runs the prompt
 * @property {import("./speed.js").SpeedLine} speed
 */

export class Answers {
  #host;
  #tokens;

  /**
   * @param {HTMLElement} box holds the messages
   * @param {Host} host
   */
  constructor(box, host) {
    this.#host = host;
    this.#tokens = new Inspectable(box, () => host.busy);
  }

  /**
   * Writes an answer that has been begun.
   *
   * @param {WorkerGenerator} used
   * @param {number | bigint} seed
   * @param {HTMLElement} into
   * @param {(tokens: Token[], show: () => void) => void} seen called with some tokens at a time, and what shows them
   */
  async write(used, seed, into, seen) {
    await this.#host.read(used);
    this.#host.speed.begin(used, seed);
    /** @type {DrawnToken[]} those that are not on the page yet */
    const tokens = [];
    const drawing = new Drawing(() => {
      this.#host.speed.update();
      seen(tokens, () => this.#show(tokens.splice(0), into));
    });
    try {
      for await (const token of stream(used, () => this.#host.stopping)) {
        tokens.push({ ...token, options: this.#host.options() });
        drawing.request();
      }
    } finally {
      drawing.now();
      void this.#host.speed.finish();
    }
  }

  /**
   * Shows tokens of an answer, and how the last of them came to be.
   *
   * @param {DrawnToken[]} tokens
   * @param {HTMLElement} into
   */
  #show(tokens, into) {
    const { step: view } = this.#host;
    const spans = tokens.map((token) => {
      const span = tokenSpan(token);
      const step = takenStep(token);
      this.#tokens.add(span, () => step && view.show(step));
      return span;
    });
    into.append(...spans);
    const step = takenStep(tokens[tokens.length - 1]);
    if (step) view.follow(step);
    this.#tokens.mark(spans[spans.length - 1]);
  }
}
