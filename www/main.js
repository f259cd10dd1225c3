// The page: it loads a model, runs a prompt or a conversation, and shows each step of the loop.

import { WorkerGenerator } from "./pkg/index.js";
import { isolate } from "./pkg/isolate.js";
import { Answers } from "./answers.js";
import { CatalogueView } from "./catalogue.js";
import { Chat } from "./chat.js";
import { finder } from "./dom.js";
import { takeDropped } from "./drop.js";
import { codeOf, messageOf } from "./errors.js";
import { forecastText, loadingText, modelText } from "./format.js";
import { GuessView } from "./guess.js";
import { InsideView } from "./inside.js";
import { named } from "./link.js";
import { ShareView } from "./share.js";
import { Microscope } from "./microscope.js";
import { collectGarbage, forgetOthers } from "./model-cache.js";
import { Narration } from "./narration.js";
import { SERVICE_WORKER, setUpOffline } from "./offline.js";
import { ScoreView } from "./score.js";
import { LoadedEncoder } from "./search-encoder.js";
import { SearchView } from "./search.js";
import { Sliders } from "./sliders.js";
import { SAMPLE, openNamed, openSample, openStories, openUrl } from "./sources.js";
import { SpeedLine } from "./speed.js";
import { StepView } from "./stages.js";
import { TrainingView } from "./train.js";
import { FinetuneView } from "./tune.js";

/** @typedef {import("./pkg/index.js").Token} Token */
/** @typedef {import("./pkg/index.js").LoadProgress} Loaded */
/** @typedef {import("./sources.js").Opened} Opened */

const $ = finder(document);
$("unstarted").remove();
/** @type {WorkerGenerator | undefined} */
let generator;
/**
 * Aborts the load that is running.
 *
 * @type {AbortController | undefined}
 */
let loading;
/**
 * Settles when that load has ended.
 *
 * @type {Promise<void> | undefined}
 */
let ended;
let writing = false;
/** Whether the running work should stop after its step. */
let stopping = false;
/** @type {Promise<void> | undefined} */
let running;
let canChat = false;
/**
 * Opens the file of the loaded model once more.
 *
 * @type {((signal: AbortSignal) => Opened | Promise<Opened>) | undefined}
 */
let reopen;

// --- the model ---

/**
 * Loads the source that `opened` resolves to, after a load that is running: a file may be dropped during the first.
 *
 * @param {string} name
 * @param {(signal: AbortSignal) => Opened | Promise<Opened>} opened
 * @param {import("./branches.js").Origin} [origin] undefined where no link can name it
 */
async function load(name, opened, origin) {
  while (loading) await ended;
  const abort = (loading = new AbortController());
  /** @type {(nothing: void) => void} */
  let end = () => {};
  ended = new Promise((resolve) => (end = resolve));
  showError();
  const before = generator ? $("model-status").textContent : "No model is loaded.";
  $("progress").hidden = false;
  $("bar").removeAttribute("value");
  $("loaded").textContent = "";
  $("model-status").textContent = `Loading ${name} …`;
  update();
  /** @type {Opened | undefined} */
  let found;
  /** @type {WorkerGenerator | undefined} */
  let loaded;
  try {
    await stop();
    found = await opened(abort.signal);
    const { source } = found;
    const progress = "progress" in found ? found.progress.bind(found) : (/** @type {Loaded} */ told) => told;
    // The old model is freed first: two may not fit into memory.
    microscope.release();
    generator?.free();
    generator = undefined;
    const onProgress = (/** @type {Loaded} */ told) => showProgress(progress(told));
    loaded = await WorkerGenerator.load(source, { signal: abort.signal, onProgress });
    await found.settle?.();
    const notice = "not_kept" in found ? found.not_kept : undefined;
    found = undefined;
    const info = named(await loaded.info(), name, origin);
    generator = loaded;
    reopen = opened;
    loaded = undefined;
    microscope.model = info;
    microscope.origin = origin && { ...origin, sha256: notice ? undefined : origin.sha256 };
    canChat = info.chat_templates.length > 0;
    chat.clear();
    $("model-status").textContent = `${modelText(info)}${notice ? ` ${sentence(notice)}` : ""}`;
  } catch (error) {
    loaded?.free();
    // The old model is still there if the new one could not even be opened.
    const now = generator ? before : "No model is loaded.";
    $("model-status").textContent = abort.signal.aborted ? `Loading was cancelled. ${now}` : now;
    if (!abort.signal.aborted) showError(error);
    // Ends the download, whose rest is not needed.
    abort.abort();
    await found?.settle?.(error);
  } finally {
    loading = undefined;
    $("progress").hidden = true;
    update();
    end();
  }
  void searching.search();
  await share.show();
}

/** @param {Loaded} progress */
function showProgress(progress) {
  if (progress.total) $("bar", "progress").value = progress.loaded / progress.total;
  $("loaded").textContent = loadingText(progress);
}

/** @param {import("./pkg/index.js").Inspection} inspection */
function foretell(inspection) {
  if (loading) $("model-status").textContent += ` ${forecastText(inspection)}`;
}

// --- the loop ---

