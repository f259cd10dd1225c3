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
    for (let end; (end = firstSentence(this.#rest)) > 0;) this.#say(end);
    if (this.#rest.length > LONGEST) this.#say(this.#rest.lastIndexOf(" ") + 1 || this.#rest.length);
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
 * The length of the sentence or line that a text begins with, the space after it included; 0 where none has ended. The end of
 * a sentence is seen by what follows it, but for the marks of Chinese and Japanese, after which no space stands.
 *
 * @param {string} text
 */
const firstSentence = (text) => /^\s*\S[^]*?(?:[.!?…]["'”’»)]*\s|[。！？]|\n)\s*/u.exec(text)?.[0].length ?? 0;
