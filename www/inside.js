// The view "Inside the model": what happens in it as it predicts the token that the reader looks at. Everything is asked
// of a fork, so that the text stays as it is, and only while the view is open.

import { finder, set } from "./dom.js";
import { piece } from "./format.js";
import { GUESSES } from "./inside-numbers.js";
import { AttentionPart, LogitPart, showLayers } from "./inside-parts.js";
import { TOP } from "./sliders.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./pkg/index.js").ModelInfo} ModelInfo */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/**
 * The text that is shown and the index of the token that is looked at: `Microscope.shown`.
 *
 * @typedef {{ generator: WorkerGenerator | undefined, tokens: DrawnToken[], look: number, model?: ModelInfo }} Shown
 */
/**
 * The rest of the page. `busy` tells whether a text is being written or a model loaded.
 *
 * @typedef {{ microscope: { readonly shown: Shown | undefined }, readonly busy: boolean,
 *   showError: (error?: unknown) => void }} Page
 */
/**
 * What is looked into: `id` is that of the token, undefined where it is still to be chosen.
 *
 * @typedef {{ generator: WorkerGenerator, tokens: DrawnToken[], look: number, id?: number, model?: ModelInfo }} Place
 */
/**
 * What the model tells of a place: `texts` are those of the last tokens of the context, which has `positions`, and `taken`
 * is the id of the token that is looked at, or of the likeliest next one.
 *
 * @typedef {{ hidden: Float32Array, layers: import("./inside-numbers.js").Guess[][],
 *   attention: import("./inside-parts.js").Attention, texts: string[], positions: number, taken: number,
 *   choices: import("./inside-parts.js").Choice[] }} Found
 */

/** How long a token must be looked at before the model is asked, in milliseconds: the pointer passes over many. */
const DELAY = 150;
/** The most tokens of the context that are drawn. */
const MOST_TOKENS = 400;

export class InsideView {
  #find;
  #page;
  #attention;
  #logit;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /**
   * The place that is to be shown next. What is found at another one is dropped.
   *
   * @type {Place | undefined}
   */
  #wanted;
  /**
   * The place that is shown.
   *
   * @type {Place | undefined}
   */
  #seen;
  /**
   * The place of which nothing could be shown.
   *
   * @type {Place | undefined}
   */
  #failed;
  #asking = false;
  /**
   * The texts of tokens by their ids, in the vocabulary of `#model`.
   *
   * @type {Map<number, string>}
   */
  #texts = new Map();
  /** @type {ModelInfo | undefined} */
  #model;

