// Offline use, by a service worker that caches the page (sw.js). It is optional: if it fails, the page works on.

import { bestVariant } from "./pkg/features.js";

/** The address of the service worker. It keeps only the engines for what this browser can run. */
export const SERVICE_WORKER = `sw.js?engine=${bestVariant()}`;

/**
 * Calls `tell` if there is a newer build of the page, which takes effect when the page is loaded again.
 *
 * @param {() => void} tell
 */
export async function setUpOffline(tell) {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  try {
    const registration = await workers.register(SERVICE_WORKER);
    // A build that is found during this visit.
    registration.addEventListener("updatefound", () => installed(registration.installing, tell));
    installed(registration.installing, tell);
    // The page is loaded again as soon as there is a service worker, for the headers that it adds (see main.js).
    if (!crossOriginIsolated) registration.installing?.postMessage("hurry");
    // A build that an earlier visit has found. Nothing has been done on the page yet that a reload would lose.
    if (registration.waiting && workers.controller) {
      workers.addEventListener("controllerchange", () => location.reload(), { once: true });
      registration.waiting.postMessage("take over");
      tell();
    }
  } catch {
    // A browser that forbids it, or a server that does not answer.
  }
}

/**
 * @param {ServiceWorker | null} worker
 * @param {() => void} tell
 */
function installed(worker, tell) {
  worker?.addEventListener("statechange", () => {
    // Without a controller this is the first build, and not an update.
    if (worker.state === "installed" && navigator.serviceWorker.controller) tell();
  });
}
