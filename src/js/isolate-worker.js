// The service worker of `nexttoken/isolate`: it gives a page the headers that its server does not send. The build makes
// one classic script of it, because not every browser starts a module as a service worker.
//
// A service worker of the site's own loads it by `importScripts`, after it has set its listeners. What these answer,
// they put through `isolated`; the rest is answered here.

import { isolated, needsHeaders } from "./isolate-headers.js";

const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

Object.assign(worker, { isolated });

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  // A request of the developer tools, which only they can send.
  const ofTools = request.cache === "only-if-cached" && request.mode !== "same-origin";
  if (needsHeaders(request) && !ofTools) event.respondWith(fetch(request).then((response) => isolated(response)));
});
