// Explains one step of the loop in words and numbers: encode, run, predict, choose, append.

import { element } from "./dom.js";
import { digitsFor } from "./draw-line.js";
import { count, percent, piece, stageTitle } from "./format.js";
import { TOP } from "./sliders.js";

/** @typedef {import("./branches.js").Branch} Branch */
/** @typedef {import("./pkg/index.js").ModelInfo} ModelInfo */
/** @typedef {import("./pkg/index.js").StepRecord} StepRecord */
/** @typedef {import("./pkg/index.js").Token} Token */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {"encode" | "run" | "predict" | "choose" | "append"} Phase a phase of the loop */
/** @typedef {(Node | string) | (Node | string)[]} Paragraph */

/** How many tokens of the prompt are shown. */
const SPELLED = 24;

/** The explanations in the list of the loop's phases. */
export class Narration {
  #loop;

  /** @param {HTMLElement} loop has an item for each phase, with a place for what is told of it */
  constructor(loop) {
    this.#loop = loop;
  }

  /**
   * Marks the current phase of the loop, or none if it is idle.
   *
   * @param {Phase} [now]
   */
  phase(now) {
    for (const item of this.#loop.querySelectorAll("li")) item.classList.toggle("now", item.dataset.phase === now);
  }

  /** Removes the explanations. */
  silence() {
    this.#loop.classList.remove("telling");
    for (const told of this.#loop.querySelectorAll(".told")) told.replaceChildren();
  }

  /**
   * Takes one step of `branch` and explains it. The functions of `on` are called with what there is to show. Resolves
   * to the token, or undefined after the end of the text.
   *
   * @param {Branch & { generator: WorkerGenerator }} branch
   * @param {ModelInfo} info
   * @param {{ predicted: (record: StepRecord) => void, chosen: (token: Token) => void, append: (token: Token) => void }} on
   */
  async tellStep(branch, info, on) {
    const { generator, tokens, seed } = branch;
    const { prompt_ids, context_used } = await generator.state();
    const last = tokens.at(-1);
    await this.#tell("encode", last ? appended(last) : await encoding(branch, prompt_ids));
    const record = await generator.peek({ top: TOP });
    await this.#tell("run", running(!last, info, await generator.timings(), context_used));
    if (record) {
      on.predicted(record);
      await this.#tell("predict", prediction(record, info));
    }
    const token = await generator.next_token();
    if (token) {
      on.chosen(token);
      await this.#tell("choose", choice(token, seed));
      on.append(token);
      await this.#tell("append", joined(token, context_used + 1));
    }
    return token;
  }

  /**
   * Explains a phase, and waits a moment for it to be read.
   *
   * @param {Phase} name
   * @param {Paragraph[]} paragraphs
   */
  async #tell(name, paragraphs) {
    this.#loop.classList.add("telling");
    this.phase(name);
    const told = this.#loop.querySelector(`[data-phase="${name}"] .told`);
    told?.replaceChildren(...paragraphs.map((parts) => element("p", "", ...[parts].flat())));
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    await new Promise((resolve) => setTimeout(resolve, still ? 0 : 220));
  }
}

/**
 * @param {Branch & { generator: WorkerGenerator }} branch
 * @param {Uint32Array} ids
 * @returns {Promise<Paragraph[]>}
 */
async function encoding({ prompt, generator }, ids) {
  const first = [...ids].slice(0, SPELLED);
  const pieces = await Promise.all(
    first.map(async (id) => (await generator.detokenize([id])) || generator.token_name(id)),
  );
  const coins = first.map((id, index) => element("span", "coin", piece(pieces[index]), element("small", "", `${id}`)));
  const more = ids.length > first.length ? ` and ${ids.length - first.length} more` : "";
  const became = `The prompt, ${count([...prompt].length, "character")}, becomes ${count(ids.length, "token")}:`;
  return [became, [element("span", "coins", ...coins), more]];
}

/**
 * @param {Token} token
 * @returns {Paragraph[]}
 */
function appended(token) {
  return [["Nothing new to encode: ", piece(token.text), ` came as token ${token.id}.`]];
}

/**
 * @param {boolean} first
 * @param {ModelInfo} info
 * @param {import("./pkg/index.js").Timings} timings
 * @param {number} used
 * @returns {Paragraph[]}
 */
function running(first, info, timings, used) {
  const { reused_tokens, prefill_tokens, prefill_ms, decode_tokens, decode_ms } = timings;
  const model = `${count(info.layers, "layer")}, ${info.hidden_size} numbers wide`;
  const context = `Context: ${used.toLocaleString("en")} of ${info.context_length.toLocaleString("en")} tokens.`;
  if (first) {
    const reused = reused_tokens ? ` (${reused_tokens} were known from before)` : "";
    return [`${count(prefill_tokens, "token")}${reused} through ${model}: ${ms(prefill_ms)}.`, context];
  }
  const mean = decode_tokens ? `, ${ms(decode_ms / decode_tokens)} on average` : "";
  return [`The last token through ${model}${mean}. What came before is kept in the KV cache.`, context];
}

/** @param {number} time */
const ms = (time) => `${time < 10 ? time.toFixed(1) : time.toFixed(0)} ms`;

/**
 * @param {StepRecord} record
 * @param {ModelInfo} info
 * @returns {Paragraph[]}
 */
function prediction({ candidates, entropy }, info) {
  const best = candidates
    .slice(0, 4)
    .map(({ text, logit, logprob }) =>
      element("span", "line", piece(text), ` ${logit.toFixed(1)} → ${percent(Math.exp(logprob))}`),
    );
  return [
    `A logit for each of ${count(info.vocabulary_size, "token")}; softmax turns them into probabilities:`,
    best,
    `Entropy ${entropy.toFixed(2)} nats: like ${Math.exp(entropy).toFixed(1)} equal choices.`,
  ];
}

/**
 * @param {Token} token
 * @param {number | bigint} seed
 * @returns {Paragraph[]}
 */
function choice({ record, text, probability }, seed) {
  const { stages = [], step = 0, draw } = record ?? {};
  const did = stages.map((stage) =>
    element("span", "line", element("b", "", stageTitle(stage.name)), ` ${effect(stage)}`),
  );
  const point = draw ? `the number ${draw.point.toFixed(digitsFor(draw))}, which falls on ` : "";
  const drawn =
    probability === 1
      ? ["Only ", piece(text), " is left."]
      : [`Drawn with seed ${seed}, step ${step + 1}: ${point}`, piece(text), `, ${percent(probability)}.`];
  return [did.length ? did : "No stage has an effect.", drawn];
}

/** @param {StepRecord["stages"][number]} stage */
function effect({ kept, removed, level }) {
  if (removed > 0) return `cuts ${removed.toLocaleString("en")}, leaves ${kept.toLocaleString("en")}`;
  return level === undefined ? "cuts none" : level.toFixed(2);
}

/**
 * @param {Token} token
 * @param {number} used
 * @returns {Paragraph[]}
 */
function joined(token, used) {
  /** @type {Record<string, string>} */
  const ends = { stop: "The model ends the text here.", length: "The text is as long as it may be." };
  const next = (token.finish_reason && ends[token.finish_reason]) ?? "The next step begins from there.";
  return [
    [piece(token.text), ` (token ${token.id}) joins the text.`],
    `Context: ${used.toLocaleString("en")} tokens. ${next}`,
  ];
}
