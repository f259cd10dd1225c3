// One thing after another: a generator writes one text at a time.

/**
 * `promise`, or a rejection with the signal's reason as soon as it aborts.
 *
 * @template Result
 * @param {Promise<Result>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<Result>}
 */
export function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    if (signal.aborted) abort();
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Runs jobs in the order in which they come. */
export class Queue {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();

  /**
   * Runs `job` once those before it are over, and gives what it gives. A job whose signal aborts before its turn never
   * runs; its caller is told at once.
   *
   * @template Result
   * @param {() => Promise<Result>} job
   * @param {AbortSignal} [signal]
   * @returns {Promise<Result>}
   */
  run(job, signal) {
    const turn = this.#last.then(() => {
      signal?.throwIfAborted();
      return job();
    });
    this.#last = turn.catch(() => {});
    return abortable(turn, signal);
  }
}
