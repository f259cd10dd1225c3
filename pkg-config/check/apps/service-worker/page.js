// Has the site's service worker take the steps.

import { addresses } from "./model.js";

navigator.serviceWorker.onmessage = ({ data }) => (globalThis.outcome = data);
await navigator.serviceWorker.register("worker.js", { type: "module" });
(await navigator.serviceWorker.ready).active.postMessage(addresses());
