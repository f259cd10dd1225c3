// The threads of the engine, the trainer and the encoders: workers that run a module on the same memory. A browser lets
// memory be shared on pages alone that are isolated from other origins.

import { invalidOption } from "./errors.js";
import { builtin } from "./node.js";
import { startWorker } from "./start-worker.js";

/**
 * What a thread is given.
 *
 * @typedef {{ module: WebAssembly.Module, memory: WebAssembly.Memory, number: number, stack: number }} Task
 */

/** The pages of 64 kB that the memory has at first, and at most; as the module says. */
const PAGES = { initial: 32, maximum: 65536 };
/** The fewest pages of a maximum that is worth threads: 512 MB. */
const LEAST_PAGES = 8192;
/** The most threads that are started unasked. */
const MOST = 16;
/** The most threads that a module can use. */
const LIMIT = 64;
/** How long a thread may take to start, in milliseconds. */
const PATIENCE = 10_000;

/**
 * The option `threads`, checked: a number, or undefined for as many as turn out to be fastest.
 *
 * @param {unknown} threads
 * @returns {number | undefined}
 */
export function threadsOption(threads) {
  if (threads === undefined || threads === "auto") return undefined;
  if (typeof threads === "number" && Number.isInteger(threads) && threads >= 1 && threads <= LIMIT) return threads;
  throw invalidOption("threads", `must be "auto" or a whole number from 1 to ${LIMIT}`);
}

/** How many threads this machine runs at once, as far as it says. */
const cores = () => builtin("node:os")?.availableParallelism() ?? globalThis.navigator?.hardwareConcurrency ?? 1;

/**
 * How many threads to start where `asked` is the option; 1 where memory cannot be shared.
 *
 * @param {number | undefined} asked
 */
function threadsToStart(asked) {
  const shares = globalThis.crossOriginIsolated ?? builtin("node:worker_threads") !== undefined;
  return shares && typeof SharedArrayBuffer === "function" ? (asked ?? Math.min(cores(), MOST)) : 1;
}

/** Memory that threads can share; undefined where there is none. */
function sharedMemory() {
  // Some phones refuse so many addresses at once, and other modules may have some.
  for (let { initial, maximum } = PAGES; maximum >= LEAST_PAGES; maximum /= 2) {
    try {
      return new WebAssembly.Memory({ initial, maximum, shared: true });
    } catch {
      // Fewer, then.
    }
  }
  return undefined;
}

/**
 * Has the module that is started next share its memory, where it is to have several threads. Returns how many to start.
 *
 * @param {import("./guard.js").Guard} guard that of the module
 * @param {number | undefined} asked the option
 */
export function shareMemory(guard, asked) {
  const count = threadsToStart(asked);
  guard.memory = count > 1 ? sharedMemory() : undefined;
  return count;
}

/**
 * The workers that were started. Nothing else may refer to one that waits for its first piece of work.
 *
 * @type {import("./start-worker.js").WorkerLike[]}
 */
const threads = [];

/**
 * Starts a thread. Resolves to whether it serves.
 *
 * @param {Task} task
 * @returns {Promise<boolean>}
 */
const startThread = (task) =>
  new Promise((resolve) => {
    const late = setTimeout(() => end(false), PATIENCE);
    const end = (/** @type {boolean} */ serves) => {
      // A timer would keep a process of Node alive.
      clearTimeout(late);
      resolve(serves);
    };
    const worker = startWorker(() => new Worker(new URL("./thread.js", import.meta.url), { type: "module" }));
    threads.push(worker);
    worker.onmessage = ({ data }) => end(data);
    worker.onerror = () => end(false);
    worker.postMessage(task);
  }).catch(() => false);

/**
 * Starts threads besides this one, if the module was started for some. Resolves to the number of those that serve, this
 * one included.
 *
 * @param {import("./guard.js").Guard} guard that of the module
 * @param {number} count
 * @param {() => number} stack takes the memory of a stack
 */
export async function startThreads({ module, memory }, count, stack) {
  if (!memory || !module) return 1;
  const numbers = Array.from({ length: count - 1 }, (_, index) => index + 1);
  const serves = await Promise.all(numbers.map((number) => startThread({ module, memory, number, stack: stack() })));
  // They are used from the first on.
  const missing = serves.indexOf(false);
  return missing < 0 ? count : 1 + missing;
}
