// The last training, stored in this browser, so that closing the tab loses nothing that was saved.

const NAME = "nexttoken-training-1";
// The summary (`about`) is read when the page opens, the large rest (`state`) only to resume.

/** @returns {Promise<IDBDatabase>} */
function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("training");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/**
 * Runs `act` on the store in one transaction, and resolves to the result of its request.
 *
 * @param {IDBTransactionMode} mode
 * @param {(store: IDBObjectStore) => IDBRequest | void} act
 * @returns {Promise<any>}
 */
async function transact(mode, act) {
  const database = await open();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = database.transaction("training", mode);
      const request = act(transaction.objectStore("training"));
      transaction.oncomplete = () => resolve(request?.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

/**
 * Stores a training, replacing the earlier one.
 *
 * @typedef {{ name: string, step: number, steps: number, loss: number }} Summary
 * @typedef {{ name: string, text: string, checkpoint: Uint8Array, history: import("./training.js").History }} State
 *
 * @param {Summary} about
 * @param {State} state
 */
export const keepTraining = (about, state) =>
  transact("readwrite", (store) => {
    store.put(about, "about");
    store.put(state, "state");
  });

/** @param {"about" | "state"} part */
const read = (part) => transact("readonly", (store) => store.get(part));

/**
 * The summary of the stored training; undefined where there is none, or where nothing can be stored.
 *
 * @returns {Promise<Summary | undefined>}
 */
export const keptTraining = () => read("about").catch(() => undefined);

/**
 * Everything needed to resume it.
 *
 * @returns {Promise<State>}
 */
export const trainingState = () => read("state");

export const forgetTraining = () => transact("readwrite", (store) => void store.clear());
