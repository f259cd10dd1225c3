// The training view: a text, a size, and a model that is trained while one watches.

import { ALICE, fetchAlice } from "./alice.js";
import { download, finder } from "./dom.js";
import { codeOf } from "./errors.js";
import { readText, takeDroppedText } from "./text-file.js";
import { TrainingReport, outcome } from "./train-report.js";
import { forgetTraining, keptTraining } from "./train-store.js";
import { Training } from "./training.js";

/** @typedef {import("./pkg/trainer.js").TrainerConfig} TrainerConfig */
/**
 * What the view needs of the page: `write` loads a trained model and opens the writing view.
 *
 * @typedef {{ showError: (error?: unknown) => void,
 *   write: (name: string, file: Uint8Array<ArrayBuffer>, prompt: string) => Promise<void> }} Page
 */

const OWN = "your text";

export class TrainingView {
  #root;
  #find;
  #page;
  #report;
  #text;
  #status;
  /** @type {Training | undefined} */
  #training;
  #starting = false;
  #source = { name: OWN };

  /**
   * @param {Document | HTMLElement} root holds the view, and the choice among views
   * @param {Page} page
   */
  constructor(root, page) {
    const find = finder(root);
    this.#root = root;
    this.#find = find;
    this.#page = page;
    this.#report = new TrainingReport(root, () => this.#isOpen);
    this.#text = find("train-text", "textarea");
    this.#status = find("train-status");
    find("train").addEventListener("click", () => this.#begin());
    find("train-pause").addEventListener("click", () => this.#training && this.#toggle(this.#training));
    find("train-resume").addEventListener("click", () => this.#resume());
    find("train-forget").addEventListener("click", () => this.#forget());
    find("train-download").addEventListener("click", () => this.#attempt(() => this.#download()));
    find("train-write").addEventListener("click", () => this.#attempt(() => this.#write()));
    find("train-alice").addEventListener("click", () => this.#attempt(() => this.#takeAlice()));
    const file = find("train-file", "input");
    file.addEventListener("change", () => this.#attempt(() => this.#takeFile(file.files?.[0])));
    this.#text.addEventListener("input", () => this.#named(OWN));
    find("train-line").addEventListener("change", () => {
      const training = this.#training;
      if (training) this.#attempt(() => this.#report.showPairs(training));
    });
    find("mode-train").addEventListener("change", () => this.#opened());
    root.addEventListener("keydown", (event) => this.#key(/** @type {KeyboardEvent} */ (event)), true);
    takeDroppedText(
      root,
      () => this.#isOpen,
      (file) => this.#attempt(() => this.#takeFile(file)),
    );
    document.addEventListener("visibilitychange", () => document.hidden && this.#training?.keepSoon());
    new ResizeObserver(() => this.#draw()).observe(find("train-curve"));
    this.#offer();
  }

  #opened() {
    this.#offer();
    this.#draw();
    if (!this.#training && this.#text.value === "") this.#attempt(() => this.#takeAlice());
  }

  get #isOpen() {
    return this.#find("mode-train", "input").checked;
  }

  #draw() {
    if (this.#training) this.#report.draw(this.#training);
  }

  /**
   * Runs the action of a button, and shows its errors.
   *
   * @param {() => unknown} action
   */
  async #attempt(action) {
    this.#page.showError();
    try {
      await action();
    } catch (error) {
      this.#failed(error);
    }
  }

  // --- the text ---

  /**
   * Shows the name and size of a new text, and resets what belonged to the old one.
   *
   * @param {string} name
   * @param {string} [prompt]
   */
  #named(name, prompt = "") {
    this.#source = { name };
    this.#find("train-prompt", "input").value = prompt;
    this.#find("train-line", "input").value = "";
    const bytes = new Blob([this.#text.value]).size;
    this.#find("train-source").textContent = bytes ? `${name}, ${Math.ceil(bytes / 1000)} kB` : "";
  }

  /**
   * @param {string} name
   * @param {string} text
   * @param {string} [prompt]
   */
  #take(name, text, prompt) {
    this.#text.value = text;
    this.#named(name, prompt);
  }

  async #takeAlice() {
    this.#take(ALICE.name, await fetchAlice(), "Alice");
  }

  /** @param {File | undefined} file */
  async #takeFile(file) {
    if (!file) return;
    this.#take(file.name, await readText(file));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#isOpen) return;
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.stopPropagation();
      this.#begin();
    }
    if (event.key === "Escape" && this.#training?.running) this.#pause(this.#training);
  }

  // --- the run ---

  /** @returns {TrainerConfig} */
  #config() {
    const preset = this.#root.querySelector(/** @type {"input"} */ ("input[name=preset]:checked"))?.value;
    const numbers = [...this.#find("train-config").querySelectorAll("input")].filter(({ value }) => value !== "");
    return {
      preset: /** @type {TrainerConfig["preset"]} */ (preset),
      ...Object.fromEntries(numbers.map(({ name, valueAsNumber }) => [name, valueAsNumber])),
    };
  }

  #begin() {
    const text = this.#text.value;
    if (text.trim() === "") {
      return this.#page.showError("there is no text to learn from: paste one, open a file, or take Alice");
    }
    const source = { ...this.#source, text };
    return this.#start("learning the vocabulary …", () => Training.begin(source, this.#config()));
  }

  #resume() {
    return this.#start("going on where it was kept …", async () => {
      const resumed = await Training.resume();
      this.#take(resumed.source.name, resumed.source.text);
      return resumed;
    });
  }

  /**
   * Gets a training from `make` and runs it in place of the current one, which is paused, and only replaced if `make`
   * succeeds.
   *
   * @param {string} saying
   * @param {() => Promise<Training>} make
   */
  async #start(saying, make) {
    if (this.#starting) return;
    this.#starting = true;
    this.#training?.pause();
    this.#showKept(false);
    this.#status.textContent = saying;
    this.#update();
    /** @type {{ training?: Training }} */
    const made = {};
    await this.#attempt(async () => (made.training = await make()));
    this.#starting = false;
    if (!made.training) {
      this.#update();
      return this.#offer();
    }
    this.#training?.free();
    this.#training = made.training;
    this.#report.open(made.training);
    await this.#run(made.training);
  }

  /** @param {Training} training */
  async #run(training) {
    const report = this.#report;
    this.#update(true);
    await this.#attempt(() =>
      training.run({
        prompt: () => this.#find("train-prompt", "input").value,
        stepped: ({ tokens_per_second }) => report.step(training, tokens_per_second),
        looked: () => {
          report.showSamples(training);
          this.#draw();
          return report.showPairs(training);
        },
        kept: (error) => error !== undefined && report.notKept(error),
      }),
    );
    if (training !== this.#training) return;
    this.#update();
    report.paint(training);
    this.#status.textContent = training.complete ? outcome(training) : "It rests, and is kept in this browser.";
  }

  /** @param {Training} training */
  #toggle(training) {
    if (training.running) this.#pause(training);
    else this.#run(training);
  }

  /** @param {Training} training */
  #pause(training) {
    training.pause();
    this.#find("train-pause", "button").disabled = true;
    this.#status.textContent = "finishing the step …";
  }

  /** @param {unknown} error */
  async #failed(error) {
    const code = codeOf(error);
    if (code === "freed") return; // another training took its place
    const gone = code === "crashed" && !this.#starting;
    if (gone) this.#training = undefined;
    this.#status.textContent = "";
    this.#update();
    const tooLarge = code === "out_of_memory" || (code === "crashed" && this.#starting);
    this.#page.showError(
      tooLarge ? "a model of this shape does not fit into the memory of a tab: choose smaller numbers" : error,
    );
    if (gone) await this.#offer();
  }

  // --- what was kept ---

  async #offer() {
    if (this.#training || this.#starting) return;
    const kept = await keptTraining();
    if (this.#training || this.#starting) return;
    this.#showKept(Boolean(kept));
    if (!kept) return;
    const { name, step, steps, loss } = kept;
    this.#find("train-kept-text").textContent =
      `A training was kept: ${name}, step ${step} of ${steps}, loss ${loss.toFixed(2)}. Beginning another replaces it.`;
  }

  /** @param {boolean} kept whether there is a training to go on with, which the choice among views tells, too */
  #showKept(kept) {
    this.#find("train-kept").hidden = !kept;
    this.#find("modes").toggleAttribute("data-kept", kept);
  }

  async #forget() {
    await this.#attempt(forgetTraining);
    this.#showKept(false);
    this.#find("mode-train").focus();
  }

