// The branches of a text. Each has a generator in the state at its end, forked from the generator of the branch it
// left.

import { count, element, piece } from "./format.js";

/** One continuation of the text. */
export class Branch {
  tokens;
  /** The index of the first token that differs from its parent. */
  at;
  parent;
  /** The number of tokens it may have, if it was extended beyond the option `max_tokens`; else 0. */
  limit = 0;

  constructor({ generator, prompt, seed, options, parent, at }) {
    this.generator = generator;
    this.prompt = prompt;
    this.seed = seed;
    /** The options in effect. */
    this.options = options;
    this.parent = parent;
    this.at = at;
    /** Whether its generator is a fork, to be freed with the branch, and not the one that was loaded. */
    this.owned = parent !== undefined;
    this.tokens = parent ? parent.tokens.slice(0, at) : [];
    this.limit = parent?.limit ?? 0;
  }

  get finish_reason() {
    return this.tokens.at(-1)?.finish_reason;
  }

  get depth() {
    return this.parent ? this.parent.depth + 1 : 0;
  }

  /** Whether it equals `other` before the token `at`, and has the token `id` there. */
  takes(other, at, id) {
    return (
      this.tokens[at]?.id === id &&
      other.tokens.slice(0, at).every((token, index) => token.id === this.tokens[index].id)
    );
  }
}

/** All branches of one text, and their list on the page. */
export class Branches {
  all = [];
  current;
  #list;

  /**
   * @param {HTMLElement} list
   * @param {{ show: (branch: Branch) => void, forget: (branch: Branch) => void }} on
   */
  constructor(list, on) {
    this.#list = list;
    list.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      const branch = this.all[button?.closest("li").dataset.branch];
      if (branch) (button.classList.contains("forget") ? on.forget : on.show)(branch);
    });
  }

  /** Starts a text with its first branch. */
  begin(branch) {
    this.release();
    this.all = [];
    this.add(branch);
  }

  add(branch) {
    // After its parent and the branches that left that before: the list is a tree in depth-first order.
    let place = this.all.indexOf(branch.parent) + 1;
    while (this.all[place]?.depth > branch.depth - 1) place += 1;
    this.all.splice(branch.parent ? place : this.all.length, 0, branch);
    this.current = branch;
  }

  /** The branch that equals the current one before the token `at`, and has the token `id` there. */
  find(at, id) {
    return this.all.find((branch) => branch.takes(this.current, at, id));
  }

  /** Removes a branch. Branches that left it become branches of its parent. */
  forget(branch) {
    this.all.splice(this.all.indexOf(branch), 1);
    for (const other of this.all) {
      if (other.parent !== branch) continue;
      other.parent = branch.parent;
      other.at = branch.parent && Math.min(other.at, branch.at);
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
    this.#list.parentElement.hidden = this.all.length < 2;
    this.#list.replaceChildren(...this.all.map((branch, index) => this.#item(branch, index)));
  }

  #item(branch, index) {
    const { parent, at, tokens } = branch;
    const from = at ?? 0;
    const rest = tokens
      .slice(from + (parent ? 1 : 0))
      .map(({ text }) => text)
      .join("");
    const way = element("button", "way");
    way.type = "button";
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
    item.dataset.branch = index;
    item.style.setProperty("--depth", branch.depth);
    if (branch !== this.current) {
      const forget = element("button", "forget", "×");
      forget.type = "button";
      forget.setAttribute("aria-label", "Forget this branch");
      item.append(forget);
    }
    return item;
  }
}

const shorten = (text) => (text.length > 60 ? `${text.slice(0, 60)}…` : text).replaceAll("\n", " ");
