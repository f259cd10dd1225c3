// What a screen reader says of a text while it is written: a sentence at a time. Token by token it would stumble over parts of
// words, and each new one would cut off the one before.

import { element } from "./dom.js";

/** What is said at last, even within a sentence, in characters. */
const LONGEST = 240;
/** The sentences that stay: more than are waiting to be said. */
const KEPT = 40;

export class Aloud {
  #region;
  /** What has not been said. */
  #rest = "";

  /** @param {HTMLElement} region a live region that is not seen */
  constructor(region) {
    this.#region = region;
  }

  /** Forgets what was not said: another text begins. */
  clear() {
    this.#rest = "";
    this.#region.replaceChildren();
  }

  /** @param {string} text what has been written since */
  add(text) {
    this.#rest += text;
    const end = sentencesIn(this.#rest);
    if (end > 0) this.#say(end);
    else if (this.#rest.length > LONGEST) this.#say(this.#rest.lastIndexOf(" ") + 1 || this.#rest.length);
  }

  /** Says the rest: nothing more is written for now. */
  finish() {
    if (this.#rest) this.#say(this.#rest.length);
  }

  /** @param {number} length how much of the rest */
  #say(length) {
    this.#region.append(element("span", "", this.#rest.slice(0, length)));
    this.#rest = this.#rest.slice(length);
    while (this.#region.children.length > KEPT) this.#region.firstElementChild?.remove();
  }
}

/**
 * The length of the whole sentences and lines that a text begins with. The end of a sentence is seen by what follows it, but
 * for the marks of Chinese and Japanese, after which no space stands.
 *
 * @param {string} text
 */
function sentencesIn(text) {
  const ends = [...text.matchAll(/[.!?…]["'”’»)]*\s|[。！？]|\n/gu)];
  const last = ends.at(-1);
  return last ? last.index + last[0].length : 0;
}
