// The options `store` and `sha256` of a load, and models by name. The store itself is fetched with the first load that asks
// for it.

import { mayBeName, modelNamed } from "./catalogue-option.js";
import { copyOptions, invalidOption, withErrorCode } from "./errors.js";

/** @typedef {typeof import("./store/load.js").loadStored} LoadStored */

/**
 * What loads through the store, where `nexttoken/store` has been imported.
 *
 * @type {LoadStored | undefined}
 */
let offered;

/** @param {LoadStored} loadStored */
export const offerStore = (loadStored) => (offered = loadStored);

/** @returns {Promise<LoadStored>} */
async function fetched() {
  if ("ServiceWorkerGlobalScope" in globalThis) {
    throw invalidOption("store", 'needs `import "nexttoken/store"` in a service worker, which cannot import it later');
  }
  return (await import("./store/load.js")).loadStored;
}

/**
 * `load`, and through the store where the options ask for that. A model by name has the SHA-256 of the catalogue there,
 * unless the options give another.
 *
 * @template Loaded
 * @param {(source: any, options?: any) => Promise<Loaded>} load
 */
export const withStore = (load) =>
  withErrorCode(async (/** @type {any} */ source, /** @type {unknown} */ options) => {
    const { store, sha256, ...plain } = copyOptions(options);
    if (!store && sha256 != null) throw invalidOption("sha256", "is for models from the store: set `store`, too");
    const model = mayBeName(source) ? await modelNamed(source) : undefined;
    const from = model?.url ?? source;
    if (!store) return load(from, plain);
    const loadStored = offered ?? (await fetched());
    return loadStored(load, from, { ...plain, store, sha256: sha256 ?? model?.sha256 });
  });
