// Whether a text ends within quotes, so that a marker after it is part of a string. What has been read once is not read
// again as the text grows.

/** What Gemma 4 puts around a text, which goes on up to the next one: there are no escapes. */
export const GEMMA_QUOTE = '<|"|>';

/** The quotes that begin a string in each form. */
const OPENING = { json: /"/g, python: /"""|'''|["']/g, gemma: /<\|"\|>|"/g };

export class Quotes {
  #opening;
  #at;
  /** What ends the string that goes on; "" outside of strings. */
  #quote = "";

  /**
   * @param {"json" | "python" | "gemma"} form which quotes there are
   * @param {number} [start] where the text is read from
   */
  constructor(form, start = 0) {
    this.#opening = new RegExp(OPENING[form]);
    this.#at = start;
  }

  /**
   * Reads on up to the end of `text`, which begins as the one before.
   *
   * @param {string} text
   */
  readTo(text) {
    while (this.#at < text.length) {
      if (this.#quote === "") this.#open(text);
      else if (this.#quote === GEMMA_QUOTE) this.#skipTo(text);
      else this.#readString(text);
    }
  }

  /** Whether what has been read ends within a string. */
  get isInValue() {
    return this.#quote !== "";
  }

  /** @param {string} text */
  #open(text) {
    this.#opening.lastIndex = this.#at;
    [this.#quote] = this.#opening.exec(text) ?? [""];
    this.#at = this.#quote === "" ? text.length : this.#opening.lastIndex;
  }

  /** @param {string} text */
  #skipTo(text) {
    const end = text.indexOf(GEMMA_QUOTE, this.#at);
    if (end >= 0) this.#quote = "";
    this.#at = end < 0 ? text.length : end + GEMMA_QUOTE.length;
  }

  /** @param {string} text */
  #readString(text) {
    if (text.startsWith(this.#quote, this.#at)) {
      this.#at += this.#quote.length;
      this.#quote = "";
    } else {
      this.#at += text[this.#at] === "\\" ? 2 : 1;
    }
  }
}
