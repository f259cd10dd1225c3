// Work that needs something which only one can use at a time.

/** @typedef {{ work: (used: any) => Promise<any>, resolve: (result: any) => void, reject: (error: unknown) => void }} Job */

/**
 * Runs work one after the other. Of what waits under the same name only the latest is run.
 *
 * @template Used
 */
export class Queue {
  #open;
  /** @type {Map<string, Job>} */
  #waiting = new Map();
  #running = false;

  /** @param {() => Promise<Used>} open gives what the work is done with */
  constructor(open) {
    this.#open = open;
  }

  /**
   * @template Result
   * @param {string} name
   * @param {(used: Used) => Promise<Result>} work
   * @returns {Promise<Result | undefined>} undefined where newer work took its place
   */
  use(name, work) {
    return new Promise((resolve, reject) => {
      this.#waiting.get(name)?.resolve(undefined);
      this.#waiting.delete(name); // so that the newer comes last
      this.#waiting.set(name, { work, resolve, reject });
      void this.#run();
    });
  }

  async #run() {
    if (this.#running) return;
    this.#running = true;
    while (this.#waiting.size > 0) {
      // Newer work may take the place of the first while it is opened.
      const opened = this.#open();
      await opened.catch(() => {});
      for (const [name, { work, resolve, reject }] of this.#waiting) {
        this.#waiting.delete(name);
        await opened.then(work).then(resolve, reject);
        break;
      }
    }
    this.#running = false;
  }
}