  // --- what becomes of it ---

  async #download() {
    if (!this.#training) return;
    const { name, file } = await bestModel(this.#training);
    download(name, new Blob([file]));
  }

  async #write() {
    const training = this.#training;
    if (!training) return;
    const firstWords = () => training.source.text.trim().split(/\s+/).slice(0, 3).join(" ");
    const prompt = this.#find("train-prompt", "input").value || firstWords();
    const { name, file } = await bestModel(training);
    if (training.running) this.#pause(training);
    await this.#page.write(name, file, prompt);
  }

  #update(running = this.#training?.running) {
    const training = this.#training;
    const [train, pause, write] = ["train", "train-pause", "train-write"].map((id) => this.#find(id, "button"));
    train.disabled = this.#starting;
    train.textContent = training ? "Train anew" : "Train";
    train.classList.toggle("primary", !training);
    pause.disabled = !training || (training.complete && !running);
    pause.textContent = !training || running ? "Pause" : "Go on";
    this.#find("train-download", "button").disabled = write.disabled = !training;
    write.classList.toggle("primary", Boolean(training?.complete && !running));
  }
}

/**
 * The model with the lowest validation loss, with a name for its file.
 *
 * @param {Training} training
 */
async function bestModel({ trainer, source }) {
  // Both are requested at once, so that no step is taken between them.
  const [{ step }, file] = await Promise.all([trainer.best(), trainer.to_gguf()]);
  const title = source.name === OWN ? "own" : source.name.split(/[.(]/)[0];
  const plain = title
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, "-");
  // It was transferred from the worker, so that nothing else has its memory.
  return { name: `${plain}-${step}.gguf`, file: /** @type {Uint8Array<ArrayBuffer>} */ (file) };
}
