// Models by their address: downloaded, or taken from an earlier download in Cache Storage.
//
// The entry under a model's address does not hold the model, but the name of the entry that does. So a copy counts only
// once it is known to be right, and tabs that download the same model do not disturb each other.

import { codeOf } from "./errors.js";

const NAME = "nexttoken-models-2";
/** The query parameter that marks the address of a copy. */
const COPY = "nexttoken-copy";
/** The longest time until a server's response begins, in milliseconds. */
const SILENCE = 60_000;
/** The codes of errors that are not the file's fault. */
const INNOCENT = ["aborted", "out_of_memory", "crashed", "wasm_unavailable", "unsupported_browser"];

/**
 * The cached response for `url`; undefined if there is none.
 *
 * @param {string} url
 */
export async function cached(url) {
  try {
    const cache = await caches.open(NAME);
    const entry = await cache.match(url);
    return entry && (await cache.match(await entry.text()));
  } catch {
    return undefined; // private windows and old browsers have no cache; that is no error
  }
}

/**
 * Opens the model at `url`. `commitOrDiscard` must be called once: without an argument if the model was loaded
 * completely, or with the error. In the first case the copy is kept, if its SHA-256 is `sha256` where that is given.
 *
 * @typedef {(error?: unknown) => unknown} CommitOrDiscard
 *
 * @param {string} url
 * @param {AbortSignal} signal
 * @param {string} [sha256]
 * @returns {Promise<{ source: Response, commitOrDiscard: CommitOrDiscard }>}
 */
export async function open(url, signal, sha256) {
  const before = await cached(url);
  if (before)
    return {
      source: before,
      commitOrDiscard: (error) => error && !INNOCENT.includes(codeOf(error) ?? "") && forget(url),
    };
  const source = await request(url, { signal });
  if (!source.ok) throw new Error(`the server answered ${source.status} for ${url}`);
  return { source, commitOrDiscard: copyToCache(url, source, sha256) };
}

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
 * Copies the body of a response into the cache while it is read. Returns the function that keeps or drops the copy.
 *
 * @param {string} url
 * @param {Response} response
 * @param {string} [sha256]
 * @returns {CommitOrDiscard}
 */
function copyToCache(url, response, sha256) {
  if (typeof caches === "undefined" || !response.body) return () => {};
  const copy = response.clone();
  const entry = new URL(url);
  entry.hash = ""; // the cache ignores fragments
  entry.searchParams.append(COPY, crypto.randomUUID());
  const copied = caches.open(NAME).then(async (cache) => {
    await cache.put(entry, copy);
    return cache;
  });
  copied.catch(() => {}); // no room, or the download broke off: loading the model tells
  return async (error) => {
    const cache = await copied.catch(() => undefined);
    if (!cache) return;
    try {
      if (error || !(await isRight(await cache.match(entry), sha256))) return await cache.delete(entry);
      await forget(url);
      await cache.put(url, new Response(entry.href));
    } catch {
      // The model is not kept then.
    }
  };
}

/**
 * @param {Response | undefined} response
 * @param {string} [sha256]
 */
async function isRight(response, sha256) {
  // Another tab may have removed it.
  if (!response) return false;
  if (!sha256) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

/** @param {Request} request */
const isCopy = ({ url }) => new URL(url).searchParams.has(COPY);

/**
 * Removes the entries for `url`, whatever its query: where a server signs its addresses, the same model has a new one
 * each time.
 *
 * @param {string} url
 */
async function forget(url) {
  const cache = await caches.open(NAME);
  for (const key of await cache.keys(url, { ignoreSearch: true })) {
    if (isCopy(key)) continue;
    const entry = await cache.match(key);
    if (entry) await cache.delete(await entry.text());
    await cache.delete(key);
  }
}

/**
 * Removes unused entries: copies that were neither kept nor dropped, addresses whose copy is gone, and the cache of
 * older versions, which did not check models.
 */
export async function collectGarbage() {
  try {
    await caches.delete("nexttoken-models-1");
    const cache = await caches.open(NAME);
    const keys = await cache.keys();
    const found = new Set();
    for (const key of keys.filter((key) => !isCopy(key))) {
      const entry = await (await cache.match(key))?.text();
      // Looked up again, because another tab may just have stored it.
      if (entry && (await cache.match(entry))) found.add(entry);
      else await cache.delete(key);
    }
    const lost = keys.filter((key) => isCopy(key) && !found.has(key.url));
    await Promise.all(lost.map((key) => cache.delete(key)));
  } catch {
    // No cache, nothing to remove.
  }
}
