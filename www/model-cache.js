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
  if (before) return { source: before, settle: (error) => (error && !INNOCENT.includes(error.code) ? forget(url) : undefined) };
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
      if (!error && (await isRight(await cache.match(entry), sha256))) await cache.put(url, new Response(entry.href));
      else await cache.delete(entry);
    } catch {
      // Not kept, then.
    }
  };
}

async function isRight(response, sha256) {
  if (!sha256) return true;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await response.arrayBuffer()));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}

async function forget(url) {
  const cache = await caches.open(NAME);
  await cache.delete(url);
  await tidy();
}

/** Removes what nothing leads to: copies that were never decided about, and what older versions kept unchecked. */
export async function tidy() {
  try {
    await caches.delete("nexttoken-models-1");
    const cache = await caches.open(NAME);
    const keys = await cache.keys();
    const isCopy = ({ url }) => new URL(url).searchParams.has(COPY);
    const [copies, addresses] = [keys.filter(isCopy), keys.filter((key) => !isCopy(key))];
    const entries = await Promise.all(addresses.map(async (key) => (await cache.match(key)).text()));
    const lost = copies.filter(({ url }) => !entries.includes(url));
    await Promise.all(lost.map((key) => cache.delete(key)));
  } catch {
    // No cache, nothing to tidy.
  }
}
