// Loads a model through a store, on either thread.

import { invalidOption, makeError } from "../errors.js";
import { loading } from "../source.js";
import { ModelStore, store } from "./model-store.js";

/** @typedef {import("./file.js").Progress} Progress */

/**
 * @template Loaded
 * @param {(source: any, options: object) => Promise<Loaded>} load loads it from what the store gives
 * @param {any} source
 * @param {Record<string, any>} given the options of the load
 * @returns {Promise<Loaded>}
 */
export async function loadStored(load, source, { store: asked, sha256, ...given }) {
  const models = asked === true ? store : asked;
  if (!(models instanceof ModelStore)) throw invalidOption("store", "must be true, or a ModelStore");
  const { onProgress, signal, timeout } = loading(given);
  /** @type {Progress} */
  let last = { loaded: 0, total: undefined, state: "stored", resumed: 0 };
  const tell = (/** @type {Progress} */ progress) => {
    last = progress;
    onProgress(progress);
  };
  const opened = await models.open(source, { signal, timeout, sha256, onProgress: onProgress && tell });
  const report = (/** @type {Progress} */ progress) => tell(opened.progress(progress));
  let loaded;
  try {
    loaded = await load(opened.source, onProgress ? { ...given, onProgress: report } : given);
  } catch (error) {
    await opened.settle(error);
    if (signal?.aborted) throw makeError("aborted", "aborted");
    throw opened.failure ?? error;
  }
  await opened.settle();
  // Whether it is kept may turn out at the end.
  const { not_kept } = opened;
  if (onProgress && Boolean(not_kept) !== Boolean(last.not_kept)) tell({ ...last, not_kept });
  return loaded;
}
