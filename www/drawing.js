// Draws what changes: at most once a frame, and so seldom that hardly any time is lost for other work.

/**
 * How much longer than it took to draw nothing is drawn. The engine keeps every core busy, and a frame takes other threads
 * of the browser as long as the page's own.
 */
const REST = 20;
/** The longest rest, where drawing is slow, in milliseconds. */
const LONGEST_REST = 400;
/** How long to wait for a frame, which does not come where the page is hidden, in milliseconds. */
const PATIENCE = 250;

export class Drawing {
  #draw;
  /** Whether something has changed since the last drawing. */
  #requested = false;
  #frame = 0;
  /**
   * Set from a drawing until the next one may follow.
   *
   * @type {ReturnType<typeof setTimeout> | undefined}
   */
  #timer;

  /** @param {() => void} draw draws all that has changed */
  constructor(draw) {
    this.#draw = draw;
  }

  /** Requests a drawing: at once, or in a later frame where there has just been one. */
  request() {
    this.#requested = true;
    if (this.#timer === undefined) this.now();
  }

  /** Draws at once what a drawing was requested for, if any. */
  now() {
    if (!this.#requested) return;
    this.#requested = false;
    this.#stopWaiting();
    const start = performance.now();
    this.#draw();
    // The browser's own part of a frame, layout and paint, is over when the next task begins.
    this.#timer = setTimeout(() => this.#rest(REST * (performance.now() - start)));
  }

  /** @param {number} time */
  #rest(time) {
    this.#timer = setTimeout(() => this.#awaitFrame(), Math.min(time, LONGEST_REST));
  }

  #awaitFrame() {
    const next = () => {
      this.#stopWaiting();
      this.now();
    };
    this.#frame = requestAnimationFrame(next);
    this.#timer = setTimeout(next, PATIENCE);
  }

  #stopWaiting() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
