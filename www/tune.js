// The fine-tuning view: the loaded model learns an adapter, and answers without it and with it, side by side.

import { drawCurve } from "./curve.js";
import { download, finder } from "./dom.js";
import { codeOf, messageOf } from "./errors.js";
import { count, percent } from "./format.js";
import { stream } from "./stream.js";
import { readText, takeDroppedText } from "./text-file.js";
import { Tuning, isConversations } from "./tuning.js";

/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {import("./sources.js").Opened} Opened */
/**
 * What the view needs of the page: the loaded model, where it came from, its architecture and whether it can chat; the
 * options of the sampler; and `alone`, which runs `work` with the model if nothing else uses it, and resolves to whether it
 * succeeded, and `stop`, after which `stopping` tells the work to end.
 *
 * @typedef {{ readonly model: WorkerGenerator | undefined, readonly architecture: string | undefined,
 *   readonly canChat: boolean, readonly stopping: boolean,
 *   readonly open: ((signal: AbortSignal) => Opened | Promise<Opened>) | undefined,
 *   options: () => import("./sliders.js").Options, showError: (error?: unknown) => void,
 *   alone: (work: (used: WorkerGenerator) => unknown) => Promise<boolean>, stop: () => unknown }} Page
 */

const PIRATE = "pirate.jsonl";
/** The architectures of the models that can be fine-tuned. */
const TUNABLE = ["llama", "qwen2"];
/** The name by which texts choose the adapter. */
const NAME = "tuned";
/** The most tokens of an answer that is compared, and its seed where none is set. */
const ANSWER = { max_tokens: 60, seed: 1 };

export class FinetuneView {
  #find;
  #page;
  #text;
  /** @type {Tuning | undefined} */
  #tuning;
  /**
   * Calls off the load of the model.
   *
   * @type {AbortController | undefined}
   */
  #loading;
  /** @type {Uint8Array<ArrayBuffer> | undefined} */
  #adapter;
  /**
   * The model that has the adapter.
   *
   * @type {WorkerGenerator | undefined}
   */
  #adapted;
  /**
   * The fine-tuning whose curve is shown.
   *
   * @type {Tuning | undefined}
   */
  #drawn;
  /** Whether one runs, from the press of its button to the end. */
  #running = false;
  /** Whether the two answers are being written. */
  #asking = false;
  /** The sample as it was last put into the box. */
  #sample = "";
  /** When the numbers were last written. */
  #painted = 0;

