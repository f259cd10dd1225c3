// A download that goes on where it was: after a line that dropped, and where an earlier one left off.

import { codeOf, makeError, messageOf } from "../errors.js";

/**
 * What a server says of the version of a file.
 *
 * @typedef {{ etag?: string, modified?: string, total?: number }} Version
 */

/** The pauses before attempts to go on, in milliseconds. They begin anew once an attempt brought enough bytes. */
const PAUSES = [500, 1000, 2000, 4000];
const ENOUGH = 1 << 16;
/** The longest time without a byte until the line counts as dropped, in milliseconds. */
const SILENCE = 30_000;
/** The result of a race that the time limit has won. */
const LATE = {};
/** The HTTP status codes of failures that pass, after which a request is tried again. */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/** @param {Response} response */
const encoded = ({ headers }) => !["identity", null].includes(headers.get("content-encoding"));

/**
 * @param {Response} response
 * @param {number} start the first byte that was asked for
 * @returns {Version}
 */
function versionOf(response, start) {
  const header = (/** @type {string} */ name) => response.headers.get(name) ?? undefined;
  const length = encoded(response) ? undefined : header("content-length");
  // Only some servers let other origins read this header.
  const whole = response.status === 206 ? /\/(\d+)$/.exec(header("content-range") ?? "")?.[1] : undefined;
  const total = whole ? Number(whole) : length && start + Number(length);
  return { etag: header("etag"), modified: header("last-modified"), total: total || undefined };
}

/** @param {string | undefined} etag */
const isStrong = (etag) => etag?.startsWith('"');

/**
 * @param {number} duration in milliseconds
 * @param {AbortSignal} signal
 */
const sleep = (duration, signal) =>
  new Promise((/** @type {(nothing: void) => void} */ resolve) => {
    const timer = setTimeout(done, duration);
    signal.addEventListener("abort", done);
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });

/**
 * The result of `promise`, or of `late` where that takes too long.
 *
 * @template Value
 * @param {Promise<Value>} promise
 * @param {number} duration in milliseconds; 0 for no limit
 * @param {() => never} late
 */
async function within(promise, duration, late) {
  if (!duration) return promise;
  let timer;
  const passed = new Promise((resolve) => (timer = setTimeout(resolve, duration, LATE)));
  try {
    const first = await Promise.race([promise, passed]);
    return first === LATE ? late() : /** @type {Value} */ (first);
  } finally {
    clearTimeout(timer);
  }
}

export class Download {
  #request;
  #signal;
  #timeout;
  #checked;
  #onDrop;
  /** @type {ReadableStreamDefaultReader<Uint8Array> | undefined} */
  #reader;
  /** Bytes that the server sends again. */
  #skip = 0;
  #tries = 0;
  #arrived = 0;
  /** The next byte that `read` gives. */
  position = 0;

  /**
   * @param {Request} request without a range
   * @param {object} options
   * @param {AbortSignal} options.signal
   * @param {number} options.timeout the time in which the server must answer, in milliseconds
   * @param {boolean} options.checked whether the hash of the file is known, so that a server need not tell its version
   * @param {() => void} options.onDrop called when the line has dropped
   * @param {Version} [options.version] that of the bytes which are there
   */
  constructor(request, { signal, timeout, checked, onDrop, version = {} }) {
    this.#request = request;
    this.#signal = signal;
    this.#timeout = timeout;
    this.#checked = checked;
    this.#onDrop = onDrop;
    /** @type {Version} */
    this.version = version;
  }

