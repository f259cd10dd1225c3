// Waiting for a new task, so that a page can handle its events between tokens.

/** @typedef {import("./nexttoken.js").Generator} Generator */
/** @typedef {import("./index.js").WorkerGenerator} WorkerGenerator */

/**
 * Resolves in a new task. Unlike a timer this has no delay.
 *
 * @returns {Promise<void>}
 */
export function nextTask() {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}

/**
 * Runs a prompt, on the thread of the page in tasks of their own.
 *
 * @param {Generator | WorkerGenerator} generator
 */
export async function prefill(generator) {
  for (let left = true; left; await nextTask()) {
    const { done, total } = await generator.prefill();
    left = done < total;
  }
}
