// The branches of a text. Each has a generator in the state at its end, forked from the generator of the branch it
// left.

import { button, closest, element } from "./dom.js";
import { count, piece } from "./format.js";

/** @typedef {import("./pkg/index.js").StepRecord} StepRecord */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {import("./sliders.js").Options} Options */

/**
 * A token with the options it was drawn with, and whether the reader chose it.
 *
 * @typedef {import("./pkg/index.js").Token & { record?: StepRecord, options: Options, forced?: boolean }} DrawnToken
 */

/**
 * Where a model came from: what a link calls it, its files where it came as such, and its hash where the file has it.
 *
 * @typedef {{ key: string, files?: File[], sha256?: string }} Origin
 */

/**
 * What a branch begins with. `at` is the index of the first token that differs from its `parent`; `model` describes what
 * wrote it, and `origin` tells where that came from.
 *
 * @typedef {{ generator: WorkerGenerator, prompt: string, seed: number | bigint, options: Options, parent?: Branch,
 *   at?: number, model?: import("./pkg/index.js").ModelInfo, origin?: Origin }} Beginning
 */

/** One continuation of the text. */
export class Branch {
  /** @type {DrawnToken[]} */
  tokens;
  /** The number of tokens it may have, if it was extended beyond the option `max_tokens`; else 0. */
  limit = 0;

  /** @param {Beginning} beginning */
  constructor({ generator, prompt, seed, options, parent, at, model, origin }) {
    /**
     * In the state at the end of the branch; undefined once it is used for something else.
     *
     * @type {WorkerGenerator | undefined}
     */
    this.generator = generator;
    this.prompt = prompt;
    this.seed = seed;
    this.model = model;
    this.origin = origin;
    /** The options in effect. */
    this.options = options;
    this.parent = parent;
    /** The index of the first token that differs from its parent. */
    this.at = at;
    /** Whether its generator is a fork, to be freed with the branch, and not the one that was loaded. */
    this.owned = parent !== undefined;
    this.tokens = parent ? parent.tokens.slice(0, at) : [];
    this.limit = parent?.limit ?? 0;
  }

  get finish_reason() {
    return this.tokens.at(-1)?.finish_reason;
  }

  /** @returns {number} */
  get depth() {
    return this.parent ? this.parent.depth + 1 : 0;
  }

  /**
   * Whether it equals `other` before the token `at`, and has the token `id` there.
   *
   * @param {Branch} other
   * @param {number} at
   * @param {number} id
   */
  takes(other, at, id) {
    return (
      this.tokens[at]?.id === id &&
      other.tokens.slice(0, at).every((token, index) => token.id === this.tokens[index].id)
    );
  }
}

/** All branches of one text, and their list on the page. */
export class Branches {
  /** @type {Branch[]} */
  all = [];
  /** @type {Branch | undefined} */
  current;
  #list;

  /**
   * @param {HTMLElement} list
   * @param {{ show: (branch: Branch) => void, forget: (branch: Branch) => void }} on
   */
  constructor(list, on) {
    this.#list = list;
    list.addEventListener("click", (event) => {
      const branch = this.all[Number(closest(event, "li")?.dataset.branch)];
      const pressed = closest(event, "button");
      if (branch && pressed) (pressed.classList.contains("forget") ? on.forget : on.show)(branch);
    });
  }

  /**
   * Starts a text with its first branch.
   *
   * @param {Branch} branch
   */
  begin(branch) {
    this.release();
    this.all = [];
    this.add(branch);
  }

  /** @param {Branch} branch */
  add(branch) {
    // After its parent and the branches that left that before: the list is a tree in depth-first order.
    const { parent } = branch;
    let place = parent ? this.all.indexOf(parent) + 1 : this.all.length;
    while (this.all[place]?.depth > branch.depth - 1) place += 1;
    this.all.splice(place, 0, branch);
    this.current = branch;
  }

  /**
   * The branch that equals the current one before the token `at`, and has the token `id` there.
   *
   * @param {number} at
   * @param {number} id
   */
  find(at, id) {
    const { current } = this;
    return current && this.all.find((branch) => branch.takes(current, at, id));
  }

  /**
   * Removes a branch. Branches that left it become branches of its parent.
   *
   * @param {Branch} branch
   */
  forget(branch) {
    this.all.splice(this.all.indexOf(branch), 1);
    for (const other of this.all) {
      if (other.parent !== branch) continue;
      other.parent = branch.parent;
      other.at = branch.parent && Math.min(other.at ?? 0, branch.at ?? 0);
    }
    if (branch.owned) branch.generator?.free();
    this.render();
  }

  /** Frees the generators. The texts remain to be looked at. */
  release() {
    for (const branch of this.all) {
      if (branch.owned) branch.generator?.free();
      branch.generator = undefined;
    }
  }

  render() {
    const section = this.#list.parentElement;
    if (section) section.hidden = this.all.length < 2;
    this.#list.replaceChildren(...this.all.map((branch, index) => this.#item(branch, index)));
  }

  /**
   * @param {Branch} branch
   * @param {number} index
   */
  #item(branch, index) {
    const { parent, at, tokens } = branch;
    const from = at ?? 0;
    const rest = tokens
      .slice(from + (parent ? 1 : 0))
      .map(({ text }) => text)
      .join("");
    const way = button("way");
    if (parent) {
      const before = tokens
        .slice(Math.max(0, from - 3), from)
        .map(({ text }) => text)
        .join("");
      way.append(element("span", "quiet", `…${before}`), piece(tokens[from]?.text ?? ""));
    }
    way.append(element("span", "rest", shorten(rest)), element("small", "quiet", count(tokens.length, "token")));
    if (branch === this.current) way.setAttribute("aria-current", "true");
    const item = element("li", "", way);
    item.dataset.branch = String(index);
    item.style.setProperty("--depth", String(branch.depth));
    if (branch !== this.current) {
      const forget = button("forget", "×");
      forget.setAttribute("aria-label", "Forget this branch");
      item.append(forget);
    }
    return item;
  }
}

/** @param {string} text */
const shorten = (text) => (text.length > 60 ? `${text.slice(0, 60)}…` : text).replaceAll("\n", " ");
