// The last training, kept in this browser: a closed tab loses nothing that was saved.

const NAME = "nexttoken-training-1";
// What there is to say about it (`about`) is read when the page opens, what is large (`state`) only to go on.

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => request.result.createObjectStore("training");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Runs `act` on the store; all of it happens, or nothing. */
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
 * Keeps a training instead of the one before.
 *
 * @param {{ name: string, step: number, steps: number, loss: number }} about
 * @param {{ text: string, checkpoint: Uint8Array, history: object }} state
 */
export const keepTraining = (about, state) =>
  transact("readwrite", (store) => {
    store.put(about, "about");
    store.put(state, "state");
  });

const read = (part) => transact("readonly", (store) => store.get(part));

/** What there is to say about the kept training; undefined where there is none, or no place to keep one. */
export const keptTraining = () => read("about").catch(() => undefined);

/** All that is needed to go on with it. */
export const trainingState = () => read("state");

export const forgetTraining = () => transact("readwrite", (store) => void store.clear());
