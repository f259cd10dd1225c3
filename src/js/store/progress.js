// How fast a model arrives, and when it will be there.

/** The time over which the speed is measured, and the least for a first answer, in milliseconds. */
const WINDOW = 5000;
const LEAST = 300;

export class Meter {
  /** @type {[time: number, loaded: number][]} */
  #seen = [];

  /** Measures anew: what follows comes from elsewhere, and at another speed. */
  reset() {
    this.#seen = [];
  }

  /**
   * @param {number} loaded bytes so far
   * @param {number} [total]
   * @returns {{ speed?: number, remaining?: number }} in bytes per second, and in seconds
   */
  measure(loaded, total) {
    const now = performance.now();
    this.#seen.push([now, loaded]);
    while (this.#seen.length > 2 && now - this.#seen[1][0] > WINDOW) this.#seen.shift();
    const [time, before] = this.#seen[0];
    if (now - time < LEAST || loaded <= before) return {};
    const speed = (1000 * (loaded - before)) / (now - time);
    return total ? { speed, remaining: Math.max(0, total - loaded) / speed } : { speed };
  }
}
