// The connection to a worker, with the calls that wait for its answers.
//
// A call is { id, method, args, … }. Its answer is { id, value }, { id, error } or { id, progress }, or { crashed } if
// the worker cannot be used any more.

import { failure, unusable, words } from "./errors.js";

export class Connection {
  #worker;
  #advice;
  #calls = new Map();
  #next = 0;
  /** The error that ended the connection, once it has ended. */
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

  call(call, moved = [], onProgress) {
    if (this.gone) return Promise.reject(this.gone);
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      try {
        this.#worker.postMessage({ id, ...call }, moved);
      } catch (thrown) {
        throw unusable("arguments", `cannot be sent to a worker: ${words(thrown)}`);
      }
      this.#calls.set(id, { resolve, reject, onProgress });
    });
  }

  /** Terminates the worker. All waiting and later calls are rejected with `error`. */
  end(error) {
    if (this.gone) return;
    this.gone = error;
    this.#worker.terminate();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }

  #answer({ id, value, error, progress, crashed }) {
    if (crashed !== undefined) return this.#crash(crashed);
    const call = this.#calls.get(id);
    if (!call) return;
    if (progress) return this.#report(call, progress);
    this.#calls.delete(id);
    if (error) call.reject(failure(error.code, error.message));
    else call.resolve(value);
  }

  /** Reports progress to the page. If its callback throws, the worker is ended with that error. */
  #report({ onProgress }, progress) {
    try {
      onProgress?.(progress);
    } catch (error) {
      this.end(error);
    }
  }

  #crash(reason) {
    this.end(failure("crashed", this.#advice(reason)));
  }
}
