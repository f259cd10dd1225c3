// Models by their address: downloaded, or taken from the store of models. It goes on with a download that broke off.

import { store } from "./pkg/store.js";

/** @typedef {import("./pkg/store.js").OpenedModel} OpenedModel */
/** @typedef {import("./pkg/store.js").StoreProgress} StoreProgress */

/** The longest time until a server's response begins, in milliseconds. */
const SILENCE = 60_000;
/** Where older versions kept models. */
const OLD = ["nexttoken-models-1", "nexttoken-models-2"];

/**
 * Whether the model at `url` is kept.
 *
 * @param {string} url
 */
export const cached = (url) => store.has(url).catch(() => false);

/**
 * Opens the model at `url`. With `sha256` it is kept only if it has that hash. `settle` must be called once it is
 * loaded, or with the error.
 *
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {(progress: StoreProgress) => void} onProgress called while there is nothing to read
 * @param {string} [sha256]
 * @returns {Promise<OpenedModel>}
 */
export const open = (url, signal, onProgress, sha256) =>
  store.open(url, { signal, onProgress, sha256, strict: false, timeout: SILENCE });

/**
 * `fetch` with a timeout for a server that does not answer.
 *
 * @param {string} url
 * @param {RequestInit & { signal: AbortSignal }} init
 */
export async function request(url, { signal, ...init }) {
  signal.throwIfAborted();
  const silence = new AbortController();
  const timer = setTimeout(() => silence.abort(new Error("the server does not answer")), SILENCE);
  signal.addEventListener("abort", () => silence.abort(signal.reason));
  try {
    return await fetch(url, { ...init, signal: silence.signal });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Removes earlier copies of the model that is kept at `url`, and differ from it in the query alone: where a server signs
 * its addresses, the same model has a new one each time.
 *
 * @param {string} url
 */
export async function forgetOthers(url) {
  const now = withoutQuery(url);
  try {
    if (!(await store.has(url))) return;
    const others = (await store.list()).filter(
      (model) => model.url !== now.url && withoutQuery(model.url).path === now.path,
    );
    await Promise.all(others.map((model) => store.delete(model.url)));
  } catch {
    // Nothing is stored here.
  }
}

/** @param {string} address */
function withoutQuery(address) {
  const url = Object.assign(new URL(address), { hash: "" });
  return { url: url.href, path: url.origin + url.pathname };
}

/** Removes what older versions of the page have kept, in a form of their own. */
export async function collectGarbage() {
  try {
    await Promise.all(OLD.map((name) => caches.delete(name)));
  } catch {
    // No cache, nothing to remove.
  }
}
