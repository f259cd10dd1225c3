// The training view: a text, a size, and a model that is trained while one watches.

import { drawCurve } from "./curve.js";
import { visible } from "./distribution.js";
import { forgetTraining, keptTraining } from "./train-store.js";
import { Training } from "./training.js";

const ALICE = {
  url: new URL("alice.txt", location.href),
  name: "Alice's Adventures in Wonderland (Lewis Carroll, 1865, public domain)",
};
/** The longest text, in bytes: a longer one takes minutes to tokenize before the first step. */
const LONGEST = 8_000_000;
const SAMPLES = 30;
const OWN = "your text";

const $ = (id) => document.getElementById(id);
const config = () => [...$("train-config").querySelectorAll("input")];
let page;
/** @type {Training | undefined} */
let training;
let starting = false;
let source = { name: OWN };
let painted = 0;

/**
 * @param {{ showError: (error?: unknown) => void,
 *   write: (name: string, file: Uint8Array, prompt: string) => Promise<void> }} given by the page
 */
export function setUpTraining(given) {
  page = given;
  $("train").addEventListener("click", begin);
  $("train-pause").addEventListener("click", () => (training.running ? pause() : run()));
  $("train-resume").addEventListener("click", resume);
  $("train-forget").addEventListener("click", forget);
  $("train-download").addEventListener("click", () => attempt(download));
  $("train-write").addEventListener("click", () => attempt(write));
  $("train-alice").addEventListener("click", () => attempt(takeAlice));
  $("train-file").addEventListener("change", () => attempt(() => takeFile($("train-file").files[0])));
  $("train-text").addEventListener("input", () => named(OWN));
  $("train-line").addEventListener("change", () => training && attempt(showPairs));
  $("mode-train").addEventListener("change", opened);
  document.addEventListener("keydown", onKey, true);
  document.addEventListener("drop", onDrop, true);
  document.addEventListener("visibilitychange", () => document.hidden && training?.keepSoon());
  new ResizeObserver(draw).observe($("train-curve"));
  offer();
}

function opened() {
  offer();
  draw();
  if (!training && $("train-text").value === "") attempt(takeAlice);
}

const isOpen = () => $("mode-train").checked;

/** Runs the action of a button, and shows its errors. */
async function attempt(action) {
  page.showError();
  try {
    return await action();
  } catch (error) {
    failed(error);
  }
}

// --- the text ---

/** Shows the name and size of a new text, and resets what belonged to the old one. */
function named(name, prompt = "") {
  source = { name };
  $("train-prompt").value = prompt;
  $("train-line").value = "";
  const bytes = new Blob([$("train-text").value]).size;
  $("train-source").textContent = bytes ? `${name}, ${Math.ceil(bytes / 1000)} kB` : "";
}

function take(name, text, prompt) {
  $("train-text").value = text;
  named(name, prompt);
}

async function takeAlice() {
  const response = await fetch(ALICE.url);
  if (!response.ok) throw new Error(`the text could not be loaded: the server answered ${response.status}`);
  take(ALICE.name, await response.text(), "Alice");
}

async function takeFile(file) {
  if (!file) return;
  if (file.size > LONGEST)
    throw new Error(
      `${file.name} has ${Math.round(file.size / 1e6)} MB; a tab learns from ${LONGEST / 1e6} MB at most`,
    );
  try {
    take(file.name, new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer()));
  } catch (error) {
    throw error instanceof TypeError
      ? new Error(`${file.name} is not UTF-8 text; save it as UTF-8, or choose another`)
      : error;
  }
}

function onDrop(event) {
  const file = event.dataTransfer.files[0];
  if (!isOpen() || !file || file.name.endsWith(".gguf")) return;
  event.preventDefault();
  event.stopPropagation();
  $("drop").hidden = true;
  attempt(() => takeFile(file));
}

function onKey(event) {
  if (!isOpen()) return;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.stopPropagation();
    begin();
  }
  if (event.key === "Escape" && training?.running) pause();
}

// --- the run ---

function options() {
  const chosen = { preset: document.querySelector("input[name=preset]:checked").value };
  for (const { name, value, valueAsNumber } of config()) if (value !== "") chosen[name] = valueAsNumber;
  return chosen;
}

