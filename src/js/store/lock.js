// One download at a time for each file, in all tabs: the others wait for it, and are told how far it is. Any number may
// read a file that is kept.

/** @type {Map<string, Promise<void>>} */
const held = new Map();

/**
 * The lock of a file, and a channel to those who wait for it.
 *
 * @typedef {{ tell: (progress: { loaded: number, total?: number }) => void, release: () => void }} Lock
 */

/**
 * Waits for the lock called `name`.
 *
 * @param {string} name
 * @param {LockMode} mode
 * @param {AbortSignal} signal
 * @param {(progress: { loaded: number, total?: number }) => void} onProgress told of what the holder has, while it waits
 * @returns {Promise<Lock>}
 */
export async function lock(name, mode, signal, onProgress) {
  const channel = typeof BroadcastChannel === "undefined" ? undefined : new BroadcastChannel(name);
  /** @type {any} */ (channel)?.unref?.(); // in Node it would keep the process alive
  if (channel) channel.onmessage = ({ data }) => onProgress(data);
  try {
    const release = await (globalThis.navigator?.locks ? acrossTabs(name, mode, signal) : inThisThread(name, mode));
    if (channel) channel.onmessage = null;
    return {
      tell: (progress) => channel?.postMessage(progress),
      release() {
        channel?.close();
        release();
      },
    };
  } catch (error) {
    channel?.close();
    throw error;
  }
}

/**
 * @param {string} name
 * @param {LockMode} mode
 * @param {AbortSignal} signal
 * @returns {Promise<() => void>} the function that releases it
 */
const acrossTabs = (name, mode, signal) =>
  new Promise((resolve, reject) => {
    const hold = () => new Promise((/** @type {(nothing: void) => void} */ release) => resolve(release));
    navigator.locks.request(name, { mode, signal }, hold).catch(reject);
  });

/**
 * @param {string} name
 * @param {LockMode} mode
 * @returns {Promise<() => void>}
 */
async function inThisThread(name, mode) {
  if (mode === "shared") return () => {};
  const before = held.get(name);
  /** @type {(nothing: void) => void} */
  let release = () => {};
  const mine = new Promise((resolve) => (release = resolve));
  held.set(name, before ? before.then(() => mine) : mine);
  await before;
  return release;
}
