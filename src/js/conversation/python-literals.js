// Calls in Python's syntax, `[name(key="value"), other(n=1)]`, as some models write them. The text is a model's, so that
// nothing in it is trusted: what is no call throws, and the caller takes it for text.

/** How deep values may be nested. */
const MAX_DEPTH = 100;
/** The escapes of one letter that Python and JSON have. */
const ESCAPES = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", 0: "\0", "\n": "" };
const WORDS = { True: true, true: true, False: false, false: false, None: null, null: null };

/** @typedef {{ name: string, positional: unknown[], named: Record<string, unknown> }} PythonCall */

class Scanner {
  #text;
  #at = 0;
  #depth = 0;

  /** @param {string} text */
  constructor(text) {
    this.#text = text;
  }

  /** Whether the whole text has been read. */
  get done() {
    this.#skipSpace();
    return this.#at === this.#text.length;
  }

  /**
   * The match of a sticky expression, which is read; undefined where it does not match here.
   *
   * @param {RegExp} pattern
   */
  match(pattern) {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found) this.#at = pattern.lastIndex;
    return found?.[0];
  }

  /** @param {string} character */
  take(character) {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  /** @param {string} character */
  expect(character) {
    if (!this.take(character)) throw new SyntaxError(`"${character}" was expected at ${this.#at}`);
  }

  name() {
    this.#skipSpace();
    return this.match(/[\p{L}_][\p{L}\p{N}_.-]*/uy);
  }

  /**
   * The items up to `end`, with commas between them.
   *
   * @param {string} end
   * @param {() => void} item
   */
  items(end, item) {
    if ((this.#depth += 1) > MAX_DEPTH) throw new SyntaxError("values are nested too deep");
    while (!this.take(end)) {
      item();
      if (this.take(",")) continue;
      this.expect(end);
      break;
    }
    this.#depth -= 1;
  }

  /** @returns {unknown} */
  value() {
    this.#skipSpace();
    const first = this.#text[this.#at];
    if (first === '"' || first === "'") return this.#string();
    for (const [begin, end] of [
      ["[", "]"],
      ["(", ")"],
    ]) {
      if (!this.take(begin)) continue;
      /** @type {unknown[]} */
      const list = [];
      this.items(end, () => list.push(this.value()));
      return list;
    }
    if (this.take("{")) return this.#dictionary();
    const number = this.match(/[-+]?(\d[\d_]*\.?\d*|\.\d+)([eE][-+]?\d+)?/y);
    if (number !== undefined) return Number(number.replaceAll("_", ""));
    const word = this.match(/[A-Za-z]+/y) ?? "";
    if (!Object.hasOwn(WORDS, word)) throw new SyntaxError(`there is no value at ${this.#at}`);
    return WORDS[/** @type {keyof typeof WORDS} */ (word)];
  }

  #dictionary() {
    /** @type {[string, unknown][]} */
    const entries = [];
    this.items("}", () => {
      const key = this.value();
      this.expect(":");
      entries.push([String(key), this.value()]);
    });
    return Object.fromEntries(entries);
  }

  #string() {
    const quote = this.match(/"""|'''|["']/y) ?? "";
    let text = "";
    while (!this.#text.startsWith(quote, this.#at)) {
      const character = this.match(/[^\\]/suy);
      if (character !== undefined) text += character;
      else text += this.#escape();
    }
    this.#at += quote.length;
    return text;
  }

  #escape() {
    const escape = this.match(/\\(u[\da-fA-F]{4}|U[\da-fA-F]{8}|x[\da-fA-F]{2}|[^uUx])/suy);
    if (escape === undefined) throw new SyntaxError("a string does not end");
    if (escape.length > 3) return String.fromCodePoint(parseInt(escape.slice(2), 16));
    const [, letter] = escape;
    return Object.hasOwn(ESCAPES, letter) ? ESCAPES[/** @type {keyof typeof ESCAPES} */ (letter)] : escape.slice(1);
  }

  #skipSpace() {
    this.match(/\s*/y);
  }
}

/**
 * @param {Scanner} scanner
 * @returns {PythonCall}
 */
function call(scanner) {
  const name = scanner.name();
  if (name === undefined) throw new SyntaxError("a call has no name");
  scanner.expect("(");
  /** @type {unknown[]} */
  const positional = [];
  /** @type {[string, unknown][]} */
  const named = [];
  scanner.items(")", () => {
    const key = scanner.match(/\s*[^\s=,()[\]{}"']+\s*=(?!=)/uy);
    if (key === undefined) positional.push(scanner.value());
    else named.push([key.replace("=", "").trim(), scanner.value()]);
  });
  return { name, positional, named: Object.fromEntries(named) };
}

/**
 * Reads one call or a list of them. Throws where the text is anything else.
 *
 * @param {string} text
 * @returns {PythonCall[]}
 */
export function readPythonCalls(text) {
  const scanner = new Scanner(text);
  /** @type {PythonCall[]} */
  const calls = [];
  if (scanner.take("[")) scanner.items("]", () => calls.push(call(scanner)));
  else calls.push(call(scanner));
  if (!scanner.done) throw new SyntaxError("something follows the calls");
  return calls;
}
