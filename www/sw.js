// A service worker that caches the page as one build. So the page works offline once it was loaded, and is never a
// mixture of two builds. Models are cached by the page itself (model-cache.js).
//
// Each build has a service worker and a cache of its own. All its files are fetched and checked before it is installed,
// and it takes over when no tab shows an older build (see offline.js).

/**
 * The name of the build, and the SHA-256 of each of its files. They are written when the site is assembled.
 *
 * @type {{ build: string, files: Record<string, string> }}
 */
const { build, files } = { build: "", files: {} };

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
const OWN = `nexttoken-page ${worker.registration.scope} `;
const NAME = OWN + build;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => event.data === "take over" && event.waitUntil(takeOver()));
worker.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path !== undefined) event.respondWith(answer(path, event));
});

async function install() {
  try {
    await fill();
  } catch (error) {
    // The files are not those of this build, but half an update, or somebody else's response. The earlier build stays.
    if (error instanceof TypeError) throw error;
    // There is no room for the cache. Offline use is optional: the build is installed without it, if the network has
    // all of its files.
    await Promise.all(requests().map((request) => fetch(request)));
  }
}

/** A request for each file. The browser checks the response against its hash. */
function requests() {
  return Object.entries(files).map(([path, integrity]) => new Request(path, { integrity, cache: "no-cache" }));
}

/** Fetches all files, and caches all of them or none. */
async function fill() {
  try {
    await caches.delete(NAME);
    const cache = await caches.open(NAME);
    await cache.addAll(requests());
  } catch (error) {
    await caches.delete(NAME).catch(() => {});
    throw error;
  }
}

async function activate() {
  await worker.clients.claim();
  const names = await caches.keys().catch(() => []);
  const old = names.filter((name) => (name.startsWith(OWN) && name !== NAME) || name === "nexttoken-page-1");
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** Takes over, unless another tab still shows an older build. */
async function takeOver() {
  const clients = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tabs = clients.filter(({ url }) => url.startsWith(worker.registration.scope));
  if (tabs.length <= 1) await worker.skipWaiting();
}

/**
 * The file that a request is for; undefined for requests that the network answers.
 *
 * @param {Request} request
 */
function pathOf({ method, url, headers }) {
  const { href } = Object.assign(new URL(url), { search: "", hash: "" });
  if (method !== "GET" || headers.has("range") || !href.startsWith(worker.registration.scope)) return undefined;
  const path = href.slice(worker.registration.scope.length);
  if (path === "" || path === "index.html") return "./";
  return Object.hasOwn(files, path) ? path : undefined;
}

/**
 * @param {string} path
 * @param {FetchEvent} event
 */
async function answer(path, event) {
  const kept = await caches.match(path, { cacheName: NAME, ignoreVary: true }).catch(() => undefined);
  if (kept) return kept;
  // There was no room to cache this build; there may be now.
  if (event.request.mode === "navigate") event.waitUntil(fill().catch(() => {}));
  // The HTTP cache of the browser may have files of an earlier build.
  const { url, redirect } = event.request;
  return fetch(url, { cache: "no-cache", redirect });
}
