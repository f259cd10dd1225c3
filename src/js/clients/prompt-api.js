// Chrome's Prompt API over a model of one's own. For the documentation see the types.

import { copyOptions } from "../errors.js";
import { isGenerator, isModel, modelOf } from "./local-model.js";
import { inspectModel, loadModel } from "./model.js";
import { LIMITS, domError, promptError, quotaExceeded, readOptions, readPrompt } from "./prompt-api-input.js";
import { MADE, Session } from "./prompt-api-session.js";
import { abortable } from "./queue.js";

/** @typedef {import("./model.js").ClientModel} ClientModel */

/** The steps in which progress is told: more would tell which models the user has. */
const STEP = 1 / 0x10000;

/** Tells the progress of a download, from 0 to 1. */
class Monitor extends EventTarget {
  /** @type {((event: Event) => void) | null} */
  ondownloadprogress = null;
  #told = -1;

  /** @param {number} share */
  tell(share) {
    const loaded = Math.floor(share / STEP) * STEP;
    if (loaded <= this.#told) return;
    this.#told = loaded;
    const details = { loaded, total: 1, lengthComputable: true };
    const event = globalThis.ProgressEvent
      ? new ProgressEvent("downloadprogress", details)
      : Object.assign(new Event("downloadprogress"), details);
    this.ondownloadprogress?.(event);
    this.dispatchEvent(event);
  }
}

/** The model behind all sessions of a class: it is loaded with the first one. */
class Host {
  #source;
  #options;
  #languages;
  #template;
  /** @type {Promise<ClientModel> | undefined} */
  #loading;
  /** @type {ClientModel | undefined} */
  model;
  /** @type {Set<(share: number) => void>} */
  #watching = new Set();

  /**
   * @param {any} source
   * @param {unknown} options
   */
  constructor(source, options) {
    const { languages, chat_template, chat_template_kwargs, ...loading } = copyOptions(options);
    this.#source = source;
    this.#options = loading;
    this.#languages = languages;
    this.#template = { chat_template, chat_template_kwargs };
    if (isGenerator(source) || isModel(source)) this.model = modelOf(source);
  }

  /** @returns {Promise<ClientModel>} */
  #load() {
    if (this.model) return Promise.resolve(this.model);
    const onProgress = (/** @type {{ loaded: number, total?: number }} */ { loaded, total }) => {
      // The end is told once the model is there.
      for (const tell of this.#watching) if (total) tell(Math.min(loaded / total, 1 - STEP));
    };
    this.#loading ??= loadModel(this.#source, { ...this.#options, onProgress }).then(
      (model) => (this.model = model),
      (thrown) => {
        this.#loading = undefined;
        throw thrown;
      },
    );
    return this.#loading;
  }

  /**
   * @param {any} [options]
   * @returns {Promise<"unavailable" | "downloadable" | "downloading" | "available">}
   */
  async availability(options) {
    if (!readOptions(options ?? {}, this.#languages).supported) return "unavailable";
    if (this.model) return "available";
    if (this.#loading) return "downloading";
    try {
      const { supported } = (await inspectModel(this.#source, this.#options)) ?? { supported: true };
      return supported || this.#options.server ? "downloadable" : "unavailable";
    } catch {
      return "unavailable";
    }
  }

  /**
   * Loads the model, and tells its progress to the caller's monitor.
   *
   * @param {any} options
   */
  async #loaded({ monitor, signal }) {
    if (!monitor) return abortable(this.#load(), signal);
    const target = new Monitor();
    monitor(target);
    const tell = (/** @type {number} */ share) => {
      if (!signal?.aborted) target.tell(share);
    };
    this.#watching.add(tell);
    try {
      tell(0);
      const model = await abortable(this.#load(), signal);
      tell(1);
      // Whoever hears of the end may still abort.
      await new Promise((resolve) => setTimeout(resolve));
      return model;
    } finally {
      this.#watching.delete(tell);
    }
  }

  /**
   * @param {typeof Session} Class
   * @param {any} options
   */
  async create(Class, options) {
    const { signal, initialPrompts } = options;
    signal?.throwIfAborted();
    const { supported, sampling } = readOptions(options, this.#languages);
    const messages = initialPrompts && [...initialPrompts].length > 0 ? readPrompt(initialPrompts) : [];
    if (messages.at(-1)?.prefix) throw domError("SyntaxError", "an initial prompt cannot be a prefix");
    if (!supported) throw domError("NotSupportedError", "the model reads and writes text alone, and calls no tools");
    const model = await (await this.#loaded(options)).fork();
    try {
      const window = await model.contextLength();
      const template = this.#template;
      const usage = messages.length > 0 ? await model.count(messages, template) : 0;
      if (usage > window) throw quotaExceeded(usage, window);
      signal?.throwIfAborted();
      const state = { model, template, sampling, window, messages, initial: messages.length, usage };
      return new Class(MADE, state, signal);
    } catch (thrown) {
      model.free();
      throw promptError(thrown, signal ?? new AbortController().signal);
    }
  }
}

/**
 * The class `LanguageModel` for one model; see the types.
 *
 * @param {any} source
 * @param {unknown} [options]
 * @returns {any} typed by hand
 */
export function defineLanguageModel(source, options) {
  const host = new Host(source, options);
  return class LanguageModel extends Session {
    /** @param {any} [options] */
    static create(options) {
      return host.create(LanguageModel, options ?? {});
    }

    /** @param {any} [options] */
    static availability(options) {
      return host.availability(options);
    }

    static async params() {
      return { ...LIMITS };
    }

    get [Symbol.toStringTag]() {
      return "LanguageModel";
    }

    static get backend() {
      return host.model?.backend;
    }

    static get reason() {
      return host.model?.reason;
    }
  };
}
