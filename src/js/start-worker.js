// Starting a worker where `new Worker(address)` alone does not: from another origin, under Trusted Types, and in Node.

import { builtin } from "./node.js";
import { installed } from "./start-module.js";

/**
 * What the package needs of a worker. `ref` and `unref` tell Node whether to wait for it.
 *
 * @typedef {Pick<Worker, "postMessage" | "terminate" | "onmessage" | "onmessageerror"> &
 *   { onerror: ((event: any) => void) | null, ref?: () => void, unref?: () => void }} WorkerLike
 */

/** Whether there are workers here; in a service worker there are none. */
export const canStartWorkers = () => typeof Worker !== "undefined" || builtin("node:worker_threads") !== undefined;

/**
 * Starts the worker that `construct` would start. It must contain `new Worker(new URL("…", import.meta.url))` written
 * out in full, because bundlers look for exactly that expression and replace the address. The address is found by
 * calling it with a `Worker` that only notes its arguments.
 *
 * @param {() => Worker} construct
 * @returns {WorkerLike}
 */
export function startWorker(construct) {
  const [address, options] = argumentsOf(construct);
  // Where `Worker` cannot be replaced for a moment, there is no other way.
  if (address === undefined) return construct();
  const threads = builtin("node:worker_threads");
  if (threads) return startThread(threads, address);
  return new Worker(trusted(local(address, options?.type === "module")), options);
}

/**
 * @param {() => Worker} construct
 * @returns {[address?: string | URL, options?: WorkerOptions]}
 */
function argumentsOf(construct) {
  const { Worker } = globalThis;
  /** @type {ConstructorParameters<typeof Worker> | []} */
  let noted = [];
  try {
    /** @type {any} */ (globalThis).Worker = class {
      /** @param {ConstructorParameters<typeof Worker>} args */
      constructor(...args) {
        noted = args;
      }
    };
    construct();
  } catch {
    // The global object is frozen.
    return [];
  } finally {
    if (Worker) Object.assign(globalThis, { Worker });
    else Reflect.deleteProperty(globalThis, "Worker");
  }
  return noted;
}

/**
 * The address of a script of this origin that runs the script at `address`: a browser starts no worker from another
 * origin, but a worker may import scripts from there.
 *
 * @param {string | URL} address
 * @param {boolean} isModule
 */
function local(address, isModule) {
  const url = installed(new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href));
  if (!/^https?:$/.test(url.protocol) || url.origin === globalThis.origin) return url.href;
  const quoted = JSON.stringify(url.href);
  const code = isModule ? `import ${quoted};` : `importScripts(${quoted});`;
  return URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
}

/** @typedef {{ createScriptURL(address: string): string }} Policy */
/** @type {Policy | undefined} */
let policy;

/**
 * `address` in the form that a page with Trusted Types asks for.
 *
 * @param {string} address
 */
function trusted(address) {
  const { trustedTypes } = /** @type {any} */ (globalThis);
  try {
    policy ??= trustedTypes?.createPolicy("nexttoken", { createScriptURL: (/** @type {string} */ url) => url });
  } catch {
    // The page does not allow the policy. It may not ask for one here, or have a default one.
  }
  return policy?.createScriptURL(address) ?? address;
}

/**
 * A thread of Node, Deno or Bun in the form of a browser's worker. It does not keep the process alive by itself.
 *
 * @param {any} threads the module `node:worker_threads`
 * @param {string | URL} address
 * @returns {WorkerLike}
 */
function startThread(threads, address) {
  const thread = new threads.Worker(new URL(address));
  /** @type {WorkerLike} */
  const worker = {
    onmessage: null,
    onmessageerror: null,
    onerror: null,
    postMessage: (/** @type {any} */ message, /** @type {any} */ moved) => thread.postMessage(message, moved),
    terminate: () => void thread.terminate(),
    ref: () => thread.ref(),
    unref: () => thread.unref(),
  };
  for (const name of /** @type {const} */ (["message", "messageerror"])) {
    thread.on(name, (/** @type {unknown} */ data) => {
      const handle = /** @type {((event: any) => void) | null} */ (worker[`on${name}`]);
      handle?.({ data });
    });
  }
  thread.on("error", (/** @type {unknown} */ error) => worker.onerror?.(error));
  thread.unref();
  return worker;
}
