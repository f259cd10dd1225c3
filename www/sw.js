// Keeps the page's own files, so that it works offline once it was loaded.
// The network comes first: an update is seen at the next visit. Models are cached by the page.

const NAME = "nexttoken-page-1";
const FILES = [
  "./", "style.css", "main.js", "chat.js", "distribution.js", "model-cache.js", "stories.gguf",
  "branches.js", "format.js", "lens.js", "microscope.css", "microscope.js", "narration.js", "pictures.js", "sliders.js",
  "stages.js", "tokens.js",
  "pkg/index.js", "pkg/engine.js", "pkg/errors.js", "pkg/features.js", "pkg/worker.js",
  "pkg/worker-generator.js", "pkg/nexttoken.js", "pkg/nexttoken_relaxed.wasm", "pkg/nexttoken_simd128.wasm",
  "score.css", "score.js", "train.css", "train.js", "train-store.js", "training.js", "curve.js", "pkg/connection.js", "pkg/starting.js", "pkg/guard.js", "pkg/source.js", "pkg/portable.js",
  "pkg/chat.js", "pkg/chat-template.js", "pkg/chat-worker.js", "pkg/nexttoken_chat.js", "pkg/nexttoken_chat.wasm",
];

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(NAME).then((cache) => cache.addAll(FILES)).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const own = new URL(request.url).href.startsWith(self.registration.scope);
  if (request.method !== "GET" || !own || request.url.includes("/models/") || request.headers.has("range")) return;
  event.respondWith(answer(request));
});

async function answer(request) {
  const cache = await caches.open(NAME);
  try {
    const response = await fetch(request);
    if (response.ok) await cache.put(request, response.clone());
    return response;
  } catch (error) {
    const kept = await cache.match(request, { ignoreSearch: true });
    if (kept) return kept;
    throw error;
  }
}
