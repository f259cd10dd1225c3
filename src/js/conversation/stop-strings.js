// Stop strings, which end the text of an answer. The engine's own would look for them in calls and thinking too, and keep
// markers back.

import { overlap } from "./overlap.js";

export class StopStrings {
  /** Whether one has come. */
  stopped = false;
  #strings;
  #buffer = "";

  /** @param {string[]} strings */
  constructor(strings) {
    this.#strings = strings;
  }

  /**
   * What can be told once the next piece has come.
   *
   * @param {string} piece
   */
  read(piece) {
    if (this.stopped) return "";
    const text = this.#buffer + piece;
    const places = this.#strings.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    this.stopped = places.length > 0;
    const kept = Math.max(0, ...this.#strings.map((stop) => overlap(text, stop)));
    const end = this.stopped ? Math.min(...places) : text.length - kept;
    this.#buffer = this.stopped ? "" : text.slice(end);
    return text.slice(0, end);
  }

  /** What was kept back, where nothing follows in the text. */
  flush() {
    const kept = this.#buffer;
    this.#buffer = "";
    return kept;
  }
}
