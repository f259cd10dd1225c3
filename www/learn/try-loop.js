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
  const [root, box, told] = ["try-loop", "loop-text", "loop-told"].map((id) => find(id));
  const [step, go, anew] = ["loop-step", "loop-go", "loop-anew"].map((id) => find(id, "button"));
  const prompt = find("loop-prompt", "textarea");
  /**
   * A generator of its own, with the text so far; undefined before the first token.
   *
   * @type {WorkerGenerator | undefined}
   */
  let text;
  /** @type {Token[]} */
  let tokens = [];
  let going = false;
  let running = false;
  /**
   * The tokens that one is being drawn for.
   *
   * @type {Token[] | undefined}
   */
  let working;
  /** @type {unknown} */
  let failed;

  const ended = () => tokens.length >= MOST || Boolean(tokens.at(-1)?.finish_reason);
  function show() {
    const spans = tokens.map((token) => Object.assign(tokenSpan(token), { title: percent(Math.exp(token.logprob)) }));
    const given = element("span", "given", prompt.value);
    for (const span of [given, ...spans]) span.lang = "en";
    box.replaceChildren(given, ...spans);
    spans.at(-1)?.classList.add("shown");
    go.textContent = t(going ? "loop.stop" : "loop.go");
    step.disabled = going || ended();
    go.disabled = ended();
    const token = tokens.at(-1);
    const values = { count: tokens.length, most: MOST, token: token ? quoted(token.text) : "" };
    const last = token ? t("loop.said", { ...values, share: percent(Math.exp(token.logprob)) }) : "";
    const full = tokens.length < MOST ? "loop.context" : "loop.full";
    const end = token?.finish_reason === "stop" ? "loop.ended" : full;
    told.textContent = failed ? sentence(failed) : ended() ? t(end, values) : last;
    root.dataset.tokens = String(tokens.length);
  }

  /** Draws one token. Returns whether there may be another. */
  async function draw() {
    const mine = tokens;
    if (working === mine || ended()) return false;
    working = mine;
    failed = undefined;
    const current = () => mine === tokens; // else the text was begun anew meanwhile
    /** @type {Token | undefined} */
    let token;
    try {
      token = await model.use("loop", async (generator) => {
        if (!current()) return undefined;
        if (!text) {
          const own = await startFork(generator, prompt.value);
          if (!current()) {
            own.free();
            return undefined;
          }
          text = own;
        }
        return text.next_token();
      });
      if (token) mine.push(token);
    } catch (error) {
      if (current()) {
        if (codeOf(error) === "crashed") begin(); // the text is gone with the engine
        failed = error;
      }
    } finally {
      if (working === mine) working = undefined;
    }
    show();
    return Boolean(token) && current() && !ended();
  }

  async function run() {
    if (running) return; // the one that was about to stop goes on
    running = true;
    while (going) {
      const mine = tokens;
      // The other button may be drawing a token still.
      if ((await draw()) || working === mine) await new Promise((resolve) => setTimeout(resolve, PACE));
      else if (mine === tokens) going = false;
    }
    running = false;
    show();
  }

  function begin() {
    going = false;
    text?.free();
    text = undefined;
    tokens = [];
    failed = undefined;
    show();
  }

  step.addEventListener("click", () => void draw());
  go.addEventListener("click", () => {
    going = !going;
    show();
    if (going) void run();
  });
  anew.addEventListener("click", begin);
  prompt.addEventListener("input", begin);
  onLanguage(show);
  show();
  // So that the first token comes at once.
  whenNear(root, () => void model.use("loop-near", async () => (root.dataset.state = "ready")));
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
