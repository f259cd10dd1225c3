// Keeps the page as it was built, so that it works offline once it was loaded and is never half of one build
// and half of another. Models are kept by the page itself (model-cache.js).
//
// A build is a service worker of its own, with a cache of its own: all its files are fetched and checked before
// it is installed, and it takes over when no tab shows the build before (see offline.js).

/** A name for the build, and the SHA-256 of each of its files; written when the site is assembled. */
const { build, files } = { build: "", files: {} };

const OWN = `nexttoken-page ${self.registration.scope} `;
const NAME = OWN + build;

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("message", (event) => event.data === "take over" && event.waitUntil(takeOver()));
self.addEventListener("fetch", (event) => {
  const path = pathOf(event.request);
  if (path !== undefined) event.respondWith(answer(path, event));
});

async function install() {
  try {
    await fill();
  } catch (error) {
    // What came is not this build: half an update, or somebody else's answer. The build before stays.
    if (error instanceof TypeError) throw error;
    // There is no room. Offline use is a bonus: this build is installed all the same, and works by the network, if
    // the whole of it is there.
    await Promise.all(requests().map((request) => fetch(request)));
  }
}

/** A request for each file. The browser holds the answer to its hash. */
function requests() {
  return Object.entries(files).map(([path, integrity]) => new Request(path, { integrity, cache: "no-cache" }));
}

/** Fetches every file, and keeps all of them or none. */
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
  await self.clients.claim();
  const names = await caches.keys().catch(() => []);
  const old = names.filter((name) => (name.startsWith(OWN) && name !== NAME) || name === "nexttoken-page-1");
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** Begins to answer, unless another tab still shows the build before. */
async function takeOver() {
  const clients = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tabs = clients.filter(({ url }) => url.startsWith(self.registration.scope));
  if (tabs.length <= 1) await self.skipWaiting();
}

/** Which of the files a request is for. */
function pathOf({ method, url, headers }) {
  const { href } = Object.assign(new URL(url), { search: "", hash: "" });
  if (method !== "GET" || headers.has("range") || !href.startsWith(self.registration.scope)) return undefined;
  const path = href.slice(self.registration.scope.length);
  if (path === "" || path === "index.html") return "./";
  return Object.hasOwn(files, path) ? path : undefined;
}

async function answer(path, event) {
  const kept = await caches.match(path, { cacheName: NAME, ignoreVary: true }).catch(() => undefined);
  if (kept) return kept;
  // There was no room for this build; there may be now.
  if (event.request.mode === "navigate") event.waitUntil(fill().catch(() => {}));
  // What the browser's own cache has may be of the build before.
  const { url, redirect } = event.request;
  return fetch(url, { cache: "no-cache", redirect });
}
