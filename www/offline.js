// Offline use, by a service worker that keeps the page (sw.js). It is a bonus: where it fails, the page works on.

/** `tell` is called where a newer build of the page is there, which begins when the page is loaded again. */
export async function setUpOffline(tell) {
  const workers = navigator.serviceWorker;
  if (!workers) return;
  try {
    const registration = await workers.register("sw.js");
    // Of this visit.
    registration.addEventListener("updatefound", () => installed(registration.installing, tell));
    installed(registration.installing, tell);
    // Of a visit before. Nothing has been done on the page yet that would be lost.
    if (registration.waiting && workers.controller) {
      workers.addEventListener("controllerchange", () => location.reload(), { once: true });
      registration.waiting.postMessage("take over");
      tell();
    }
  } catch {
    // A browser that forbids it, or a server that does not answer.
  }
}

function installed(worker, tell) {
  worker?.addEventListener("statechange", () => {
    // Without a build before there is none to be newer than.
    if (worker.state === "installed" && navigator.serviceWorker.controller) tell();
  });
}
