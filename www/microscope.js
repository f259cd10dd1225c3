// The microscope: a text that is generated step by step, inspected token by token, and continued with other tokens.

import { Branch, Branches } from "./branches.js";
import { Cursor } from "./cursor.js";
import { finder } from "./dom.js";
import { Drawing } from "./drawing.js";
import { Lens } from "./lens.js";
import { checksum, settingsOf } from "./link.js";
import { rewrite } from "./rewrite.js";
import { TOP } from "./sliders.js";
import { takenStep } from "./stages.js";
import { stream } from "./stream.js";
import { TextView, showLegend } from "./tokens.js";

/** @typedef {import("./branches.js").DrawnToken} DrawnToken */
/** @typedef {import("./pkg/index.js").Token} Token */
/** @typedef {import("./sliders.js").Options} Options */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {Branch & { generator: WorkerGenerator }} OpenBranch a branch that can be continued */

/**
 * What runs the text, and is shared with the rest of the page:
 *
 * - `alone(work)` runs `work` while nothing else uses the model, and shows its errors;
 * - `busy` and `stopping` tell whether something is running, and whether it should stop;
 * - `read(generator)` runs the prompt, `speed` shows how fast the text is written;
 * - `live()` is called when a slider moves while something is running;
 * - `fail(error)` shows an error, `looked()` is called when a token is looked at, `adapters` are those of a new text;
 * - `sliders`, `narration` and `step` are other views.
 *
 * @typedef {{ alone: (work: () => unknown) => Promise<boolean>, readonly busy: boolean, readonly stopping: boolean,
 *   read: (generator: WorkerGenerator) => Promise<void>,
 *   speed: import("./speed.js").SpeedLine, live: () => void,
 *   fail: (error: unknown) => void, looked: () => void, adapters: Partial<Options>, sliders: import("./sliders.js").Sliders,
 *   narration: import("./narration.js").Narration, step: import("./stages.js").StepView }} Host
 */

/** The text on the page. */
export class Microscope {
  /**
   * The description of the model: its `info()`.
   *
   * @type {import("./pkg/index.js").ModelInfo | undefined}
   */
  model;
  /**
   * Where that model came from, as far as a link can tell.
   *
   * @type {import("./branches.js").Origin | undefined}
   */
  origin;
  /** Whether a text is being written again from a link, which the sliders do not change. */
  #replaying = false;
  #host;
  #prompt;
  #branches;
  #text;
  #lens = new Lens();
  #cursor;
  /** @type {Promise<void> | undefined} */
  #looking;
  #lookAgain = false;
  /** Draws the tokens that are not on the page yet, and the last of them. */
  #drawing = new Drawing(() => this.#draw());