  /**
   * Asks for the bytes from `position` on, of which those before are there. Resolves to whether they are the same file's;
   * if not, this is at the beginning of another.
   *
   * @param {number} position
   */
  async open(position) {
    let response;
    // Of a whole file that was never loaded one byte is asked for, to learn whether it still is the same.
    const start = Math.min(position, (this.version.total ?? Infinity) - 1);
    if (position > 0) {
      response = await this.#fetch(start);
      const usable = response.status === 206 && !encoded(response) && this.#startsAt(response, start);
      if (usable && this.#isSame(response, start)) return this.#take(response, position, position - start);
      if (response.status !== 200) {
        response.body?.cancel().catch(() => {});
        if (!response.ok && response.status !== 416) throw this.#refused(response);
        response = undefined;
      }
    }
    response ??= await this.#fetch();
    if (!response.ok) {
      response.body?.cancel().catch(() => {});
      throw this.#refused(response);
    }
    // A server that knows no ranges sends everything again.
    if (position > 0 && this.#isSame(response, 0)) return this.#take(response, position, position);
    this.version = versionOf(response, 0);
    this.#take(response, 0, 0);
    return position === 0;
  }

  /** @param {number} [start] */
  async #fetch(start) {
    const headers = new Headers(this.#request.headers);
    if (start !== undefined) {
      headers.set("range", `bytes=${start}-`);
      // To another origin this header would need the server's permission, which few give. The response tells, too.
      const { etag } = this.version;
      if (etag && isStrong(etag) && this.#isOwnOrigin()) headers.set("if-range", etag);
    }
    // The store keeps the file; the browser's own cache need not.
    const cache = this.#request.cache === "default" ? "no-store" : this.#request.cache;
    const request = new Request(this.#request, { headers, cache, signal: this.#signal });
    try {
      return await within(fetch(request), this.#timeout, () => {
        throw makeError("timeout", `nothing came from the source for ${this.#timeout} ms`);
      });
    } catch (error) {
      if (codeOf(error) === "timeout" || this.#signal.aborted) throw error;
      throw makeError("io", `the file could not be read: ${messageOf(error)}`, error);
    }
  }

  #isOwnOrigin() {
    return globalThis.location === undefined || new URL(this.#request.url).origin === location.origin;
  }

  /**
   * @param {Response} response
   * @param {number} start
   */
  #startsAt({ headers }, start) {
    const range = headers.get("content-range");
    return range === null ? !this.#isOwnOrigin() : range.startsWith(`bytes ${start}-`);
  }

  /**
   * Whether a response is of the same version of the file as before.
   *
   * @param {Response} response
   * @param {number} start
   */
  #isSame(response, start) {
    const now = versionOf(response, start);
    const known = this.version;
    const differs = (/** @type {keyof Version} */ name) => known[name] && now[name] && known[name] !== now[name];
    if (differs("etag") || differs("modified") || differs("total")) return false;
    // A weak tag does not promise the same bytes.
    const told = (isStrong(known.etag) && now.etag) || (known.modified && now.modified) || this.#checked;
    if (told) this.version = { ...now, ...known, total: known.total ?? now.total };
    return Boolean(told);
  }

  /** @param {Response} response */
  #refused({ status }) {
    return Object.assign(makeError("http", `the server answered ${status} for ${this.#request.url}`), { status });
  }

  /**
   * @param {Response} response
   * @param {number} position
   * @param {number} skip
   */
  #take({ body }, position, skip) {
    if (!body) throw makeError("io", "the file could not be read: the response has no body");
    this.#reader = body.getReader();
    this.position = position;
    this.#skip = skip;
    return true;
  }

  /**
   * The next bytes; undefined after the last ones.
   *
   * @returns {Promise<Uint8Array | undefined>}
   */
  async read() {
    for (;;) {
      try {
        const chunk = await this.#next();
        if (chunk?.length === 0) continue;
        const { total } = this.version;
        if (!chunk && total !== undefined && this.position < total) throw new Error("the connection was closed");
        if (chunk) this.#count(chunk.length);
        return chunk;
      } catch (error) {
        this.cancel();
        await this.#goOn(makeError("io", `the file could not be read: ${messageOf(error)}`, error));
      }
    }
  }

  /** The next bytes that are not there; none of them where the server sent others. */
  async #next() {
    const reading = /** @type {ReadableStreamDefaultReader<Uint8Array>} */ (this.#reader).read();
    const { done, value } = await within(reading, SILENCE, () => {
      throw new Error("nothing came from the server");
    });
    if (done) return undefined;
    const skipped = Math.min(this.#skip, value.length);
    this.#skip -= skipped;
    return value.subarray(skipped);
  }

  /** @param {number} bytes */
  #count(bytes) {
    this.position += bytes;
    this.#arrived += bytes;
    if (this.#arrived < ENOUGH) return;
    this.#arrived = 0;
    this.#tries = 0;
  }

  /**
   * After the line dropped: asks for what is missing, several times if need be.
   *
   * @param {unknown} error what to throw if that does not help
   */
  async #goOn(error) {
    for (;;) {
      const pause = PAUSES[this.#tries++];
      if (this.#signal.aborted || pause === undefined) throw error;
      this.#onDrop();
      await sleep(pause, this.#signal);
      if (this.#signal.aborted) throw error;
      try {
        if (await this.open(this.position)) return;
      } catch (thrown) {
        const { status } = /** @type {{ status?: number }} */ (thrown);
        if (status && !PASSING.includes(status)) throw thrown;
        error = thrown;
        continue;
      }
      throw makeError("changed", "the file changed on the server while it was loaded; load it again");
    }
  }

  /** Ends the connection. */
  cancel() {
    this.#reader?.cancel().catch(() => {});
  }
}
