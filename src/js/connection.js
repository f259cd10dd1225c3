// The connection to a worker, with the calls that wait for its answers.
//
// A call is { id, method, args }, with the number of a `session` where a worker has several generators. Its answer is
// { id, value }, { id, error } or { id, progress }, or { crashed } if the worker cannot be used any more.
//
// A worker asks in turn where a WebAssembly module comes from, by { wanted, name, file }, and is told { wanted, value }
// or { wanted, error }: only the page knows what its `init` was given.

import { codeOf, invalidOption, makeError, messageOf } from "./errors.js";
import { provide } from "./start-module.js";

/** @typedef {import("./nexttoken.js").LoadProgress} LoadProgress */
/**
 * @typedef {object} Waiting a call that waits for its answer
 * @property {(value: any) => void} resolve
 * @property {(error: unknown) => void} reject
 * @property {((progress: LoadProgress) => void) | undefined} onProgress
 */

/**
 * The connections that wait for an answer. Nothing else on the page may refer to them, and a browser might take a worker
 * for unused of which only its own messages know.
 *
 * @type {Set<Connection>}
 */
const awaited = new Set();

export class Connection {
  #worker;
  #advice;
  #provide;
  /** @type {Map<number, Waiting>} */
  #calls = new Map();
  #next = 0;
  /**
   * The error that ended the connection, once it has ended.
   *
   * @type {unknown}
   */
  gone;
  /** How many objects use the worker; the last one ends it. */
  users = 0;

  /**
   * @param {import("./start-worker.js").WorkerLike} worker
   * @param {(reason: string) => string} advice what to say when the worker stopped
   * @param {import("./start-module.js").Provider} [provider] where its modules come from
   */
  constructor(worker, advice, provider = provide) {
    this.#worker = worker;
    this.#advice = advice;
    this.#provide = provider;
    worker.onmessage = ({ data }) => this.#answer(data);
    worker.onmessageerror = () => this.#crash("its answer could not be read");
    worker.onerror = (event) => this.#crash(event.message || "the worker could not be started");
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
      awaited.add(this);
      this.#worker.ref?.();
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
    awaited.delete(this);
    this.#worker.terminate();
    for (const { reject } of this.#calls.values()) reject(error);
    this.#calls.clear();
  }

  /**
   * @param {{ id: number, value?: unknown, error?: { code: import("./errors.js").Code, message: string,
   *   cause?: unknown }, progress?: LoadProgress, crashed?: string, wanted?: number, name?: any, file?: any }} answer
   */
  #answer({ id, value, error, progress, crashed, wanted, name, file }) {
    if (crashed !== undefined) return this.#crash(crashed);
    if (wanted !== undefined) return void this.#tell(wanted, name, file);
    const call = this.#calls.get(id);
    if (!call) return;
    if (progress) return this.#report(call, progress);
    this.#calls.delete(id);
    if (this.#calls.size === 0) {
      awaited.delete(this);
      this.#worker.unref?.();
    }
    if (error) call.reject(makeError(error.code, error.message, error.cause));
    else call.resolve(value);
  }

  /**
   * Tells the worker where a module comes from.
   *
   * @param {number} wanted the number of its question
   * @param {import("./start-module.js").ModuleName} name
   * @param {string} file
   */
  async #tell(wanted, name, file) {
    try {
      this.#worker.postMessage({ wanted, value: await this.#provide(name, file) });
    } catch (error) {
      this.#worker.postMessage({ wanted, error: { message: messageOf(error), code: codeOf(error) } });
    }
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
