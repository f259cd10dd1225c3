// Chapter 10: the text grows, token by token.

import { element } from "../dom.js";
import { codeOf } from "../errors.js";
import { tokenSpan } from "../tokens.js";
import { model } from "./model.js";
import { sentence, whenNear } from "./parts.js";
import { onLanguage, percent, quoted, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */
/** @typedef {import("../pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {import("../pkg/index.js").Token} Token */

const MOST = 60;
/** The rest after a token, in milliseconds: at its own speed nobody could read along. */
const PACE = 120;

/** @param {Find} find */
export function tryLoop(find) {
  const root = find("try-loop");
  const [step, go, anew] = ["loop-step", "loop-go", "loop-anew"].map((id) => find(id, "button"));
  const prompt = find("loop-prompt", "textarea");
  const loop = new Loop(find, () => prompt.value);
  step.addEventListener("click", () => void loop.draw());
  go.addEventListener("click", () => loop.toggle());
  anew.addEventListener("click", () => loop.begin());
  prompt.addEventListener("input", () => loop.begin());
  onLanguage(() => loop.show());
  loop.show();
  // So that the first token comes at once.
  whenNear(root, () => void model.use("loop-near", async () => (root.dataset.state = "ready")));
}

/** The state of the exercise, and what its three buttons do with it. */
class Loop {
  #find;
  #prompt;
  #text = new GrowingText();
  /** Whether tokens are drawn one after the other. */
  #going = false;
  /** Whether the one that draws them has not stopped yet. */
  #running = false;
  /** @type {unknown} */
  #failed;

  /**
   * @param {Find} find
   * @param {() => string} prompt what the text begins with
   */
  constructor(find, prompt) {
    this.#find = find;
    this.#prompt = prompt;
  }

  show() {
    showText(this.#find, this.#text, this.#going, this.#failed);
  }

  /** Draws one token. Returns whether there may be another. */
  async draw() {
    const mine = this.#text;
    if (mine.isDrawing || mine.ended) return false;
    this.#failed = undefined;
    /** @type {Token | undefined} */
    let token;
    try {
      token = await mine.next(this.#prompt());
    } catch (error) {
      // Else the text was begun anew meanwhile.
      if (mine === this.#text) {
        if (codeOf(error) === "crashed") this.begin(); // the text is gone with the engine
        this.#failed = error;
      }
    }
    this.show();
    return Boolean(token) && mine === this.#text && !mine.ended;
  }

  /** Draws tokens one after the other, or stops. */
  toggle() {
    this.#going = !this.#going;
    this.show();
    if (this.#going) void this.#run();
  }

  async #run() {
    if (this.#running) return; // the one that was about to stop goes on
    this.#running = true;
    while (this.#going) {
      const mine = this.#text;
      // The other button may be drawing a token still.
      if ((await this.draw()) || mine.isDrawing) await new Promise((resolve) => setTimeout(resolve, PACE));
      else if (mine === this.#text) this.#going = false;
    }
    this.#running = false;
    this.show();
  }

  /** Begins a new text. */
  begin() {
    this.#going = false;
    this.#text.free();
    this.#text = new GrowingText();
    this.#failed = undefined;
    this.show();
  }
}

/** A text that grows by one token at a time, on a generator of its own from the first one on. */
class GrowingText {
  /** @type {Token[]} */
  tokens = [];
  /** Whether a token is being drawn. */
  isDrawing = false;
  /** @type {WorkerGenerator | undefined} */
  #generator;
  #isFreed = false;

  get ended() {
    return this.tokens.length >= MOST || Boolean(this.tokens.at(-1)?.finish_reason);
  }

  /**
   * Draws the next token; undefined if the text was freed meanwhile.
   *
   * @param {string} prompt what the text begins with
   */
  async next(prompt) {
    this.isDrawing = true;
    try {
      const token = await model.use("loop", (generator) => this.#draw(generator, prompt));
      if (token) this.tokens.push(token);
      return token;
    } finally {
      this.isDrawing = false;
    }
  }

  /**
   * @param {WorkerGenerator} generator
   * @param {string} prompt
   */
  async #draw(generator, prompt) {
    if (this.#isFreed) return undefined;
    if (!this.#generator) {
      const own = await startFork(generator, prompt);
      if (this.#isFreed) {
        own.free();
        return undefined;
      }
      this.#generator = own;
    }
    return this.#generator.next_token();
  }

  free() {
    this.#isFreed = true;
    this.#generator?.free();
    this.#generator = undefined;
  }
}

/**
 * @param {Find} find
 * @param {GrowingText} text
 * @param {boolean} going
 * @param {unknown} failed
 */
function showText(find, { tokens, ended }, going, failed) {
  const [root, box, told] = ["try-loop", "loop-text", "loop-told"].map((id) => find(id));
  const [step, go] = ["loop-step", "loop-go"].map((id) => find(id, "button"));
  const spans = tokens.map((token) => Object.assign(tokenSpan(token), { title: percent(Math.exp(token.logprob)) }));
  const given = element("span", "given", find("loop-prompt", "textarea").value);
  for (const span of [given, ...spans]) span.lang = "en";
  box.replaceChildren(given, ...spans);
  spans.at(-1)?.classList.add("shown");
  go.textContent = t(going ? "loop.stop" : "loop.go");
  step.disabled = going || ended;
  go.disabled = ended;
  const token = tokens.at(-1);
  const values = { count: tokens.length, most: MOST, token: token ? quoted(token.text) : "" };
  const last = token ? t("loop.said", { ...values, share: percent(Math.exp(token.logprob)) }) : "";
  const full = tokens.length < MOST ? "loop.context" : "loop.full";
  const end = token?.finish_reason === "stop" ? "loop.ended" : full;
  told.textContent = failed ? sentence(failed) : ended ? t(end, values) : last;
  root.dataset.tokens = String(tokens.length);
}

/**
 * A generator of its own, with a text begun.
 *
 * @param {WorkerGenerator} generator
 * @param {string} prompt
 */
async function startFork(generator, prompt) {
  const own = await generator.fork();
  try {
    await own.start(prompt, { max_tokens: MOST });
  } catch (error) {
    own.free();
    throw error;
  }
  return own;
}
