// Models this browser has downloaded before, in Cache Storage.

const NAME = "nexttoken-models-1";

/** The cached response for `url`, if it is whole. */
export async function cached(url) {
  try {
    return await (await caches.open(NAME)).match(url);
  } catch {
    return undefined; // private windows and old browsers have no cache; that is no error
  }
}

/**
 * Splits a response: one to read now, while the other goes into the cache. The cache takes an entry
 * only once the whole body has come, so an interrupted download leaves nothing behind.
 */
export function keep(url, response) {
  if (typeof caches === "undefined" || !response.body) return response;
  const copy = response.clone();
  caches
    .open(NAME)
    .then((cache) => cache.put(url, copy))
    .catch(() => {}); // out of space, or aborted: the model is loaded all the same
  return response;
}
