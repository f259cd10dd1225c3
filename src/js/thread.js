// A thread of the engine or of the trainer: an instance of its module on the memory that all threads share. It computes until its worker
// is terminated (threads.js).

import { builtin } from "./node.js";

/** What messages come from and go to: in a thread of Node a port, in a browser the worker itself. */
const page = builtin("node:worker_threads")?.parentPort ?? globalThis;

/**
 * What the module imports, none of which a thread calls, and the memory.
 *
 * @param {WebAssembly.Module} module
 * @param {WebAssembly.Memory} memory
 */
function imports(module, memory) {
  /** @type {WebAssembly.Imports} */
  const all = {};
  for (const { module: from, name, kind } of WebAssembly.Module.imports(module)) {
    if (kind === "function") (all[from] ??= {})[name] = () => 0;
  }
  all.env = { ...all.env, memory };
  return all;
}

/** @param {import("./threads.js").Task} task */
async function instantiate({ module, memory, stack }) {
  const { exports } = await WebAssembly.instantiate(module, imports(module, memory));
  const engine = /** @type {any} */ (exports);
  engine.__stack_pointer.value = stack;
  return engine;
}

page.onmessage = async (/** @type {{ data: import("./threads.js").Task }} */ { data }) => {
  const engine = await instantiate(data).catch(() => undefined);
  page.postMessage(engine !== undefined);
  try {
    engine?.serve_thread(data.number);
  } catch {
    // It trapped. The stack of that call is not needed any more.
    engine.__stack_pointer.value = data.stack;
    engine.thread_failed();
  }
};
