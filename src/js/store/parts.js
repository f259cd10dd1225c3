// A model in several files on its way to the engine, which reads the headers of all parts before the rest of any. So all
// are stored first, one after the other. A part that neither the device nor the memory has room for is left to the engine to
// download.

import { makeError } from "../errors.js";
import { StoredFile } from "./file.js";
import { folderFor } from "./entry.js";

/** @typedef {import("./file.js").Progress} Progress */
/** @typedef {import("./file.js").Loaded} Loaded */
/** @typedef {{ request: Request, sha256?: string }} Part */

export class StoredParts {
  /** @type {StoredFile[]} */
  #files = [];
  /** The bytes of the parts before the current one. */
  #before = 0;
  /** @type {(Blob | Request)[]} */
  source = [];
  /** @type {unknown} */
  failure;

  /**
   * Reads all parts into the store.
   *
   * @param {Part[]} parts
   * @param {import("./overflow.js").Overflow} backend
   * @param {import("./file.js").Settings} settings
   */
  static async open(parts, backend, settings) {
    const model = new StoredParts();
    model.source = parts.map(({ request }) => request);
    // In the same order in all tabs, so that no two wait for each other.
    const order = parts.map(({ request }, index) => ({ index, folder: folderFor(request.url) }));
    order.sort((one, other) => (one.folder < other.folder ? -1 : 1));
    try {
      for (const { index } of order) {
        const { request, sha256 } = parts[index];
        const blob = await model.#store(request, backend, { ...settings, sha256 });
        if (blob) model.source[index] = blob;
      }
      return model;
    } catch (error) {
      await model.settle(error);
      throw settings.signal?.aborted ? makeError("aborted", "aborted") : error;
    }
  }

  /**
   * @param {Request} request
   * @param {import("./overflow.js").Overflow} backend
   * @param {import("./file.js").Settings} settings
   */
  async #store(request, backend, { onProgress, ...settings }) {
    const forPart = (/** @type {Progress} */ progress) =>
      onProgress?.({ ...progress, loaded: this.#before + progress.loaded, total: undefined });
    const file = await StoredFile.open(request, backend, { ...settings, onProgress: forPart });
    this.#files.push(file);
    let loaded = 0;
    const reader = /** @type {ReadableStream<Uint8Array>} */ (file.source.body).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      if (file.passes) {
        await reader.cancel();
        break;
      }
      loaded += value.length;
      forPart(file.progress({ loaded, total: file.total }));
    }
    this.#before += loaded;
    return file.blob();
  }

  /**
   * What the engine reports once all parts are there.
   *
   * @param {Loaded} loaded
   * @returns {Progress}
   */
  progress(loaded) {
    const resumed = this.#files.reduce((bytes, file) => bytes + file.resumed, 0);
    return { ...loaded, state: "stored", resumed, not_kept: this.not_kept };
  }

  /** The notice that some part will not be kept. */
  get not_kept() {
    return this.#files.find((file) => file.not_kept)?.not_kept;
  }

  /**
   * Keeps all parts, or with an error what came of them.
   *
   * @param {unknown} [error]
   */
  async settle(error) {
    await Promise.all(this.#files.map((file) => file.settle(error)));
  }
}
