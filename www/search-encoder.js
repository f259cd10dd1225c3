// The encoder of the search view: from the model hub, an address or a file.

import { loadingText } from "./format.js";
import { open } from "./model-cache.js";

/** @typedef {import("./pkg/encoder.js").WorkerEncoder} WorkerEncoder */
/** @typedef {import("./pkg/index.js").LoadProgress} LoadProgress */

/** A loaded encoder, and what it says of itself. */
export class LoadedEncoder {
  #encoder;

  /**
   * @param {WorkerEncoder} encoder
   * @param {string} name
   */
  constructor(encoder, name) {
    this.#encoder = encoder;
    this.name = name;
  }

  /**
   * Loads an encoder. What comes from an address is kept on the device.
   *
   * @param {string | File} source
   * @param {AbortSignal} signal
   * @param {(share: number | undefined, text: string) => void} show tells how far it is
   */
  static async load(source, signal, show) {
    const tell = (/** @type {LoadProgress} */ progress) =>
      show(progress.total && progress.loaded / progress.total, loadingText(progress));
    const encoder = await start(source, signal, tell);
    try {
      const { name } = await encoder.info();
      // It may have been called off once all was read.
      signal.throwIfAborted();
      const file = typeof source === "string" ? new URL(source).pathname.split("/").at(-1) : source.name;
      return new LoadedEncoder(encoder, name ?? file ?? "an encoder");
    } catch (error) {
      encoder.free();
      throw error;
    }
  }

  /** @param {string[]} texts */
  embed(texts) {
    return this.#encoder.embed(texts, { truncate: true });
  }

  free() {
    this.#encoder.free();
  }
}

/**
 * @param {string | File} source
 * @param {AbortSignal} signal
 * @param {(progress: LoadProgress) => void} tell
 */
async function start(source, signal, tell) {
  const found = typeof source === "string" ? await open(source, signal, tell) : undefined;
  try {
    const onProgress = (/** @type {LoadProgress} */ progress) => tell(found ? found.progress(progress) : progress);
    const { WorkerEncoder } = await import("./pkg/encoder.js");
    // What one address gives is one file.
    const given = /** @type {import("./pkg/encoder.js").EncoderSource} */ (found ? found.source : source);
    const encoder = await WorkerEncoder.load(given, { signal, onProgress });
    await found?.settle();
    return encoder;
  } catch (error) {
    await found?.settle(error);
    throw error;
  }
}
