// Explains one step of the loop in words and numbers: encode, run, predict, choose, append.

import { count, element, percent, piece, stageTitle } from "./format.js";
import { TOP } from "./sliders.js";

const $ = (id) => document.getElementById(id);

/** How many tokens of the prompt are shown. */
const SPELLED = 24;

/** Marks the current phase of the loop, or none if it is idle. */
export function phase(now) {
  for (const item of $("loop").children) item.classList.toggle("now", item.dataset.phase === now);
}

/** Removes the explanations. */
export function silence() {
  $("loop").classList.remove("telling");
  for (const told of $("loop").querySelectorAll(".told")) told.replaceChildren();
}

/** Explains a phase, and waits a moment for it to be read. */
async function tell(name, ...paragraphs) {
  $("loop").classList.add("telling");
  phase(name);
  const told = $("loop").querySelector(`[data-phase="${name}"] .told`);
  told.replaceChildren(...paragraphs.map((parts) => element("p", "", ...[parts].flat())));
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  await new Promise((resolve) => setTimeout(resolve, still ? 0 : 220));
}

/**
 * Takes one step of `branch` and explains it. The functions of `on` are called with what there is to show:
 * `predicted(record)`, `chosen(token)` and `append(token)`. Resolves to the token, or undefined after the end of the
 * text.
 */
export async function tellStep(branch, info, on) {
  const { generator, tokens, seed } = branch;
  const first = tokens.length === 0;
  const { prompt_ids, context_used } = await generator.state();
  await (first ? tellEncoding(branch, prompt_ids) : tellAppended(tokens.at(-1)));
  const record = await generator.peek({ top: TOP });
  await tellRun(first, info, await generator.timings(), context_used);
  if (record) {
    on.predicted(record);
    await tellPrediction(record, info);
  }
  const token = await generator.next_token();
  if (token) {
    on.chosen(token);
    await tellChoice(token, seed);
    on.append(token);
    await tellAppend(token, context_used + 1);
  }
  return token;
}

async function tellEncoding({ prompt, generator }, ids) {
  const first = [...ids].slice(0, SPELLED);
  const pieces = await Promise.all(
    first.map(async (id) => (await generator.detokenize([id])) || generator.token_name(id)),
  );
  const coins = first.map((id, index) => element("span", "coin", piece(pieces[index]), element("small", "", `${id}`)));
  const more = ids.length > first.length ? ` and ${ids.length - first.length} more` : "";
  const became = `The prompt, ${count([...prompt].length, "character")}, becomes ${count(ids.length, "token")}:`;
  return tell("encode", became, [element("span", "coins", ...coins), more]);
}

function tellAppended(token) {
  return tell("encode", ["Nothing new to encode: ", piece(token.text), ` came as token ${token.id}.`]);
}

function tellRun(first, info, timings, used) {
  const { reused_tokens, prefill_tokens, prefill_ms, decode_tokens, decode_ms } = timings;
  const model = `${count(info.layers, "layer")}, ${info.hidden_size} numbers wide`;
  const context = `Context: ${used.toLocaleString("en")} of ${info.context_length.toLocaleString("en")} tokens.`;
  if (first) {
    const reused = reused_tokens ? ` (${reused_tokens} were known from before)` : "";
    return tell("run", `${count(prefill_tokens, "token")}${reused} through ${model}: ${ms(prefill_ms)}.`, context);
  }
  const mean = decode_tokens ? `, ${ms(decode_ms / decode_tokens)} on average` : "";
  return tell("run", `The last token through ${model}${mean}. What came before is kept in the KV cache.`, context);
}

const ms = (time) => `${time < 10 ? time.toFixed(1) : time.toFixed(0)} ms`;

function tellPrediction({ candidates, entropy }, info) {
  const best = candidates
    .slice(0, 4)
    .map(({ text, logit, logprob }) =>
      element("span", "line", piece(text), ` ${logit.toFixed(1)} → ${percent(Math.exp(logprob))}`),
    );
  return tell(
    "predict",
    `A logit for each of ${count(info.vocabulary_size, "token")}; softmax turns them into probabilities:`,
    best,
    `Entropy ${entropy.toFixed(2)} nats: like ${Math.exp(entropy).toFixed(1)} equal choices.`,
  );
}

function tellChoice({ record: { stages, chosen, step }, text }, seed) {
  const did = stages.map((stage) =>
    element("span", "line", element("b", "", stageTitle(stage.name)), ` ${effect(stage)}`),
  );
  const drawn =
    chosen.probability === 1
      ? ["Only ", piece(text), " is left."]
      : [`Drawn with seed ${seed}, step ${step + 1}: `, piece(text), `, ${percent(chosen.probability)}.`];
  return tell("choose", did.length ? did : ["No stage has an effect."], drawn);
}

function effect({ kept, removed, level }) {
  if (removed > 0) return `cuts ${removed.toLocaleString("en")}, leaves ${kept.toLocaleString("en")}`;
  return level === undefined ? "cuts none" : level.toFixed(2);
}

function tellAppend(token, used) {
  const ends = { stop: "The model ends the text here.", length: "The text is as long as it may be." };
  const next = ends[token.finish_reason] ?? "The next step begins from there.";
  return tell(
    "append",
    [piece(token.text), ` (token ${token.id}) joins the text.`],
    `Context: ${used.toLocaleString("en")} tokens. ${next}`,
  );
}
