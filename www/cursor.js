// Which token of the text is looked at: the pointer and the keys move it.

/** @typedef {import("./tokens.js").TextView} TextView */
/**
 * The text that is looked at:
 *
 * - `isBusy()` tells whether something is running, while which nobody can look elsewhere;
 * - `last()` is the index of the last token that can be looked at, or undefined where there is none;
 * - `look(index)` shows a token, and sets `at`; `choose()` goes to the candidates of the one that is shown.
 *
 * @typedef {{ isBusy: () => boolean, last: () => number | undefined, look: (index: number) => void,
 *   choose: () => void }} Looked
 */

/** The place in the text that is looked at. */
export class Cursor {
  /** The index of the token that is shown; the number of tokens stands for the next one. */
  at = 0;
  /** The index to return to when the pointer leaves the text. */
  home = 0;
  /** Whether the shown token stays when the pointer moves over others. */
  isPinned = false;
  #view;
  #looked;

  /**
   * @param {HTMLElement} text
   * @param {TextView} view of it, which tells which token an element is
   * @param {Looked} looked
   */
  constructor(text, view, looked) {
    this.#view = view;
    this.#looked = looked;
    text.addEventListener("pointerover", ({ target }) => !this.isPinned && this.#point(target));
    text.addEventListener("pointerleave", () => this.#leave());
    text.addEventListener("click", ({ target }) => (this.isPinned = this.#point(target)));
    text.addEventListener("keydown", (event) => this.#key(event));
  }

  /**
   * Shows the token whose element `target` is. Returns whether it is one.
   *
   * @param {EventTarget | null} target
   */
  #point(target) {
    const index = this.#view.indexOf(target);
    if (this.#looked.isBusy() || index === undefined) return false;
    if (index !== this.at) this.#looked.look(index);
    return true;
  }

  #leave() {
    if (this.#looked.isBusy() || this.isPinned || this.#looked.last() === undefined) return;
    if (this.home !== this.at) this.#looked.look(this.home);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const last = this.#looked.last();
    if (this.#looked.isBusy() || last === undefined || event.ctrlKey || event.metaKey) return;
    /** @type {number | undefined} */
    const to = { ArrowLeft: this.at - 1, ArrowRight: this.at + 1, Home: 0, End: last, Enter: this.at }[event.key];
    this.isPinned = to !== undefined || (this.isPinned && event.key !== "Escape");
    if (to === undefined) return;
    event.preventDefault();
    if (to !== this.at && to >= 0 && to <= last) this.#looked.look(to);
    if (event.key === "Enter") this.#looked.choose();
  }
}
