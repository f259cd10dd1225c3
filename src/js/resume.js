// Downloads that go on where a dropped connection ended them.

import { openLocal } from "./node.js";

/** The waits before the next attempts, in milliseconds. They begin anew with each chunk that arrives. */
const WAITS = [200, 800, 3200];

/**
 * `fetch`, with a body that survives dropped connections; also for files, where the runtime has them.
 *
 * @param {string | URL | Request} resource
 * @param {RequestInit} init
 * @returns {Promise<Response>}
 */
export async function resumingFetch(resource, init) {
  const response = (await openLocal(resource)) ?? (await fetch(resource, init));
  const asked = resource instanceof Request ? resource : undefined;
  // A hash is one of the whole body, and who asks for a range does not expect the rest.
  if (asked && (asked.method !== "GET" || asked.integrity || asked.headers.has("range"))) return response;
  return resuming(response, (range) => {
    const headers = new Headers(asked?.headers);
    if (range) headers.set("range", range);
    return fetch(resource, { ...init, headers });
  });
}

/**
 * `response` with a body that asks `again` for the bytes that are missing when the connection drops. It is returned as
 * it is where nobody could tell whether the file is still the same then.
 *
 * @param {Response} response
 * @param {(range: string) => Promise<Response>} again
 * @returns {Response}
 */
export function resuming(response, again) {
  const { body, headers, ok, status } = response;
  if (!ok || status === 206 || !body || !identity(response) || headers.has("content-encoding")) return response;
  const download = new Download(response, again);
  const stream = new ReadableStream({
    pull: (controller) => download.pull(controller),
    cancel: (reason) => download.cancel(reason),
  });
  return new Response(stream, { status, headers });
}

/**
 * What tells a file from a later one at the same address. A weak tag does not, but its length and date may.
 *
 * @param {Response} response
 */
function identity({ headers }) {
  const tag = headers.get("etag");
  return tag && !tag.startsWith("W/") ? tag : headers.get("last-modified");
}

class Download {
  #first;
  #again;
  #reader;
  #length;
  #received = 0;
  /** The bytes that come once more. */
  #repeated = 0;
  #tries = 0;
  #cancelled = false;

  /**
   * @param {Response} first
   * @param {(range: string) => Promise<Response>} again
   */
  constructor(first, again) {
    this.#first = first;
    this.#again = again;
    this.#reader = /** @type {ReadableStream<Uint8Array>} */ (first.body).getReader();
    this.#length = Number(first.headers.get("content-length") ?? 0);
  }

  /**
   * Enqueues the next chunk.
   *
   * @param {ReadableStreamDefaultController<Uint8Array>} controller
   */
  async pull(controller) {
    for (;;) {
      try {
        const { done, value } = await this.#reader.read();
        // Some browsers take a dropped connection for the end of the body.
        if (done && this.#received < this.#length) throw new TypeError("the connection was closed");
        if (done) return controller.close();
        const repeated = Math.min(this.#repeated, value.length);
        this.#repeated -= repeated;
        if (repeated === value.length) continue;
        this.#received += value.length - repeated;
        this.#tries = 0;
        return controller.enqueue(value.subarray(repeated));
      } catch (error) {
        await this.#reconnect(error);
      }
    }
  }

  /** @param {unknown} reason */
  cancel(reason) {
    this.#cancelled = true;
    return this.#reader.cancel(reason);
  }

  /**
   * Replaces the reader by one of the bytes that are missing. Throws `error`, with which the connection ended, if that
   * is not possible.
   *
   * @param {unknown} error
   */
  async #reconnect(error) {
    // An abort is no dropped connection.
    while (!this.#cancelled && this.#tries < WAITS.length && /** @type {any} */ (error)?.name !== "AbortError") {
      await new Promise((resolve) => setTimeout(resolve, WAITS[this.#tries++]));
      if (this.#cancelled) break;
      const response = await this.#again(`bytes=${this.#received}-`).catch((thrown) => void (error = thrown));
      if (!response) continue;
      if (this.#continues(response)) {
        this.#reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
        // A server without ranges sends the file from its beginning.
        this.#repeated = response.status === 206 ? 0 : this.#received;
        return;
      }
      response.body?.cancel().catch(() => {});
      if (response.status < 500) break; // the file is another one now, or gone
    }
    throw error;
  }

  /**
   * Whether `response` has the missing bytes of the same file, or all of it.
   *
   * @param {Response} response
   */
  #continues(response) {
    const { ok, body, status, headers } = response;
    if (!ok || !body || identity(response) !== identity(this.#first)) return false;
    // A page may not be allowed to see this header.
    const range = status === 206 && headers.get("content-range");
    return !range || range.startsWith(`bytes ${this.#received}-`);
  }
}
