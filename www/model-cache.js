// Models by their address: downloaded, or kept from a download before in Cache Storage.
//
// What is kept under an address is not the model but the name of the entry that holds it. So a copy counts from the
// moment on which it is known to be right, and tabs that download the same model do not disturb each other.

const NAME = "nexttoken-models-2";
/** What marks the address of a copy. */
const COPY = "nexttoken-copy";
/** How long a server may take to begin its answer, milliseconds. */
const SILENCE = 60_000;
/** Errors that say nothing about the file. */
const INNOCENT = ["aborted", "out_of_memory", "crashed", "wasm_unavailable", "unsupported_browser"];

/** What is kept for `url`. */
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
 * Opens the model at `url`. `settle` is to be called once: with nothing when it was loaded whole, which makes it one
 * that is kept if its SHA-256 is `sha256`, where that is known; or with the error.
 *
 * @returns {Promise<{ source: Response, settle: (error?: Error) => Promise<void> }>}
 */
export async function open(url, signal, sha256) {
  const before = await cached(url);
  if (before) return { source: before, settle: (error) => error && !INNOCENT.includes(error.code) && forget(url) };
  const source = await request(url, { signal });
  if (!source.ok) throw new Error(`the server answered ${source.status} for ${url}`);
  return { source, settle: keep(url, source, sha256) };
}

/** `fetch`, but for a server that says nothing. */
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

/** Copies the body of a response while it is read. Gives what decides about the copy. */
function keep(url, response, sha256) {
  if (typeof caches === "undefined" || !response.body) return () => {};
  const copy = response.clone();
  const entry = new URL(url);
  entry.hash = ""; // the cache knows none
  entry.searchParams.append(COPY, crypto.randomUUID());
  const copied = caches.open(NAME).then(async (cache) => {
    await cache.put(entry, copy);
    return cache;
  });
  copied.catch(() => {}); // no room, or the download was cut short: the model is loaded all the same, or not
  return async (error) => {
    const cache = await copied.catch(() => undefined);
    if (!cache) return;
    try {
      if (error || !(await isRight(await cache.match(entry), sha256))) return await cache.delete(entry);
      await forget(url);
      await cache.put(url, new Response(entry.href));
    } catch {
      // Not kept, then.
    }
  };
}

async function isRight(response, sha256) {
  // Another tab may have tidied it away.
  if (!response) return false;
  if (!sha256) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

const isCopy = ({ url }) => new URL(url).searchParams.has(COPY);

/**
 * Removes what is kept for `url`, also with another query: where a server signs its addresses, the same model has a new
 * one each time.
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
 * Removes what nothing leads to and what leads nowhere: copies that were never decided about, addresses whose copy is
 * gone, and what older versions kept unchecked.
 */
export async function tidy() {
  try {
    await caches.delete("nexttoken-models-1");
    const cache = await caches.open(NAME);
    const keys = await cache.keys();
    const found = new Set();
    for (const key of keys.filter((key) => !isCopy(key))) {
      const entry = await (await cache.match(key))?.text();
      // As it is now: another tab may have kept it just now.
      if (entry && (await cache.match(entry))) found.add(entry);
      else await cache.delete(key);
    }
    const lost = keys.filter((key) => isCopy(key) && !found.has(key.url));
    await Promise.all(lost.map((key) => cache.delete(key)));
  } catch {
    // No cache, nothing to tidy.
  }
}
