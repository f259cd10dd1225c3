// A service worker that caches the page as one build. So the page works offline once it was loaded, and is never a
// mixture of two builds. Models are kept by the page itself (model-cache.js).
//
// Each build has a service worker and a cache of its own. All its files are fetched and checked before it is installed,
// and it takes over when no tab shows an older build (see offline.js).
//
// It also gives the page the headers for threads (nexttoken/isolate), which not every server sends.

/**
 * The name of the build, and the SHA-256 of each of its files. They are written when the site is assembled.
 *
 * @type {{ build: string, files: Record<string, string> }}
 */
const { build, files } = { build: "", files: {} };

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));
/**
 * The variant of the engine that this browser runs, which the page names in the address of this script: the others are
 * not kept. All are kept where it names none.
 */
const variant = new URL(worker.location.href).searchParams.get("engine");
const OWN = `nexttoken-page ${worker.registration.scope} `;
const NAME = `${OWN}${build} ${variant}`;

worker.addEventListener("install", (event) => event.waitUntil(install()));
worker.addEventListener("activate", (event) => event.waitUntil(activate()));
worker.addEventListener("message", (event) => {
  if (event.data === "take over") event.waitUntil(takeOver());
  if (event.data === "hurry" && !worker.registration.active) hurry();
});
worker.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path !== undefined) event.respondWith(answer(path, event).then((response) => isolated(response, event.request)));
});
// Defines `isolated`, and answers what the listener above leaves.
importScripts("pkg/isolate-worker.js");

/** Ends the wait for the files of the first build, for a page that is loaded again at once. They are cached meanwhile. */
let hurry = () => {};
/** @type {Promise<void>} */
const hurried = new Promise((resolve) => (hurry = resolve));

/** @type {Promise<void> | undefined} */
let filling;

async function install() {
  const installed = installFiles();
  installed.catch(() => {});
  await Promise.race([installed, hurried]);
}

async function installFiles() {
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

/**
 * Whether a file is an engine, or a module of encoders, of another variant than that of this browser.
 *
 * @param {string} path
 */
function isOfAnother(path) {
  const [, engine] = /^pkg\/nexttoken_(?:encoder_)?(relaxed|simd128)(?:_threads)?\.wasm$/.exec(path) ?? [];
  return variant !== null && engine !== undefined && engine !== variant;
}

/** A request for each file to keep. The browser checks the response against its hash. */
function requests() {
  const kept = Object.entries(files).filter(([path]) => !isOfAnother(path));
  return kept.map(([path, integrity]) => new Request(path, { integrity, cache: "no-cache" }));
}

/** Fetches all files, and caches all of them or none. */
function fill() {
  filling ??= fillCache().finally(() => (filling = undefined));
  return filling;
}

async function fillCache() {
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
  // Not waited for: Firefox ends the wait with the last answer of the page's workers, and threads of the engine that
  // sleep give none. Until the worker is active all requests of the page wait.
  worker.clients.claim().catch(() => {});
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
  // The HTTP cache of the browser may have files of an earlier build, and the server those of a later one: an engine must
  // not come from there to a page that is kept.
  const { url, redirect } = event.request;
  return fetch(url, { cache: "no-cache", redirect, integrity: isOfAnother(path) ? files[path] : "" });
}