  /**
   * @param {ParentNode} root holds the prompt, the text with its legend, and the list of branches
   * @param {Host} host
   */
  constructor(root, host) {
    const find = finder(root);
    this.#host = host;
    this.#prompt = find("prompt", "textarea");
    this.#branches = new Branches(find("branches"), {
      show: (branch) => void host.alone(() => this.#switch(branch)),
      forget: (branch) => !host.busy && this.#branches.forget(branch),
    });
    const text = find("text");
    this.#text = new TextView(text, find("heard"));
    showLegend(find("legend"));
    host.sliders.watch((name) => this.#slide(name));
    this.#cursor = new Cursor(text, this.#text, {
      isBusy: () => host.busy,
      last: () => (this.#current?.tokens.length ? this.#last : undefined),
      look: (index) => this.#look(index),
      choose: () => host.step.focusCandidate(),
    });
  }

  /** Whether this text can be continued. */
  get canGoOn() {
    return Boolean(this.#current?.generator) && this.#samePrompt && this.#current?.finish_reason !== "stop";
  }

  /** Whether a step can be taken: of this text, or the first of a new one. */
  get canStep() {
    return !this.#current?.generator || !this.#samePrompt || this.canGoOn;
  }

  /** Gives up the generator, which is used for something else. The text can then only be looked at. */
  release() {
    this.#lens.drop();
    this.#branches.release();
    this.#text.open = false;
    this.#lookAgain = false;
  }

  /**
   * Generates a new text.
   *
   * @param {WorkerGenerator} generator
   * @param {string} prompt
   */
  async write(generator, prompt) {
    this.#host.narration.silence();
    await this.#begin(generator, prompt);
    await this.#run();
  }

  /**
   * Writes again the text that a link tells of, with all its branches. Resolves to whether it is the same, token for
   * token.
   *
   * @param {WorkerGenerator} generator
   * @param {import("./link.js").LinkedText} linked
   */
  async replay(generator, { prompt, seed, branches, shown, look }) {
    const { sliders } = this.#host;
    this.#host.narration.silence();
    this.#prompt.value = prompt;
    // Each may then go on for as long as a new text.
    const limit = Math.max(...branches.map(({ tokens }) => tokens)) + (sliders.options().max_tokens || 1);
    this.#replaying = true;
    /** @type {OpenBranch[]} */
    let written;
    try {
      await this.#begin(generator, prompt, { ...branches[0].settings.get(0), max_tokens: limit, seed });
      this.#open.limit = limit;
      written = await rewrite(this.#open, branches, {
        host: this.#host,
        leave: (branch, at) => this.#leaveBranch(branch, at),
        configure: (settings) => this.#configure(this.#open, undefined, settings),
        append: (token, forced) => this.#append(token, forced),
      });
    } finally {
      this.#replaying = false;
    }
    const last = written[shown] ?? this.#open;
    sliders.set(settingsOf(last.options));
    this.#drawing.now();
    this.#switch(last, look);
    return branches.every(({ check }, index) => check === checksum(written[index]?.tokens ?? []));
  }

  /** The text that is shown with all its branches, and the index of the token that is looked at, if there is a text. */
  get shown() {
    const branch = this.#current;
    return branch?.tokens.length ? { ...branch, branch, branches: [...this.#branches.all], look: this.#at } : undefined;
  }

  /** Continues the text. */
  async goOn() {
    this.#host.narration.silence();
    await this.#extend(this.#host.sliders.options().max_tokens);
    await this.#configure(this.#open);
    await this.#run();
  }

  /**
   * Takes exactly one step, and explains it.
   *
   * @param {WorkerGenerator} generator
   * @param {string} prompt
   */
  async step(generator, prompt) {
    this.#host.narration.silence();
    if (!this.canGoOn) await this.#begin(generator, prompt);
    else {
      await this.#extend(1);
      await this.#configure(this.#open);
    }
    const branch = this.#open;
    const { model } = this;
    if (!model) return;
    this.#cursor.isPinned = false;
    let { options } = branch;
    const token = await this.#host.narration.tellStep(branch, model, {
      predicted: (record) => {
        this.#lookAt(branch.tokens.length);
        this.#host.step.show({ record, options: branch.options, note: ["The next token comes from these."] });
      },
      chosen: (token) => {
        // A slider may move before it is appended.
        ({ options } = branch);
        this.#showTaken({ ...token, options });
      },
      append: (token) => this.#append(token, false, options),
    });
    if (token) this.#rest(branch.tokens.length - 1);
  }

  /** Applies the current options from the next token on. */
  async reconfigure() {
    if (this.#current?.generator && !this.#replaying) await this.#configure(this.#open);
  }

  /** Called when nothing is running any more. */
  idle() {
    this.#drawing.now();
    if (this.#lookAgain) this.#reshape();
  }

  // --- the text ---

  get #current() {
    return this.#branches.current;
  }

  /** The current branch, which has a generator where it can be continued. */
  get #open() {
    return /** @type {OpenBranch} */ (this.#current);
  }

  get #samePrompt() {
    return this.#prompt.value === this.#current?.prompt;
  }

  /**
   * @param {WorkerGenerator} generator
   * @param {string} prompt
   * @param {Partial<Options>} [given] in place of what the controls say
   */
  async #begin(generator, prompt, given) {
    this.release();
    this.#host.step.clear();
    const chosen = { ...this.#host.sliders.options(), ...(given ?? this.#host.adapters) };
    const { seed } = await generator.start(prompt, chosen);
    const origin = chosen.adapters ? undefined : this.origin;
    this.#branches.begin(new Branch({ generator, prompt, seed, options: chosen, model: this.model, origin }));
    this.#showText();
    await this.#host.read(generator);
  }

  async #run() {
    const branch = this.#open;
    this.#cursor.isPinned = false;
    this.#host.speed.begin(branch.generator, branch.seed);
    try {
      const tokens = branch.finish_reason ? [] : stream(branch.generator, () => this.#host.stopping);
      // Nothing else is awaited here: a token gets the options that are in effect when it comes.
      for await (const token of tokens) {
        this.#append(token);
      }
    } finally {
      this.#drawing.now();
      void this.#host.speed.finish();
    }
    const { length } = branch.tokens;
    if (length > 0) this.#rest(branch.finish_reason ? length - 1 : length);
  }

  /**
   * @param {Token} token
   * @param {boolean} forced whether the reader chose it
   * @param {Options} options it was drawn with, which may change later
   */
  #append(token, forced = false, options = this.#open.options) {
    this.#open.tokens.push(Object.assign(token, { options, forced }));
    this.#drawing.request();
  }

  #draw() {
    const { tokens, at } = this.#open;
    const { narration, speed, step: view } = this.#host;
    const last = tokens.length - 1;
    this.#text.add(tokens.slice(this.#text.length), at);
    narration.phase("append");
    speed.update();
    const step = takenStep(tokens[last]);
    if (step) view.follow(step, this.#pickable);
    // At last, because it asks where the token lies: what changed after that would have to be laid out a second time.
    this.#lookAt(last);
  }

  /**
   * A text that ended because of its length may be extended by `more` tokens.
   *
   * @param {number} more
   */
  async #extend(more) {
    const branch = this.#open;
    const last = branch.tokens.at(-1);
    if (last?.finish_reason !== "length") return;
    branch.limit = branch.tokens.length + more;
    await branch.generator.rewind(1);
    await this.#configure(branch);
    const again = await branch.generator.accept(last.id);
    if (again) Object.assign(last, { text: again.text, finish_reason: again.finish_reason });
    this.#showText();
  }

  /**
   * @param {OpenBranch} branch
   * @param {WorkerGenerator} generator in a state of that branch
   * @param {Partial<Options>} [given] in place of what the controls say
   */
  async #configure(branch, generator = branch.generator, given) {
    // A text has one seed, whatever is typed meanwhile.
    const chosen = { ...this.#host.sliders.options(), ...given, seed: branch.seed };
    await generator.configure({ ...chosen, max_tokens: Math.max(chosen.max_tokens, branch.limit) });
    if (generator === branch.generator) branch.options = { ...chosen, adapters: branch.options.adapters };
    return chosen;
  }

  #showText() {
    const { prompt, tokens, at } = this.#open;
    this.#text.set(prompt, tokens, at);
    this.#text.open = this.#isOpen;
    this.#branches.render();
  }

  /** Whether the text can have a next token. */
  get #isOpen() {
    return Boolean(this.#current?.generator) && !this.#current?.finish_reason;
  }

  // --- looking ---

  /** The index of the token that is shown. */
  get #at() {
    return this.#cursor.at;
  }

  /** The last index that can be looked at: that of the next token where there can be one. */
  get #last() {
    return this.#open.tokens.length - (this.#isOpen ? 0 : 1);
  }

  get #looksBack() {
    return this.#at < (this.#current?.tokens.length ?? 0);
  }

  /** @param {number} index */
  #lookAt(index) {
    if (index !== this.#at) this.#lens.drop();
    this.#cursor.at = index;
    this.#text.mark(index);
    this.#host.looked();
  }

  /** @param {number} index */
  #look(index) {
    this.#lookAt(index);
    if (this.#looksBack) this.#showTaken();
    else this.#reshape();
  }

  /**
   * Shows a token, or the next one, when nothing is running any more.
   *
   * @param {number} index
   */
  #rest(index) {
    this.#drawing.now();
    this.#text.rest();
    this.#text.open = this.#isOpen;
    this.#branches.render();
    this.#cursor.home = index;
    this.#look(index);
  }

  /** @param {import("./stages.js").Step} step */
  #show(step) {
    this.#host.step.show(step, this.#pickable);
  }

  /** What is done with a candidate that the reader chooses, where the text can be continued. */
  get #pickable() {
    const pick = (/** @type {number} */ id) => void this.#host.alone(() => this.#pick(id));
    return this.#current?.generator && pick;
  }

  /** @param {DrawnToken | undefined} token */
  #showTaken(token = this.#current?.tokens[this.#at]) {
    const step = token && takenStep(token);
    if (step) this.#show(step);
  }

  // --- the sliders ---

  /** @param {string} name */
  #slide(name) {
    this.#host.step.showView(name);
    if (this.#host.busy) this.#host.live();
    else if (this.#current?.generator) this.#reshape();
  }

  /**
   * Shows the current step as the sliders have it now, as soon as nothing is running. Only the sampler runs again, not
   * the model.
   */
  #reshape() {
    this.#lookAgain = true;
    if (!this.#host.busy) this.#looking ??= this.#reshapeAll().finally(() => (this.#looking = undefined));
  }

  async #reshapeAll() {
    try {
      while (this.#lookAgain && !this.#host.busy) {
        this.#lookAgain = false;
        const branch = this.#open;
        const at = this.#at;
        const generator = await this.#lens.before(branch, at);
        const chosen = await this.#configure(branch, generator);
        const record = await generator.peek({ top: TOP });
        if (!record || branch !== this.#current || at !== this.#at || this.#host.busy) continue;
        const taken = branch.tokens[at]?.id;
        const note =
          taken === undefined
            ? "The next token will be drawn from these. Choose one yourself, or take a step."
            : "What this token would be drawn from with the sliders as they are now.";
        this.#show({ record, options: chosen, taken, note: [note] });
      }
    } catch (error) {
      if (this.#current?.generator) this.#host.fail(error);
    }
  }

  // --- branches ---

  /**
   * Continues with the token `id` in place of the shown one.
   *
   * @param {number} id
   */
  async #pick(id) {
    await this.#looking;
    const parent = this.#open;
    const at = this.#at;
    this.#host.narration.silence();
    if (at === parent.tokens.length) {
      await this.#configure(parent);
      const token = await parent.generator.accept(id);
      if (token) this.#append(token, true);
      return this.#rest(this.#last);
    }
    if (parent.tokens[at].id === id) return;
    const known = this.#branches.find(at, id);
    if (known) return this.#switch(known, at);

    await this.#leaveBranch(parent, at);
    await this.#configure(this.#open);
    const token = await this.#open.generator.accept(id);
    if (token) this.#append(token, true);
    await this.#run();
  }

  /**
   * Shows a new branch, which leaves `parent` before its token `at`.
   *
   * @param {OpenBranch} parent
   * @param {number} at
   */
  async #leaveBranch(parent, at) {
    this.#drawing.now();
    const isEnd = at === parent.tokens.length;
    const generator = await (isEnd ? parent.generator.fork() : this.#lens.before(parent, at));
    if (!isEnd) this.#lens.release(); // it is the branch's now
    this.#branches.add(new Branch({ ...parent, generator, parent, at }));
    this.#showText();
    return this.#open;
  }

  /**
   * @param {Branch} branch
   * @param {number} at
   */
  #switch(branch, at = branch.tokens.length) {
    this.#branches.current = branch;
    this.#showText();
    this.#cursor.isPinned = false;
    this.#rest(Math.min(at, this.#last));
  }
}
