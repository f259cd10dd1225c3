// The search view: the passages of a text that are nearest to a question in meaning.

import { ALICE, fetchAlice } from "./alice.js";
import { element, finder, keep, set } from "./dom.js";
import { codeOf } from "./errors.js";
import { count } from "./format.js";
import { Passages, passages } from "./passages.js";
import { droppedText, readText } from "./text-file.js";

/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {import("./passages.js").Unit} Unit */
/** @typedef {import("./search-encoder.js").LoadedEncoder} LoadedEncoder */
/**
 * What makes vectors: an encoder, or a language model in its place.
 *
 * @typedef {{ model: object, embed: (texts: string[]) => Promise<Float32Array[]> }} Embedder
 */
/**
 * @typedef {object} Page
 * @property {() => WorkerGenerator | undefined} model the language model, where one is loaded
 * @property {(error?: unknown) => void} showError
 * @property {typeof import("./search-encoder.js").LoadedEncoder.load} loadEncoder
 */

/** all-MiniLM-L6-v2, 22 million weights in 8 bits. */
const DEFAULT =
  "https://huggingface.co/second-state/All-MiniLM-L6-v2-Embedding-GGUF/resolve/main/all-MiniLM-L6-v2-Q8_0.gguf";
/** How many passages are shown. */
const SHOWN = 8;
/** The largest text that is searched, in bytes. */
const LONGEST = 2e6;
/** How long the reader rests from typing before the search begins, in milliseconds. */
const PAUSE = 250;

export class SearchView {
  #find;
  #page;
  /** @type {LoadedEncoder | undefined} */
  #encoder;
  /** @type {AbortController | undefined} */
  #loading;
  /**
   * What the boxes held when they were last read. A long text is not read anew for every batch of its passages.
   *
   * @type {{ query: string, text: string, unit: Unit }}
   */
  #boxes = { query: "", text: "", unit: "sentences" };
  /**
   * The vectors that each model gave, by their passages: after an edit most are the same.
   *
   * @type {WeakMap<object, Map<string, Float32Array>>}
   */
  #vectors = new WeakMap();
  /**
   * The text, cut and embedded as far as it is.
   *
   * @type {{ model: object, text: string, unit: Unit, passages: Passages } | undefined}
   */
  #index;
  /**
   * The question that was asked last.
   *
   * @type {{ model: object, text: string, vector: Float32Array } | undefined}
   */
  #question;
  /** Whether there is something to answer, whether the boxes are to be read for it, and whether it is being done. */
  #wanted = false;
  #changed = false;
  #busy = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #typing;

