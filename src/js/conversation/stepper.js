// A generator step by step: tokens that are drawn, drawn under a constraint, or forced.

import { nextTask, prefill } from "../next-task.js";

/** @typedef {{ json_schema: object | string } | { regex: string } | { grammar: string }} Constraint */
/** @typedef {import("../nexttoken.js").Generator} Generator */
/** @typedef {import("../nexttoken.js").Token} Token */
/** @typedef {import("../index.js").WorkerGenerator} WorkerGenerator */

export class Stepper {
  /** Whether the text has ended. */
  ended = false;
  /** @type {Token["finish_reason"]} */
  finish_reason = undefined;
  #generator;
  #markers;
  /** @type {Map<number, string>} */
  #names = new Map();

  /**
   * @param {Generator | WorkerGenerator} generator
   * @param {string[]} markers the control tokens that count as text
   */
  constructor(generator, markers) {
    this.#generator = generator;
    this.#markers = markers;
  }

  /** Runs the prompt, on the thread of the page in tasks of their own. */
  prefill() {
    return prefill(this.#generator);
  }

  /** The next token, or undefined after the end. On the thread of the page it comes in a task of its own. */
  next() {
    return this.#take(this.#generator.next_token());
  }

  /**
   * Appends a text.
   *
   * @param {string} text
   */
  async *force(text) {
    for (const id of await this.#encode(text)) {
      const token = await this.#take(this.#generator.accept(id));
      if (!token) return;
      yield token;
    }
  }

  /**
   * Puts what follows under a constraint, at whose end the text ends.
   *
   * @param {Constraint} constraint
   */
  constrain(constraint) {
    return this.#generator.configure(constraint);
  }

  /**
   * Draws under a constraint up to its end, which is not the end of the text. Gives what was drawn.
   *
   * @param {Constraint} constraint
   * @returns {AsyncGenerator<Token, string, void>}
   */
  async *draw(constraint) {
    await this.#generator.configure(constraint);
    let text = "";
    for (let token; (token = await this.#take(this.#generator.next_token(), true));) {
      text += token.text;
      if (token.finish_reason === "stop") {
        yield { ...token, finish_reason: undefined };
        return text;
      }
      yield token;
    }
    await this.#generator.configure({ regex: null });
    return text;
  }

  /**
   * Takes back the last token and appends a text in its place, unless the text has been aborted meanwhile.
   *
   * @param {string} text
   */
  async replaceLast(text) {
    // A rewind would undo the abort.
    if ((await this.#generator.finish_reason) === "abort") return void (await this.#withMarkerText(undefined));
    await this.#generator.rewind(1);
    this.ended = false;
    this.finish_reason = undefined;
    for (const id of await this.#encode(text)) await this.#take(this.#generator.accept(id));
  }

  /** Ends the text. */
  async end() {
    this.ended = true;
    await this.#generator.abort();
  }

  /**
   * The token of a step, with a task between it and the next one on the thread of the page. In that task, or by whoever
   * is told the token, the text may be aborted: a constraint that is complete is left before, because that takes a
   * rewind, which would undo the abort.
   *
   * @param {Token | undefined | Promise<Token | undefined>} step
   * @param {boolean} [goesOn] whether the text goes on after a token that ends it
   */
  async #take(step, goesOn = false) {
    const given = await step;
    const token = await this.#withMarkerText(given);
    if (goesOn && token?.finish_reason === "stop") await this.#goOn(token);
    if (step === given) await nextTask();
    return token;
  }

  /**
   * Goes on after the token with which a constraint was complete.
   *
   * @param {Token} token
   */
  async #goOn({ id, text }) {
    await this.#generator.rewind(1);
    await this.#generator.configure({ regex: null });
    this.ended = false;
    this.finish_reason = undefined;
    // A token that ends a text stands for none.
    if (text !== "") await this.#withMarkerText(await this.#generator.accept(id));
  }

  /**
   * A token with the name of a marker for its text, which control tokens do not have. Where there is none, the text has
   * ended; unless `end` ended it, the generator knows why.
   *
   * @param {Token | undefined} token
   */
  async #withMarkerText(token) {
    if (!token && !this.ended) this.finish_reason = await this.#generator.finish_reason;
    if (!token || token.finish_reason) this.ended = true;
    this.finish_reason = token?.finish_reason ?? this.finish_reason;
    if (!token || token.text !== "") return token;
    let name = this.#names.get(token.id);
    if (name === undefined) this.#names.set(token.id, (name = await this.#generator.token_name(token.id)));
    return this.#markers.includes(name) ? { ...token, text: name } : token;
  }

  /**
   * The tokens of a text in the middle of another one: some tokenizers put a blank before the first word.
   *
   * @param {string} text
   */
  async #encode(text) {
    if (text === "") return [];
    const encode = async (/** @type {string} */ text) => [...(await this.#generator.tokenize(text, { special: true }))];
    const before = await encode(/^[\p{L}\p{N}]/u.test(text) ? "(" : "a");
    const whole = await encode((/^[\p{L}\p{N}]/u.test(text) ? "(" : "a") + text);
    return before.every((id, index) => id === whole[index]) ? whole.slice(before.length) : encode(text);
  }
}
