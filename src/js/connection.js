// The connection to a worker, with the calls that wait for its answers.
//
// A call is { id, method, args }, with the number of a `session` where a worker has several generators. Its answer is
// { id, value }, { id, error } or { id, progress }, or { crashed } if the worker cannot be used any more.

import { invalidOption, makeError, messageOf } from "./errors.js";

/** @typedef {import("./nexttoken.js").LoadProgress} LoadProgress */
/**
 * @typedef {object} Waiting a call that waits for its answer
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {((progress: LoadProgress) => void) | undefined} onProgress
 */

export class Connection {
  #worker;
  #advice;
  /** @type {Map<number, Waiting>} */
  #calls = new Map();
  #next = 0;
  /**
   * The error that ended the connection, once it has ended.
   *
   * @type {unknown}
   */
  gone;
  /** How many objects use the worker, where several may. */
  users = 0;

  /**
   * @param {Worker} worker
   * @param {(reason: string) => string} advice what to say when the worker stopped
   */
  constructor(worker, advice) {
    this.#worker = worker;
    this.#advice = advice;
    worker.onmessage = ({ data }) => this.#answer(data);
    worker.onmessageerror = () => this.#crash("its answer could not be read");
    worker.onerror = (event) => this.#crash(event.message ?? "the worker could not be started");
  }

  /**
   * Posts a call; resolves to its answer.
   *
   * @param {{ method: string, args: unknown[], session?: number }} call
   * @param {Transferable[]} [moved] what of it is moved to the worker, and not copied
   * @param {(progress: LoadProgress) => void} [onProgress]
   * @returns {Promise<any>}
   */
  call(call, moved = [], onProgress) {
    if (this.gone) return Promise.reject(this.gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      try {
        this.#worker.postMessage({ id, ...call }, moved);
      } catch (thrown) {
        throw invalidOption("arguments", `cannot be sent to a worker: ${messageOf(thrown)}`);
      }
      this.#calls.set(id, { resolve, reject, onProgress });
    });
  }

  /**
   * Terminates the worker. All waiting and later calls are rejected with `error`.
   *
   * @param {unknown} error
   */
  end(error) {
    if (this.gone) return;
    this.gone = error;
    this.#worker.terminate();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }

  /**
   * @param {{ id: number, value?: unknown, error?: { code: string, message: string }, progress?: LoadProgress,
   *   crashed?: string }} answer
   */
  #answer({ id, value, error, progress, crashed }) {
    if (crashed !== undefined) return this.#crash(crashed);
    const call = this.#calls.get(id);
    if (!call) return;
    if (progress) return this.#report(call, progress);
    this.#calls.delete(id);
    if (error) call.reject(makeError(error.code, error.message));
    else call.resolve(value);
  }

  /**
   * Reports progress to the page. If its callback throws, the worker is ended with that error.
   *
   * @param {Waiting} call
   * @param {LoadProgress} progress
   */
  #report({ onProgress }, progress) {
    try {
      onProgress?.(progress);
    } catch (error) {
      this.end(error);
    }
  }

  /** @param {string} reason */
  #crash(reason) {
    this.end(makeError("crashed", this.#advice(reason)));
  }
}
