// Waiting for a new task, so that a page can handle its events between tokens.

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