  /**
   * @param {Document | HTMLElement} root holds the view, and the choice among views
   * @param {Page} page
   */
  constructor(root, page) {
    const find = (this.#find = finder(root));
    this.#page = page;
    const on = (/** @type {string} */ id, /** @type {string} */ event, /** @type {() => unknown} */ act) =>
      find(id).addEventListener(event, () => this.#attempt(act));
    on("search-load", "click", () => this.#load(DEFAULT));
    on("search-load-url", "click", () => this.#load(address(find("search-url", "input").value)));
    on("search-file", "change", () => this.#loadFile(find("search-file", "input").files?.[0]));
    find("search-cancel").addEventListener("click", () => this.#loading?.abort());
    on("search-alice", "click", async () => this.#take(ALICE.name, await fetchAlice()));
    on("search-text-file", "change", () => this.#takeFile(find("search-text-file", "input").files?.[0]));
    on("search-text", "input", () => this.#typed());
    on("search-query", "input", () => this.#searchSoon());
    for (const id of ["search-sentences", "search-paragraphs"]) on(id, "input", () => this.search());
    on("mode-search", "change", () => this.search());
    // Before the writing view handles it.
    root.addEventListener("keydown", (event) => this.#key(/** @type {KeyboardEvent} */ (event)), true);
    root.addEventListener("drop", (event) => this.#drop(/** @type {DragEvent} */ (event)), true);
  }

  get #isOpen() {
    return this.#find("mode-search", "input").checked;
  }

  /**
   * Runs what the reader asked for, and shows its errors.
   *
   * @param {() => unknown} action
   */
  async #attempt(action) {
    this.#page.showError();
    try {
      await action();
    } catch (error) {
      this.#page.showError(error);
    }
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#isOpen || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.stopPropagation();
    this.#attempt(() => this.search());
  }

  // --- the encoder ---

  /** @param {string | File} source */
  async #load(source) {
    this.#loading?.abort();
    const abort = (this.#loading = new AbortController());
    this.#showProgress(undefined, "");
    try {
      const loaded = await this.#page.loadEncoder(source, abort.signal, (share, text) => {
        if (this.#loading === abort) this.#showProgress(share, text);
      });
      this.#encoder?.free();
      this.#encoder = loaded;
    } catch (error) {
      if (abort.signal.aborted) return;
      throw codeOf(error) === "unsupported_architecture"
        ? new Error("this is no text encoder of an architecture that loads", { cause: error })
        : error;
    } finally {
      if (this.#loading === abort) {
        this.#loading = undefined;
        this.#find("search-progress").hidden = true;
      }
    }
    return this.search();
  }

  /** @param {File | undefined} file */
  #loadFile(file) {
    return file && this.#load(file);
  }

  /**
   * @param {number | undefined} share
   * @param {string} text
   */
  #showProgress(share, text) {
    const bar = this.#find("search-bar", "progress");
    this.#find("search-progress").hidden = false;
    if (share === undefined) bar.removeAttribute("value");
    else bar.value = share;
    this.#find("search-loaded").textContent = text;
  }

  /**
   * What makes the vectors now. A causal model that says nothing of pooling is better by the mean.
   *
   * @returns {Embedder | undefined}
   */
  #embedder() {
    const encoder = this.#encoder;
    if (encoder) return { model: encoder, embed: (texts) => encoder.embed(texts) };
    const model = this.#page.model();
    return model && { model, embed: (texts) => model.embed(texts, { pooling: "mean", truncate: true }) };
  }

  // --- the text ---

  /**
   * @param {string} name
   * @param {string} text
   */
  #take(name, text) {
    this.#find("search-text", "textarea").value = text;
    this.#find("search-source").textContent = name;
    return this.search();
  }

  #typed() {
    this.#find("search-source").textContent = "";
    this.#searchSoon();
  }

  /** @param {File | undefined} file */
  async #takeFile(file) {
    if (file) return this.#take(file.name, await readText(file, LONGEST));
  }

  /** @param {DragEvent} event */
  #drop(event) {
    const file = this.#isOpen ? event.dataTransfer?.files[0] : undefined;
    if (!file) return;
    const text = droppedText(event);
    // A model that is dropped here is an encoder, and no model to write with.
    event.preventDefault();
    event.stopPropagation();
    this.#find("drop").hidden = true;
    this.#attempt(() => (text ? this.#takeFile(text) : this.#load(file)));
  }

  // --- the search ---

  #searchSoon() {
    clearTimeout(this.#typing);
    this.#typing = setTimeout(() => this.search(), PAUSE);
  }

  /** Answers the question in the box, at first of what has vectors already, until the whole text has. */
  async search() {
    clearTimeout(this.#typing);
    this.#wanted = this.#changed = true;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#wanted && this.#isOpen) {
        this.#wanted = false;
        await this.#answer(this.#embedder());
      }
    } catch (error) {
      this.#page.showError(error);
    } finally {
      this.#busy = false;
    }
  }

  /** @param {Embedder | undefined} by */
  async #answer(by) {
    this.#showBy(by);
    if (!by) return this.#show([], "");
    if (this.#changed) this.#read();
    const { query } = this.#boxes;
    if (query === "") return this.#show([], "");
    const { passages } = this.#indexed(by);
    try {
      if (this.#question?.text !== query || this.#question.model !== by.model) {
        const [vector] = await by.embed([query]);
        this.#question = { model: by.model, text: query, vector };
      }
      await passages.step();
    } catch (error) {
      // A model that was replaced meanwhile has nothing more to say.
      if (this.#embedder()?.model === by.model) throw error;
      this.#wanted = true;
      return;
    }
    const { done, total } = passages;
    const all = count(total, "passage");
    const found = passages.nearest(this.#question.vector, SHOWN);
    if (done === total) return this.#show(found, all);
    this.#wanted = true;
    this.#show(found, "", `${done} of ${all}`);
  }

  #read() {
    const text = this.#find("search-text", "textarea").value;
    if (new Blob([text]).size > LONGEST) {
      this.#show([], "");
      throw new Error(`the text is too long: ${LONGEST / 1e6} MB at most are searched`);
    }
    /** @type {Unit} */
    const unit = this.#find("search-sentences", "input").checked ? "sentences" : "paragraphs";
    this.#boxes = { query: this.#find("search-query", "input").value.trim(), text, unit };
    this.#changed = false;
  }

  /**
   * The index of the text that was read, a new one where the text, its cut or the model is another.
   *
   * @param {Embedder} by
   */
  #indexed({ model, embed }) {
    const { text, unit } = this.#boxes;
    const before = this.#index;
    if (before && before.model === model && before.text === text && before.unit === unit) return before;
    const vectors = this.#vectors.get(model) ?? new Map();
    this.#vectors.set(model, vectors);
    return (this.#index = { model, text, unit, passages: new Passages(passages(text, unit), embed, vectors) });
  }

  /** @param {Embedder | undefined} by */
  #showBy(by) {
    const told = this.#encoder
      ? `Searched by ${this.#encoder.name}, a text encoder.`
      : by
        ? "Searched by the language model above. A text encoder is trained for this; a language model is not."
        : "Load a text encoder, or a language model above, which was not trained for this.";
    set(this.#find("search-by"), "textContent", told);
  }

  /**
   * @param {import("./passages.js").Found[]} found
   * @param {string} status is announced
   * @param {string} [progress] is not: it changes with every batch
   */
  #show(found, status, progress = "") {
    set(this.#find("search-embedded"), "textContent", progress);
    set(this.#find("search-status"), "textContent", status);
    const rows = keep(this.#find("search-found"), found.length, emptyRow);
    for (const [row, { text, cosine }] of found.entries()) {
      const [fill, passage, number] = /** @type {Iterable<HTMLElement>} */ (rows[row].children);
      set(fill.style, "width", `${Math.round(1000 * Math.max(0, Math.min(1, cosine))) / 10}%`);
      set(passage, "textContent", text);
      set(number, "textContent", cosine.toFixed(2));
    }
  }
}

/** A passage as it is shown: its bar, its text, and the cosine. */
const emptyRow = () =>
  element("li", "", element("span", "fill"), element("span", "passage"), element("span", "cosine"));

/**
 * The address in a box.
 *
 * @param {string} value
 */
function address(value) {
  const typed = value.trim();
  if (typed === "" || !URL.canParse(typed, location.href)) throw new Error("this is not an address");
  return new URL(typed, location.href).href;
}