  /**
   * @param {ParentNode} root holds the view
   * @param {Page} page
   */
  constructor(root, page) {
    this.#find = finder(root);
    this.#page = page;
    this.#attention = new AttentionPart(this.#find);
    this.#logit = new LogitPart(this.#find);
    this.#find("inside").addEventListener("toggle", () => {
      this.#failed = undefined;
      this.update();
    });
  }

  /** Called when another token is looked at, and when the model begins or ends to be used. */
  update() {
    if (!this.#find("inside", "details").open) return this.#drop();
    if (this.#page.busy) {
      this.#drop();
      this.#failed = undefined;
      return this.#tell(true, "The model is busy. It is looked into as soon as it stops.");
    }
    const { shown } = this.#page.microscope;
    const generator = shown?.generator;
    if (!generator)
      return this.#clear(shown ? "This text can no longer be looked into: write a new one." : "Write a text first.");
    const { tokens, look, model } = shown;
    const place = { generator, tokens, look, id: tokens[look]?.id, model };
    if (isSame(this.#wanted, place)) return;
    this.#drop();
    // It would only fail again.
    if (isSame(this.#failed, place)) return;
    if (isSame(this.#seen, place)) return this.#tell(false, ...heading(place));
    this.#tell(true, "Looking into the model …");
    this.#wanted = place;
    this.#timer = setTimeout(() => this.#readWanted(), DELAY);
  }

  /** Drops what was asked for. */
  #drop() {
    clearTimeout(this.#timer);
    this.#wanted = undefined;
  }

  /** @param {string} why */
  #clear(why) {
    this.#drop();
    this.#seen = undefined;
    this.#find("inside-result").hidden = true;
    this.#tell(false, why);
  }

  /**
   * @param {Place} place
   * @param {string} why
   */
  #fail(place, why) {
    this.#clear(why);
    this.#failed = place;
  }

  /**
   * @param {boolean} isOld whether what is shown is that of another token
   * @param {(Node | string)[]} status
   */
  #tell(isOld, ...status) {
    const box = this.#find("inside-status");
    // It is told with every token that is drawn.
    if (status.length === 1 && typeof status[0] === "string") set(box, "textContent", status[0]);
    else box.replaceChildren(...status);
    const result = this.#find("inside-result");
    if (result.getAttribute("aria-busy") !== String(isOld)) result.setAttribute("aria-busy", String(isOld));
  }

  /** Shows what is wanted; if meanwhile something else is, that. */
  async #readWanted() {
    if (this.#asking) return;
    this.#asking = true;
    for (let place; (place = this.#wanted);) {
      try {
        const found = await this.#read(place, () => place === this.#wanted);
        if (place !== this.#wanted) continue;
        if (found) this.#show(place, found);
        else this.#fail(place, "The text ends here.");
      } catch (error) {
        // An error because the text was left meanwhile is not shown.
        if (place !== this.#wanted) continue;
        this.#fail(place, "The model could not be looked into.");
        this.#page.showError(error);
      }
    }
    this.#asking = false;
  }

  /**
   * Asks the model. Resolves to undefined after the end of the text, and where it is not wanted any more.
   *
   * @param {Place} place
   * @param {() => boolean} isWanted
   * @returns {Promise<Found | undefined>}
   */
  async #read({ generator, tokens, look, id, model }, isWanted) {
    const fork = await generator.fork();
    try {
      if (isWanted() && look < tokens.length) await fork.rewind(tokens.length - look);
      if (!isWanted()) return undefined;
      const record = await fork.peek({ top: TOP, hidden: true, layers: true, attention: true });
      if (!record?.hidden || !record.layers || !record.attention || !isWanted()) return undefined;
      const { hidden, layers, attention } = record;
      const { prompt_ids, ids } = await fork.state();
      const context = [...prompt_ids, ...ids];
      const texts = await this.#textsOf(fork, context.slice(-MOST_TOKENS), model);
      const taken = id ?? record.candidates[0].id;
      const best = record.candidates.slice(0, GUESSES);
      const own = record.candidates.slice(GUESSES).find(({ id }) => id === taken);
      const choices = await Promise.all(
        [...best, ...(own ? [own] : [])].map(async ({ id, text, logit }) => {
          return { id, text, logit, row: await fork.head_row(id) };
        }),
      );
      return { hidden, layers, attention, texts, positions: context.length, taken, choices };
    } finally {
      fork.free();
    }
  }

  /**
   * @param {WorkerGenerator} generator
   * @param {number[]} ids
   * @param {ModelInfo | undefined} model
   */
  async #textsOf(generator, ids, model) {
    if (model !== this.#model) this.#texts = new Map();
    this.#model = model;
    const texts = this.#texts;
    const unknown = [...new Set(ids)].filter((id) => !texts.has(id));
    await Promise.all(unknown.map(async (id) => texts.set(id, await generator.token_text(id))));
    return ids.map((id) => texts.get(id) ?? "");
  }

  /**
   * @param {Place} place
   * @param {Found} found
   */
  #show(place, { hidden, layers, attention, texts, positions, taken, choices }) {
    showLayers(this.#find("inside-layers"), layers, taken);
    this.#attention.show(attention, texts, positions);
    this.#logit.show(hidden, choices, taken);
    const result = this.#find("inside-result");
    const isFirst = result.hidden;
    result.hidden = false;
    if (isFirst) this.#showLastLayers();
    this.#find("inside").dataset.look = String(place.look);
    this.#seen = place;
    this.#wanted = undefined;
    this.#tell(false, ...heading(place));
  }

  /** Scrolls to the last layers, where the guess takes shape: a table of many layers is cut off. */
  #showLastLayers() {
    const scrolled = this.#find("inside-layers").closest(".inside-scroll");
    if (scrolled) scrolled.scrollTop = scrolled.scrollHeight;
  }
}

/**
 * Whether two places are the same one: the text may have grown behind it, and by the token that was still to be chosen.
 *
 * @param {Place | undefined} a
 * @param {Place} b
 */
const isSame = (a, b) => a?.generator === b.generator && a.tokens === b.tokens && a.look === b.look && a.id === b.id;

/** @param {Place} place */
function heading({ tokens, look }) {
  const token = tokens[look];
  if (!token) return ["How the next token is predicted; its likeliest guess is marked."];
  return ["How ", piece(token.text), `, token ${look + 1} of the text, was predicted.`];
}