function begin() {
  const text = $("train-text").value;
  if (text.trim() === "")
    return page.showError("there is no text to learn from: paste one, open a file, or take Alice");
  return start("learning the vocabulary …", () => Training.begin({ ...source, text }, options()));
}

function resume() {
  return start("going on where it was kept …", async () => {
    const resumed = await Training.resume();
    take(resumed.source.name, resumed.source.text);
    return resumed;
  });
}

/**
 * Gets a training from `make` and runs it in place of the current one, which is paused, and only replaced if `make`
 * succeeds.
 */
async function start(saying, make) {
  if (starting) return;
  starting = true;
  training?.pause();
  $("train-kept").hidden = true;
  $("train-status").textContent = saying;
  update();
  let made;
  await attempt(async () => (made = await make()));
  starting = false;
  if (!made) {
    update();
    return offer();
  }
  training?.free();
  training = made;
  $("train-result").hidden = false;
  $("train-line").value ||= firstLine(made.source.text);
  showSamples();
  await run();
}

async function run() {
  const mine = training;
  update(true);
  await attempt(() =>
    mine.run({
      prompt: () => $("train-prompt").value,
      stepped,
      looked,
      kept: (error) => {
        if (error) $("train-left").textContent = `not kept: ${error.message}`;
      },
    }),
  );
  if (mine !== training) return;
  update();
  paint();
  $("train-status").textContent = training.complete ? outcome() : "It rests, and is kept in this browser.";
}

/** The outcome of a complete training, in words. */
function outcome() {
  if (!training.best) return "It has learnt what it will: write with it.";
  const [step, loss] = training.best;
  const early =
    training.step < training.info.steps ? " It ended early: on the held-out text it no longer got better." : "";
  const poor =
    loss >= training.info.unigram_loss ? " That is no better than counting tokens: it needs a longer text." : "";
  return `It has learnt what it will: write with it, as it was best, after step ${step} (${loss.toFixed(3)} on the held-out text).${early}${poor}`;
}

function pause() {
  training.pause();
  $("train-pause").disabled = true;
  $("train-status").textContent = "finishing the step …";
}

async function failed(error) {
  if (error.code === "freed") return; // another training took its place
  const gone = error.code === "crashed" && !starting;
  if (gone) training = undefined;
  $("train-status").textContent = "";
  update();
  const tooLarge = error.code === "out_of_memory" || (error.code === "crashed" && starting);
  page.showError(
    tooLarge ? "a model of this shape does not fit into the memory of a tab: choose smaller numbers" : error,
  );
  if (gone) await offer();
}

// --- what was kept ---

async function offer() {
  if (training || starting) return;
  const kept = await keptTraining();
  if (training || starting) return;
  $("train-kept").hidden = !kept;
  if (!kept) return;
  const { name, step, steps, loss } = kept;
  $("train-kept-text").textContent =
    `A training was kept: ${name}, step ${step} of ${steps}, loss ${loss.toFixed(2)}. Beginning another replaces it.`;
}

async function forget() {
  await attempt(forgetTraining);
  $("train-kept").hidden = true;
  $("mode-train").focus();
}

// --- what becomes of it ---

const modelName = ({ step }) =>
  `${(training.source.name === OWN ? "own" : training.source.name.split(/[.(]/)[0])
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-")}-${step}.gguf`;

/** The model with the lowest validation loss. */
async function bestModel() {
  const { trainer } = training;
  // Both are requested at once, so that no step is taken between them.
  const [state, file] = await Promise.all([trainer.best(), trainer.to_gguf()]);
  return { name: modelName(state), file };
}

async function download() {
  const { name, file } = await bestModel();
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([file]));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function write() {
  const prompt = $("train-prompt").value || training.source.text.trim().split(/\s+/).slice(0, 3).join(" ");
  const { name, file } = await bestModel();
  if (training.running) pause();
  await page.write(name, file, prompt);
}

// --- what is shown ---

function update(running = training?.running) {
  $("train").disabled = starting;
  $("train").textContent = training ? "Train anew" : "Train";
  $("train").classList.toggle("primary", !training);
  $("train-pause").disabled = !training || (training.complete && !running);
  $("train-pause").textContent = !training || running ? "Pause" : "Go on";
  for (const id of ["train-download", "train-write"]) $(id).disabled = !training;
  $("train-write").classList.toggle("primary", Boolean(training?.complete && !running));
}

