// Cross-origin isolation on a server that does not send its headers: `nexttoken/isolate`. For the documentation see the
// types.

import { copyOptions, invalidOption, messageOf } from "./errors.js";
import { isolated, knowsCredentialless } from "./isolate-headers.js";

/** @typedef {import("./isolate.js").Isolation} Isolation */
/** @typedef {import("./isolate.js").IsolateOptions} IsolateOptions */

export { isolated };

const OPTIONS = ["worker", "reload", "require_corp", "timeout"];

/** Marks in the storage of the tab that its page was loaded again. It is what keeps that from going on for ever. */
const MARK = "nexttoken-isolate";
const NO_STORAGE = "this browser stores nothing for the page, so that it could be loaded again without end";

/** Whether this page is being loaded again. */
let reloading = false;

/**
 * @param {IsolateOptions} [options]
 * @returns {Promise<Isolation>}
 */
export async function isolate(options) {
  const checked = checkedOptions(options);
  if (globalThis.crossOriginIsolated) {
    setMark(false);
    return { state: "isolated" };
  }
  if (reloading) return { state: "reloading" };
  const reason = reasonAgainst(checked) ?? (await reasonNotReady(checked));
  if (reason !== undefined) return { state: "unavailable", reason };
  if (!(await checked.reload())) return { state: "needs_reload" };
  if (!setMark(true)) return { state: "unavailable", reason: NO_STORAGE };
  reloading = true;
  location.reload();
  return { state: "reloading" };
}

/** @param {unknown} options */
function checkedOptions(options) {
  const {
    worker = "isolate-worker.js",
    reload = isUntouched,
    require_corp = true,
    timeout = 5000,
  } = copyOptions(options, OPTIONS);
  if (typeof worker !== "string" && !(worker instanceof URL)) throw invalidOption("worker", "must be an address");
  if (!["boolean", "function"].includes(typeof reload)) {
    throw invalidOption("reload", "must be a boolean or a function");
  }
  if (typeof require_corp !== "boolean") throw invalidOption("require_corp", "must be a boolean");
  if (!(Number.isInteger(timeout) && timeout > 0 && timeout < 2 ** 31)) {
    throw invalidOption("timeout", "must be a whole number of milliseconds, from 1 to 2147483647");
  }
  return {
    worker: String(worker),
    reload: typeof reload === "function" ? reload : () => reload,
    require_corp,
    timeout,
  };
}

const isUntouched = () => !navigator.userActivation?.hasBeenActive;

/**
 * Sets or removes the mark. Returns whether that could be done: a browser may store nothing.
 *
 * @param {boolean} marked
 */
function setMark(marked) {
  try {
    if (marked) sessionStorage.setItem(MARK, "reloaded");
    else sessionStorage.removeItem(MARK);
    return true;
  } catch {
    return false;
  }
}

/**
 * What keeps this page from being isolated by a service worker, as far as can be told at once.
 *
 * @param {{ worker: string, require_corp: boolean }} options
 */
function reasonAgainst({ worker, require_corp }) {
  if (typeof document === "undefined") return "this is no page";
  if (!("crossOriginIsolated" in globalThis)) return "this browser isolates no page";
  if (window.top !== window) return "a frame is isolated only with the page around it";
  try {
    if (!navigator.serviceWorker) {
      return "there are no service workers here: the page is not from https, the window is private, or they are off";
    }
    if (sessionStorage.getItem(MARK) !== null) return "the page was loaded again, and was not isolated then either";
  } catch {
    return NO_STORAGE;
  }
  if (!require_corp && !knowsCredentialless()) return "this browser knows no embedder policy but require-corp";
  const url = addressOf(worker);
  if (!url) return `"${worker}" is not an address`;
  const scope = new URL(".", url).href;
  return location.href.startsWith(scope) ? undefined : `a service worker at ${url} is only for what is below ${scope}`;
}

/** @param {string} worker */
function addressOf(worker) {
  try {
    return new URL(worker, document.baseURI);
  } catch {
    return undefined;
  }
}

/**
 * Gets the service worker ready. Resolves to the reason if it cannot be, else to undefined.
 *
 * @param {{ worker: string, timeout: number }} options
 * @returns {Promise<string | undefined>}
 */
async function reasonNotReady({ worker, timeout }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const late = new Promise((resolve) => {
    timer = setTimeout(resolve, timeout, `the service worker was not ready within ${timeout} ms`);
  });
  try {
    return await Promise.race([reasonNotRegistered(new URL(worker, document.baseURI)), late]);
  } catch (error) {
    return `the service worker could not be registered: ${messageOf(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Registers a service worker, and waits until it answers for the page once that is loaded again. Resolves to the reason
 * if it does not.
 *
 * @param {URL} url
 */
async function reasonNotRegistered(url) {
  const { serviceWorker: workers } = navigator;
  const before = await workers.getRegistration();
  const known = [before?.installing, before?.waiting, before?.active];
  const other = known.find((worker) => worker && !isSameScript(worker.scriptURL, url));
  if (other) return `the page has a service worker of its own, ${other.scriptURL}, which must use \`isolated\``;
  if (workers.controller && throughWorker()) {
    return "the service worker answers without the headers, or this browser does not heed them";
  }
  const registration = await workers.register(url);
  return (await activated(registration)) ? undefined : "the service worker could not be installed";
}

/** Whether the page itself came through a service worker, which may also have taken over only later. */
function throughWorker() {
  const [entry] = performance.getEntriesByType("navigation");
  return /** @type {PerformanceNavigationTiming} */ (entry)?.workerStart > 0;
}

/**
 * Whether two addresses differ at most in their queries, by which a site may tell versions of a script apart.
 *
 * @param {string} one
 * @param {URL} other
 */
const isSameScript = (one, { origin, pathname }) => one.split(/[?#]/)[0] === origin + pathname;

/**
 * Resolves to whether a registration has come to a worker that answers.
 *
 * @param {ServiceWorkerRegistration} registration
 * @returns {Promise<boolean>}
 */
function activated(registration) {
  const worker = registration.installing ?? registration.waiting;
  return new Promise((resolve) => {
    const look = () => {
      if (registration.active) resolve(true);
      else if (!worker || worker.state === "redundant") resolve(false);
    };
    worker?.addEventListener("statechange", look);
    look();
  });
}
