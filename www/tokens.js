// The text, token by token, each coloured by its surprisal.

import { Aloud } from "./aloud.js";
import { element } from "./dom.js";
import { percent } from "./format.js";

/** @typedef {import("./pkg/index.js").Token} Token */

/** The surprisal, in bits, that has the strongest colour: a probability of 1 in 128. */
const MOST_BITS = 7;

/**
 * 0 for a token the model was sure of, 1 for one that surprised it.
 *
 * @param {number} probability
 */
export const surprise = (probability) => Math.min(1, Math.max(0, -Math.log2(probability) / MOST_BITS));

/**
 * The element of a token.
 *
 * @param {Token} token
 */
export function tokenSpan(token) {
  const span = element("span", "token", token.text);
  const probability = Math.exp(token.logprob);
  span.style.setProperty("--surprise", surprise(probability).toFixed(3));
  span.title = `${percent(probability)} by the model`;
  // A token without text is a part of a character or the end of the text. It gets a mark to point at.
  if (!token.text) span.dataset.mark = token.finish_reason === "stop" ? "■" : "◦";
  return span;
}

/**
 * Fills the legend of the colours.
 *
 * @param {HTMLElement} legend
 */
export function showLegend(legend) {
  const ticks = [0.5, 0.1, 0.01].map((probability) => {
    const tick = element("span", "tick", percent(probability));
    tick.style.insetInlineStart = `${100 * surprise(probability)}%`;
    return tick;
  });
  legend.replaceChildren(
    element("span", "", "sure"),
    element("span", "scale", ...ticks),
    element("span", "", "surprised"),
  );
}

/**
 * Marks `span` as the token that is shown, among those in `container`.
 *
 * @param {HTMLElement} container
 * @param {Element | undefined} span
 */
export function mark(container, span) {
  container.querySelector(".shown")?.classList.remove("shown");
  span?.classList.add("shown");
}

/** The text in the microscope: the prompt, the tokens, and a place for the next one. */
export class TextView {
  #box;
  #end = element("span", "token end-of-text");
  /** @type {HTMLElement[]} */
  #tokens = [];
  #aloud;

  /**
   * @param {HTMLElement} box
   * @param {HTMLElement} heard where a screen reader finds what is being written
   */
  constructor(box, heard) {
    this.#box = box;
    this.#aloud = new Aloud(heard);
    this.#end.title = "the next token";
    this.#end.hidden = true;
  }

  /**
   * Shows another text. `branched` is the index of the token at which it leaves another branch.
   *
   * @param {string} prompt
   * @param {Token[]} tokens
   * @param {number | undefined} branched
   */
  set(prompt, tokens, branched) {
    this.#tokens = [];
    this.#box.replaceChildren(element("span", "given", prompt), this.#end);
    this.add(tokens, branched);
    // Nothing of it is being written now.
    this.#aloud.clear();
  }

  /** The number of tokens. */
  get length() {
    return this.#tokens.length;
  }

  /**
   * Shows more tokens.
   *
   * @param {Token[]} tokens
   * @param {number | undefined} branched
   */
  add(tokens, branched) {
    const spans = tokens.map(tokenSpan);
    const leaving = branched === undefined ? undefined : spans[branched - this.#tokens.length];
    if (leaving) {
      leaving.classList.add("branched");
      leaving.title += "; here the text leaves another branch";
    }
    this.#tokens.push(...spans);
    this.#end.before(...spans);
    this.#aloud.add(tokens.map(({ text }) => text).join(""));
  }

  /** Tells that nothing is being written for now. */
  rest() {
    this.#aloud.finish();
  }

  /**
   * Whether the text can have a next token.
   *
   * @param {boolean} open
   */
  set open(open) {
    this.#end.hidden = !open;
  }

  /**
   * The index of the token whose element is `target`; the index after the last for the next one.
   *
   * @param {EventTarget | null} target
   */
  indexOf(target) {
    if (target === this.#end) return this.#tokens.length;
    const index = this.#tokens.indexOf(/** @type {HTMLElement} */ (target));
    return index < 0 ? undefined : index;
  }

  /**
   * Marks a token, and shows it where only a part of the text is in sight.
   *
   * @param {number} index
   */
  mark(index) {
    const [box, token] = [this.#box, this.#tokens[index] ?? this.#end];
    mark(box, token);
    if (box.scrollHeight <= box.clientHeight) return;
    const { offsetTop: top, offsetHeight: height } = token;
    if (top < box.scrollTop || top + height > box.scrollTop + box.clientHeight)
      box.scrollTop = top - box.clientHeight / 2;
  }
}