function stepped(report) {
  $("train-speed").textContent = Math.round(report.tokens_per_second);
  if (performance.now() - painted > 100) paint();
}

function paint() {
  painted = performance.now();
  const { info, history, step, best } = training;
  const remaining = (history.seconds / step) * (info.steps - step);
  $("train-bar").value = step / info.steps;
  $("train-step").textContent = step;
  $("train-left").textContent =
    remaining > 0 && step > 0 ? `of ${info.steps}, ${duration(remaining)} left` : `of ${info.steps}`;
  $("train-loss").textContent = training.loss.toFixed(3);
  $("train-held-out").textContent = history.heldOut.at(-1)?.[1].toFixed(3) ?? "";
  $("train-best").textContent = best
    ? `best: ${best[1].toFixed(3)}, after step ${best[0]}`
    : "on text it does not learn from";
  $("train-perplexity").textContent = Math.exp(training.loss).toPrecision(3);
  $("train-status").textContent =
    `${info.parameters.toLocaleString("en")} weights, ${info.vocabulary_size} tokens in the vocabulary, ` +
    `${info.training_tokens.toLocaleString("en")} tokens to learn from`;
  draw();
}

const duration = (seconds) => (seconds < 90 ? `${Math.ceil(seconds)} s` : `${Math.round(seconds / 60)} min`);

function draw() {
  if (!training || !isOpen()) return;
  const { history, info } = training;
  $("train-curve").setAttribute(
    "aria-label",
    `The loss after ${training.step} steps: ${training.loss.toFixed(2)} nats per token`,
  );
  drawCurve($("train-curve"), {
    loss: history.steps,
    heldOut: history.heldOut,
    best: training.best,
    levels: levels(info),
    unit: "steps",
  });
}

/** The losses to compare with. */
const levels = ({ uniform_loss, unigram_loss }) => [
  { name: "guessing uniformly", loss: uniform_loss },
  { name: "counting tokens", loss: unigram_loss },
];

async function looked() {
  showSamples();
  draw();
  await showPairs();
}

function showSamples() {
  const { looks } = training.history;
  const items = looks
    .slice(-SAMPLES)
    .reverse()
    .map(({ step, seconds, prompt, sample }) => {
      const item = element("li", "");
      item.append(
        element("small", `step ${step}, ${Math.round(seconds)} s`),
        element("span", prompt, "given"),
        element("span", sample.replace(/\n{2,}/g, "\n")),
      );
      return item;
    });
  $("train-samples").replaceChildren(...items);
}

async function showPairs() {
  try {
    const pairs = await training.trainer.pairs($("train-line").value);
    $("train-pairs").replaceChildren(...pairs.map(pair));
    const mean = pairs.reduce((sum, { nll }) => sum + nll, 0) / pairs.length;
    $("train-pairs-note").textContent =
      `Each token is the input, the next one its target. The loss of this line is ${mean.toFixed(3)}: the mean of −ln p.`;
  } catch (error) {
    if (!["prompt_too_long", "text_too_short"].includes(error.code)) throw error;
    $("train-pairs").replaceChildren();
    $("train-pairs-note").textContent = `This line cannot be shown: ${error.message}.`;
  }
}

function pair({ input, target, nll }) {
  const item = element("li", "");
  const share = Math.exp(-nll);
  item.style.setProperty("--share", `${100 * share}%`);
  item.title = `−ln p = ${nll.toFixed(3)}`;
  const percent = share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toPrecision(2);
  item.append(
    element("span", visible(input), "input"),
    element("span", visible(target), "target"),
    element("small", `${percent} %`),
  );
  return item;
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text; // never as HTML: a model may write anything
  return made;
}

/** A line of the text that is long enough to be of interest, cut between words. */
function firstLine(text) {
  const lines = text
    .replaceAll("<|endoftext|>", "\n")
    .split("\n")
    .map((line) => line.trim());
  const line = lines.find((line) => line.length >= 40) ?? lines.find(Boolean) ?? "";
  return line.length <= 90 ? line : line.slice(0, 90).replace(/\s+\S*$/, "");
}
