// The options of the sampler, read from the controls.

import { finder } from "./dom.js";

/** @typedef {import("./pkg/index.js").GenerateOptions} GenerateOptions */
/** @typedef {"temperature" | "top_k" | "top_p" | "min_p"} Range an option with a slider */
/** @typedef {GenerateOptions & Record<Range, number> & { max_tokens: number }} Options what the controls give */

/**
 * The options with a slider.
 *
 * @type {Range[]}
 */
export const RANGES = ["temperature", "top_k", "top_p", "min_p"];

/** The number of candidates in a record. */
export const TOP = 16;

export class Sliders {
  #find;

  /** @param {ParentNode} root holds an `<input>` for each option, and an `<output>` for each slider */
  constructor(root) {
    this.#find = finder(root);
  }

  /**
   * The options as the controls are now.
   *
   * @returns {Options}
   */
  options() {
    const number = (/** @type {string} */ name) => this.#find(name, "input").valueAsNumber;
    const ranges = /** @type {Record<Range, number>} */ (
      Object.fromEntries(RANGES.map((name) => [name, number(name)]))
    );
    const seed = this.#find("seed", "input").value === "" ? {} : { seed: number("seed") };
    return { max_tokens: number("max_tokens"), record: { top: TOP }, ...ranges, ...seed };
  }

  /**
   * Sets the sliders, as if nobody moved them.
   *
   * @param {Partial<Record<Range | "max_tokens", number>>} values
   */
  set(values) {
    for (const [name, value] of Object.entries(values)) {
      this.#find(name, "input").value = String(value);
    }
    for (const name of RANGES) this.#find(`${name}-value`).textContent = this.#find(name, "input").value;
  }

  /**
   * Calls `moved` with the name of a slider whenever it moves.
   *
   * @param {(name: Range) => void} moved
   */
  watch(moved) {
    for (const name of RANGES) {
      const slider = this.#find(name, "input");
      const show = () => (this.#find(`${name}-value`).textContent = slider.value);
      slider.addEventListener("input", () => {
        show();
        moved(name);
      });
      show();
    }
  }
}