  /**
   * @param {Document | HTMLElement} root holds the view, the choice among views, and the switch of the adapter
   * @param {Page} page
   */
  constructor(root, page) {
    const find = finder(root);
    this.#find = find;
    this.#page = page;
    this.#text = find("tune-text", "textarea");
    find("tune").addEventListener("click", () => this.#begin());
    find("tune-stop").addEventListener("click", () => this.#stop());
    find("tune-ask").addEventListener("click", () => this.#ask());
    find("tune-download").addEventListener("click", () => this.#download());
    find("tune-pirate").addEventListener("click", () => this.#attempt(() => this.#takePirate()));
    const file = find("tune-file", "input");
    file.addEventListener("change", () => this.#attempt(() => this.#takeFile(file.files?.[0])));
    find("mode-tune").addEventListener("change", () => this.#opened());
    root.addEventListener("keydown", (event) => this.#key(/** @type {KeyboardEvent} */ (event)), true);
    takeDroppedText(
      root,
      () => this.#isOpen,
      (file) => this.#attempt(() => this.#takeFile(file)),
    );
    new ResizeObserver(() => this.#draw()).observe(find("tune-curve"));
  }

  get #isOpen() {
    return this.#find("mode-tune", "input").checked;
  }

  /** The adapters of a text that begins now, as an option of it; none where the switch is off. */
  get adapters() {
    const isOn = this.#hasAdapter && this.#find("adapter-on", "input").checked;
    return isOn ? { adapters: { [NAME]: 1 } } : {};
  }

  get #hasAdapter() {
    return this.#adapted !== undefined && this.#adapted === this.#page.model;
  }

  get #canAsk() {
    return this.#hasAdapter && !this.#running && !this.#asking;
  }

  /** To be called when another model is loaded: the adapter is for the one before, and can only be downloaded now. */
  update() {
    this.#find("adapter").hidden = !this.#hasAdapter;
    this.#find("tune-answers").hidden = !this.#hasAdapter;
    this.#find("tune", "button").disabled = this.#running || !this.#page.model;
    this.#find("tune-stop", "button").disabled = !this.#tuning && !this.#loading && !this.#asking;
    this.#find("tune-download", "button").disabled = !this.#adapter;
    this.#find("tune-ask", "button").disabled = !this.#canAsk;
  }

  #opened() {
    this.#draw();
    if (this.#isUntouched) this.#attempt(() => this.#takePirate(false));
  }

  /**
   * Runs the action of a button, and shows its errors. Resolves to what it resolves to.
   *
   * @template Result
   * @param {() => Result} action
   */
  async #attempt(action) {
    this.#page.showError();
    try {
      return await action();
    } catch (error) {
      this.#page.showError(error);
    }
  }

  // --- what is to be learnt ---

  /** Whether nothing but the sample has been put into the box. */
  get #isUntouched() {
    return ["", this.#sample].includes(this.#text.value);
  }

  /**
   * Takes the sample: conversations, or for a model that cannot chat the answers in them.
   *
   * @param {boolean} replaces whether it takes the place of what was written meanwhile
   */
  async #takePirate(replaces = true) {
    const response = await fetch(new URL(PIRATE, location.href));
    if (!response.ok) throw new Error(`the lines could not be loaded: the server answered ${response.status}`);
    const lines = await response.text();
    if (!replaces && !this.#isUntouched) return;
    this.#text.value = this.#sample = this.#page.canChat ? lines : answersIn(lines);
  }

  /** @param {File | undefined} file */
  async #takeFile(file) {
    if (file) this.#text.value = await readText(file);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#isOpen) return;
    const asks = event.target === this.#find("tune-prompt");
    if (event.key === "Enter" && (asks || event.ctrlKey || event.metaKey) && !event.isComposing) {
      // It writes in other views.
      event.stopPropagation();
      if (asks) this.#ask();
      else this.#begin();
    }
    if (event.key === "Escape") this.#stop();
  }

  #config() {
    const numbers = [...this.#find("tune-config").querySelectorAll("input")].filter(({ value }) => value !== "");
    return Object.fromEntries(numbers.map(({ name, valueAsNumber }) => [name, valueAsNumber]));
  }

  // --- the run ---

  /** Has the model learn, and then answer with what it has learnt. */
  async #begin() {
    if (this.#running) return;
    this.#running = true;
    this.update();
    const learnt = await this.#attempt(() => this.#run());
    this.#running = false;
    this.update();
    if (!learnt) return;
    // Afterwards, so that another run may begin meanwhile, and be stopped. In another view there may be a text, which would
    // lose the model to the answers.
    if (this.#isOpen) await this.#ask();
    else this.#say(`${this.#find("tune-status").textContent} “Ask both” shows what it has learnt.`);
  }

  /** Resolves to whether the model has a new adapter. */
  async #run() {
    const { open, model } = this.#page;
    if (!open || !model) return false;
    this.#check();
    try {
      const tuning = (this.#tuning = await this.#load(open));
      return tuning !== undefined && (await this.#follow(tuning, model));
    } finally {
      this.#tuning = undefined;
    }
  }

  /** Refuses what the loaded model cannot learn, before it is read once more. */
  #check() {
    const { architecture = "", canChat } = this.#page;
    if (this.#text.value.trim() === "") {
      throw new Error("there is nothing to learn: write examples, or take the pirate's");
    }
    if (!TUNABLE.includes(architecture)) {
      throw new Error(`a model of the architecture ${architecture} cannot be fine-tuned, only ${TUNABLE.join(" or ")}`);
    }
    if (isConversations(this.#text.value) && !canChat) {
      throw new Error(
        "this model has no chat template, so that it cannot learn conversations: load one that can chat, such as " +
          "SmolLM2-135M, or give it a plain text, such as the pirate's lines, which it gets without the questions",
      );
    }
  }

  /**
   * Reads the model for a fine-tuning. Resolves to undefined where it was stopped.
   *
   * @param {(signal: AbortSignal) => Opened | Promise<Opened>} open
   */
  async #load(open) {
    const { signal } = (this.#loading = new AbortController());
    this.#say("reading the model once more …");
    this.update();
    const read = this.#find("tune-read");
    // Beside the status, of which every change is spoken.
    const onProgress = (/** @type {import("./pkg/index.js").LoadProgress} */ { loaded, total }) =>
      (read.textContent = total ? percent(loaded / total) : "");
    try {
      return await Tuning.begin(open, this.#text.value, this.#config(), signal, onProgress);
    } catch (error) {
      // Whatever the stop has led to: some errors of the browser have no code of their own.
      this.#say(signal.aborted ? "Stopped." : "");
      if (signal.aborted) return undefined;
      throw ofLoad(error);
    } finally {
      this.#loading = undefined;
      read.textContent = "";
    }
  }

  /**
   * Shows the steps of a fine-tuning, and gives its adapter to the model. Resolves to whether it has one.
   *
   * @param {Tuning} tuning
   * @param {WorkerGenerator} model
   */
  async #follow(tuning, model) {
    const { info } = tuning;
    this.#find("tune-result").hidden = false;
    this.#say(
      `${info.parameters.toLocaleString("en")} numbers in the adapter; ${count(info.training_sequences, "sequence")} ` +
        `to learn from, ${info.held_out_sequences} held out`,
    );
    this.#paint(tuning);
    this.update();
    const { adapter, failure } = await tuning.run((step) => {
      this.#find("tune-speed").textContent = String(Math.round(step.tokens_per_second));
      if (performance.now() - this.#painted > 100) this.#paint(tuning);
    });
    this.#tuning = undefined;
    this.#paint(tuning);
    this.#say(adapter || !failure ? outcome(tuning) : "");
    this.#adapter = adapter ?? this.#adapter;
    this.update();
    if (adapter && model === this.#page.model) {
      await model.load_adapter(adapter, { name: NAME });
      this.#adapted = model;
    }
    if (failure) throw failure;
    return Boolean(adapter && this.#hasAdapter);
  }

  #stop() {
    this.#loading?.abort();
    this.#tuning?.stop();
    if (this.#tuning) this.#say("finishing the step …");
    if (this.#asking) this.#page.stop();
  }

  // --- what is shown ---

  /** @param {string} text */
  #say(text) {
    this.#find("tune-status").textContent = text;
  }

  /** @param {Tuning} tuning */
  #paint(tuning) {
    this.#painted = performance.now();
    const { info, history, step, best } = tuning;
    this.#find("tune-bar", "progress").value = step / info.steps;
    for (const [id, text] of Object.entries({
      step: String(step),
      steps: `of ${info.steps}`,
      loss: history.steps.at(-1)?.[1].toFixed(3) ?? "",
      "held-out": history.heldOut.at(-1)?.[1].toFixed(3) ?? "",
      best: `best: ${best[1].toFixed(3)}, after step ${best[0]}`,
    })) {
      this.#find(`tune-${id}`).textContent = text;
    }
    this.#drawn = tuning;
    this.#draw();
  }

  #draw() {
    const tuning = this.#drawn;
    if (!tuning || !this.#isOpen) return;
    const { history, info, best, step } = tuning;
    const curve = /** @type {SVGSVGElement} */ (/** @type {Element} */ (this.#find("tune-curve")));
    const loss = history.heldOut.at(-1)?.[1] ?? info.base_loss;
    curve.setAttribute(
      "aria-label",
      `The loss after ${step} steps: ${loss.toFixed(2)} nats per token on what is held out`,
    );
    const levels = [{ name: "the model as it was", loss: info.base_loss }];
    drawCurve(curve, { loss: history.steps, heldOut: history.heldOut, best, levels, unit: "steps" });
  }

  // --- before and after ---

  /** Shows what the model answers without the adapter and with it. */
  async #ask() {
    if (!this.#canAsk) return;
    this.#asking = true;
    this.update();
    await this.#page.alone((used) => this.#answer(used));
    this.#asking = false;
    this.update();
  }

  /**
   * Has the model answer without the adapter and with it, by the same seed.
   *
   * @param {WorkerGenerator} used
   */
  async #answer(used) {
    const page = this.#page;
    const prompt = this.#find("tune-prompt", "input").value;
    const options = { ...ANSWER, ...page.options(), record: undefined, max_tokens: ANSWER.max_tokens };
    const places = [this.#find("tune-before"), this.#find("tune-after")];
    for (const place of places) place.textContent = "";
    for (const [index, place] of places.entries()) {
      if (page.stopping) return;
      const asked = { ...options, adapters: { [NAME]: index } };
      if (page.canChat) await used.chat([{ role: "user", content: prompt }], asked);
      else await used.start(prompt, asked);
      for await (const token of stream(used, () => page.stopping)) place.append(token.text);
    }
  }

  #download() {
    if (this.#adapter) download("adapter.gguf", new Blob([this.#adapter]));
  }
}

/**
 * The last message of each conversation, one a line.
 *
 * @param {string} lines conversations
 */
function answersIn(lines) {
  const answers = lines
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).messages.at(-1).content);
  return `${answers.join("\n")}\n`;
}

/**
 * What to show of an error of the load. One for want of memory may tell only that the worker is gone.
 *
 * @param {unknown} error
 */
function ofLoad(error) {
  if (!["out_of_memory", "crashed"].includes(codeOf(error) ?? "")) return error;
  const reason = "the weights of this model, four bytes each, may not fit into the memory of a tab";
  return new Error(`${reason}: ${messageOf(error)}`);
}

/**
 * What has become of a fine-tuning.
 *
 * @param {Tuning} tuning
 */
function outcome({ best: [step, loss], history }) {
  if (step > 0) return `The best state is kept, that after step ${step}: held-out loss ${loss.toFixed(3)}.`;
  if (history.heldOut.length === 1) return "Stopped before the first look at what is held out: nothing is kept.";
  return "No step made the held-out loss lower: it needs more steps, more text, or another learning rate.";
}
