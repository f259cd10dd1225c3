// Tokens to point at: with the pointer, or from one to the next with the arrow keys.

import { mark } from "./tokens.js";

/** The tokens in a box, each of which shows something when it is pointed at. */
export class Inspectable {
  #box;
  /** @type {WeakMap<EventTarget, () => void>} */
  #actions = new WeakMap();

  /**
   * @param {HTMLElement} box
   * @param {() => boolean} [isBusy] whether pointing does nothing now
   */
  constructor(box, isBusy = () => false) {
    this.#box = box;
    for (const name of ["pointerover", "click"]) {
      box.addEventListener(name, ({ target }) => !isBusy() && this.show(target));
    }
    box.addEventListener("keydown", (event) => {
      const back = event.key === "ArrowLeft";
      if ((!back && event.key !== "ArrowRight") || isBusy()) return;
      event.preventDefault();
      const shown = box.querySelector(".shown");
      const neighbour = (/** @type {Element} */ token) =>
        back ? token.previousElementSibling : token.nextElementSibling;
      let next = shown ? neighbour(shown) : box.querySelector(".token");
      // What nobody can point at lies between.
      while (next && !this.#actions.has(next)) next = neighbour(next);
      this.show(next);
    });
  }

  /**
   * Lets `show` be called when `token` is pointed at.
   *
   * @param {Element} token
   * @param {() => void} show
   */
  add(token, show) {
    this.#actions.set(token, show);
  }

  /**
   * Shows a token, if it is one of them.
   *
   * @param {EventTarget | null | undefined} token
   */
  show(token) {
    const show = token && this.#actions.get(token);
    if (!show) return;
    this.mark(/** @type {Element} */ (token));
    show();
  }

  /**
   * Marks a token as the one that is shown.
   *
   * @param {Element} token
   */
  mark(token) {
    mark(this.#box, token);
  }
}
