// The options `store` and `sha256` of a load. The store itself is fetched with the first load that asks for it.

import { copyOptions, invalidOption, withErrorCode } from "./errors.js";

/**
 * `load`, and through the store where the options ask for that.
 *
 * @template Loaded
 * @param {(source: any, options?: any) => Promise<Loaded>} load
 */
export const withStore = (load) =>
  withErrorCode(async (/** @type {any} */ source, /** @type {unknown} */ options) => {
    const { store, sha256, ...plain } = copyOptions(options);
    if (!store && sha256 != null) throw invalidOption("sha256", "is for models from the store: set `store`, too");
    if (!store) return load(source, plain);
    const { loadStored } = await import("./store/load.js");
    return loadStored(load, source, { ...plain, store, sha256 });
  });