const chat = new Chat(document);
const sliders = new Sliders(document);
const narration = new Narration($("loop"));
const stepView = new StepView(document, () => $("text").focus());
const answers = new Answers($("messages"), {
  get busy() {
    return writing;
  },
  get stopping() {
    return stopping;
  },
  options: () => sliders.options(),
  step: stepView,
  read: (used) => read(used, $("chat-speed")),
  speed: new SpeedLine($("chat-speed")),
});
const microscope = new Microscope(document, {
  alone,
  get busy() {
    return writing;
  },
  get stopping() {
    return stopping;
  },
  read: (used) => read(used, $("speed")),
  speed: new SpeedLine($("speed")),
  live: () => (chatting() ? generator?.configure(sliders.options()) : microscope.reconfigure())?.catch(showError),
  fail: showError,
  looked: () => inside.update(),
  get adapters() {
    return tuning.adapters;
  },
  sliders,
  narration,
  step: stepView,
});

const inside = new InsideView(document, {
  microscope,
  get busy() {
    return writing || Boolean(loading);
  },
  showError,
});

const tuning = new FinetuneView(document, {
  get model() {
    return loading ? undefined : generator;
  },
  get open() {
    return reopen;
  },
  /** @returns {string | undefined} */
  get architecture() {
    return microscope.model?.architecture;
  },
  get canChat() {
    return canChat;
  },
  get stopping() {
    return stopping;
  },
  options: () => sliders.options(),
  showError,
  stop,
  alone: (work) =>
    alone((used) => {
      microscope.release();
      return work(used);
    }),
});

const share = new ShareView(document, {
  microscope,
  catalogue: new CatalogueView(document, (model) =>
    load(model.title, (signal) => openNamed(model, signal, showProgress, foretell), {
      key: model.url,
      sha256: model.sha256,
    }),
  ),
  get origin() {
    return generator && !loading ? microscope.origin : undefined;
  },
  get stopping() {
    return stopping;
  },
  show() {
    $("mode-write", "input").checked = true;
    showMode();
  },
  async write(work) {
    // Another link may have begun to write meanwhile.
    while (writing) await stop();
    return alone(work);
  },
});

const ready = () => generator && !writing && !loading;
const write = () => alone((used) => microscope.write(used, $("prompt", "textarea").value));
const goOn = () => microscope.canGoOn && alone(() => microscope.goOn());
const step = () => microscope.canStep && alone((used) => microscope.step(used, $("prompt", "textarea").value));

function say() {
  if (!ready()) return;
  return chat.send((into, seen) => alone((used) => answer(used, into, seen)));
}

/**
 * Runs the model's answer to the conversation.
 *
 * @param {WorkerGenerator} used
 * @param {HTMLElement} into
 * @param {(tokens: Token[], show: () => void) => void} seen called with some tokens at a time, and what shows them
 */
async function answer(used, into, seen) {
  microscope.release();
  narration.silence();
  stepView.clear();
  const { seed } = await used.chat(chat.conversation, { ...sliders.options(), ...tuning.adapters });
  await answers.write(used, seed, into, seen);
}

/**
 * Runs `work` with the model, if nothing else is running, and shows its errors. Resolves to whether it succeeded.
 *
 * @param {(used: WorkerGenerator) => unknown} work
 */
async function alone(work) {
  const used = generator;
  if (!used || !ready()) return false;
  writing = true;
  stopping = false;
  showError();
  update();
  /** @type {(nothing: void) => void} */
  let done = () => {};
  running = new Promise((resolve) => (done = resolve));
  try {
    await work(used);
    return true;
  } catch (error) {
    // An error because another model replaced this one is not shown.
    if (used === generator) showError(error);
    if (codeOf(error) === "crashed") {
      generator = undefined;
      $("model-status").textContent = "No model is loaded.";
    }
    return false;
  } finally {
    writing = false;
    narration.phase();
    update();
    done();
    microscope.idle();
  }
}

/**
 * Runs the prompt.
 *
 * @param {WorkerGenerator} used
 * @param {HTMLElement} status
 */
async function read(used, status) {
  narration.phase("encode");
  for (let done = 0, total = 1; done < total && !stopping;) {
    narration.phase("run");
    ({ done, total } = await used.prefill());
    status.textContent = `reading the prompt: ${done} of ${total} tokens`;
  }
}

/** Stops the running work after its step. */
async function stop() {
  stopping = true;
  if (writing) await running;
}

// --- what is shown ---

function update() {
  for (const id of ["write", "send"]) $(id, "button").disabled = !ready();
  for (const id of ["stop", "chat-stop"]) $(id, "button").disabled = !writing;
  // These are not disabled but marked, because a disabled button would lose the focus and could not be pressed again.
  $("step").setAttribute("aria-disabled", String(!ready() || !microscope.canStep));
  $("go-on").setAttribute("aria-disabled", String(!ready() || !microscope.canGoOn));
  $("new-chat", "button").disabled = writing;
  for (const id of ["mode-write", ...OWN_VIEWS]) $(id, "input").disabled = writing;
  const modeChat = $("mode-chat", "input");
  modeChat.disabled = writing || !(generator && canChat);
  if (modeChat.parentElement) {
    modeChat.parentElement.title = generator && !canChat ? "This model has no chat template." : "";
  }
  showMode();
  inside.update();
  tuning.update();
  for (const id of ["load-stories", "load-sample", "load-catalogue", "load-url"]) {
    $(id, "button").disabled = Boolean(loading);
  }
  for (const id of ["file", "url"]) $(id, "input").disabled = Boolean(loading);
}

/** The choices with a view of their own. */
const OWN_VIEWS = ["mode-score", "mode-guess", "mode-search", "mode-train", "mode-tune"];
const chatting = () => $("mode-chat", "input").checked;

function showMode() {
  const ownView = OWN_VIEWS.some((id) => $(id, "input").checked);
  if (!ownView) {
    if (generator && !canChat) $("mode-write", "input").checked = true;
    for (const id of ["prompting", "writing", "inside"]) $(id).hidden = chatting();
    $("chat").hidden = !chatting();
  }
  document.body.dataset.mode = $("modes").querySelector("input:checked")?.getAttribute("value") ?? "write";
}

/** @param {unknown} [error] */
function showError(error) {
  $("error").hidden = !error;
  $("error").textContent = error ? sentence(error) : "";
}

/** @param {unknown} error */
function sentence(error) {
  const text = messageOf(error);
  return text && `${text[0].toUpperCase()}${text.slice(1)}.`.replace(/\.\.$/, ".");
}

// --- what the reader does ---

$("load-stories").addEventListener("click", loadStories);
$("load-sample").addEventListener("click", () =>
  load("SmolLM2-135M", (signal) => openSample(signal, showProgress), { key: "sample", sha256: SAMPLE.sha256 }),
);
$("load-url").addEventListener("click", loadUrl);
$("url").addEventListener("keydown", (event) => event.key === "Enter" && loadUrl());
$("file").addEventListener("change", () => loadFiles($("file", "input").files));
$("cancel").addEventListener("click", () => loading?.abort());
$("write").addEventListener("click", write);
$("go-on").addEventListener("click", goOn);
$("step").addEventListener("click", step);
$("prompt").addEventListener("input", update);
$("stop").addEventListener("click", stop);
$("send").addEventListener("click", say);
$("chat-stop").addEventListener("click", stop);
$("new-chat").addEventListener("click", () => {
  chat.clear();
  $("say").focus();
});
$("say").addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.ctrlKey || event.metaKey || event.isComposing) return;
  event.preventDefault();
  say();
});
$("modes").addEventListener("change", showMode, true); // before the views look at their size

function loadStories() {
  return load("the storyteller", openStories, { key: "stories" });
}

function loadUrl() {
  const address = $("url", "input").value.trim();
  if (!URL.canParse(address, location.href) || address === "") return showError("this is not an address");
  const url = new URL(address, location.href).href;
  // A query may hold a signature, which is nobody else's business.
  const { origin, pathname } = new URL(url);
  const opened = (/** @type {AbortSignal} */ signal) => openUrl(url, signal, showProgress, foretell);
  return load(url.split("/").at(-1) ?? url, opened, { key: origin + pathname }).then(() => forgetOthers(url));
}

/**
 * Loads one file, or the parts of one model.
 *
 * @param {FileList | null | undefined} files
 */
function loadFiles(files) {
  if (!files?.length) return;
  const all = [...files];
  load(all[0].name, () => ({ source: all.length > 1 ? all : all[0] }), { key: all[0].name, files: all });
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) void (chatting() ? say() : write());
  if (event.key === "Escape") stop();
});

takeDropped(document, loadFiles);

$("reload").addEventListener("click", () => location.reload());
setUpOffline(() => ($("newer").hidden = false));
collectGarbage();
update();
share.read();
begin();

/** Loads the storyteller, so that there is something to read at once. */
async function begin() {
  const idle = () => !loading && !generator;
  // Threads need headers, which the service worker adds where the server does not send them. The page is loaded again
  // for that before it has begun anything.
  const reload = () => idle() && !navigator.userActivation?.hasBeenActive;
  const { state } = await isolate({ worker: SERVICE_WORKER, reload });
  if (state !== "reloading" && idle()) await loadStories();
}

const inSight = (/** @type {IntersectionObserverEntry[]} */ entries) =>
  (stepView.inSight = entries[entries.length - 1].isIntersecting);
new IntersectionObserver(inSight).observe($("step-view"));

const scoring = { model: () => (loading ? undefined : generator), name: () => microscope.model?.name, showError };
new ScoreView(document, scoring);
new GuessView(document, scoring);
const searching = new SearchView(document, { ...scoring, loadEncoder: LoadedEncoder.load });
new TrainingView(document, {
  showError,
  /** Loads the trained model and opens the writing view. */
  async write(name, file, prompt) {
    await load(name, () => ({ source: file }));
    $("mode-write", "input").checked = true;
    showMode();
    $("prompt", "textarea").value = prompt;
    $("prompt").dispatchEvent(new Event("input"));
    $("prompt").focus();
  },
});
