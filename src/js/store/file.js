// One file on its way to the engine: what is stored of it is read, what is missing is downloaded and stored meanwhile.

import { codeOf, makeError, messageOf } from "../errors.js";
import { Download } from "./download.js";
import { Entry, bytesOf, folderFor, hex, recordIn } from "./entry.js";
import { lock } from "./lock.js";
import { NOWHERE } from "./overflow.js";
import { Meter } from "./progress.js";
import { sha256 } from "../vendor/sha256.js";

/** @typedef {import("./overflow.js").Overflow} Backend */
/** @typedef {import("./entry.js").About} About */
/** @typedef {"waiting" | "stored" | "downloading" | "reconnecting"} State */
/** @typedef {{ loaded: number, total: number | undefined }} Loaded */
/**
 * @typedef {Loaded & { state: State, resumed: number, speed?: number, remaining?: number, not_kept?: Error & { code: string } }} Progress
 */
/**
 * @typedef {object} Settings
 * @property {AbortSignal} [signal]
 * @property {number} [timeout] the time in which the server must answer, in milliseconds; 0 for no limit
 * @property {string} [sha256] the hash of the file
 * @property {boolean} [strict] false where a file with another hash may be used, and only is not kept
 * @property {(progress: Progress) => void} [onProgress] called while there is nothing to read; see `progress`
 */

const ANSWER = 60_000;
/** The time between two messages to the tabs that wait, in milliseconds. */
const INTERVAL = 200;
/** The codes of errors that are not the file's fault: what came of it stays. */
const INNOCENT = [
  "aborted",
  "callback",
  "crashed",
  "freed",
  "http",
  "internal",
  "invalid_option",
  "io",
  "out_of_memory",
  "timeout",
  "unknown_option",
  "unsupported_browser",
  "wasm_unavailable",
];
/** The codes that tell of damage in a file that has been loaded whole before. What one reader refuses, another takes. */
const DAMAGED = [
  "bad_metadata",
  "big_endian",
  "corrupt",
  "missing_metadata",
  "missing_tensor",
  "not_gguf",
  "parts",
  "tensor_shape",
  "truncated",
  "unsupported_tensor_type",
  "unsupported_version",
];

/**
 * The notice for a user whose model is not kept.
 *
 * @param {any} [cause]
 */
function notKept(cause) {
  const full = cause?.name === "QuotaExceededError" || cause?.code === "ENOSPC";
  /** @type {[code: import("../errors.js").Code, reason: string]} */
  const [code, reason] = full
    ? ["storage_full", "there is no room for it"]
    : ["storage_unavailable", cause ? messageOf(cause) : NOWHERE];
  return makeError(code, `the model is used, but not kept: ${reason}`, cause);
}

/** @param {{ about: About | undefined, onDevice: boolean }} found */
const isKept = ({ about, onDevice }) => Boolean(about?.kept) && onDevice;

/** The most bytes that are hashed at once. */
const AT_ONCE = 512 << 20;
/** The most bytes that are read before the engine takes them. */
const READ_AHEAD = 8 << 20;

export class StoredFile {
  #request;
  #backend;
  #folder;
  #settings;
  #abort = new AbortController();
  #forward = () => this.#abort.abort();
  /** @type {Entry | undefined} */
  #entry;
  /** @type {Download | undefined} */
  #download;
  /** @type {import("./lock.js").Lock | undefined} */
  #lock;
  #meter = new Meter();
  #told = 0;
  /** @type {Loaded} */
  last = { loaded: 0, total: undefined };
  #read = 0;
  #whole = false;
  /** Whether the hash is another, and whether stored bytes are gone. */
  #wrong = false;
  #gone = false;
  /** Whether its hash is looked at when it is kept, and not while it is read. */
  #checkedLater = false;
  /** @type {State} */
  state = "stored";
  /** The bytes that were there from an earlier download, which broke off. */
  resumed = 0;
  /**
   * The error that ended the reading, if one did. The engine has one of its own for it.
   *
   * @type {unknown}
   */
  failure;

  /**
   * @param {Request} request
   * @param {Backend} backend
   * @param {Settings} settings
   */
  constructor(request, backend, settings) {
    this.#request = request;
    this.#backend = backend;
    this.#settings = settings;
    this.url = Object.assign(new URL(request.url), { hash: "" }).href;
    this.#folder = folderFor(this.url);
    for (const signal of [settings.signal, request.signal]) {
      signal?.addEventListener("abort", this.#forward);
      if (signal?.aborted) this.#abort.abort();
    }
  }

  /**
   * Opens it. Afterwards `settle` must be called once.
   *
   * @param {Request} request
   * @param {Backend} backend
   * @param {Settings} settings
   */
  static async open(request, backend, settings) {
    const file = new StoredFile(request, backend, settings);
    try {
      await file.#open();
      return file;
    } catch (error) {
      const failure = file.#abort.signal.aborted ? (file.failure ?? makeError("aborted", "aborted")) : error;
      await file.settle(failure);
      throw failure;
    }
  }

  async #open() {
    this.#abort.signal.throwIfAborted();
    const about = await this.#lockIn();
    this.state = "stored";
    const none = { url: this.url, segments: [], kept: false, used: Date.now() };
    this.#entry = new Entry(this.#backend, this.#folder, about ?? none);
    if (!about) this.#entry.restart({});
    if (about?.kept) return;
    this.resumed = this.#entry.stored;
    if (!(await this.#connect(this.resumed))) {
      this.resumed = 0;
      this.#entry.restart({});
    }
    Object.assign(this.#entry.about, this.#download?.version);
    this.#backend.expect(this.#folder, this.total);
  }

  /**
   * Waits until the file may be read, where it is kept on the device, or else written.
   *
   * @returns {Promise<About | undefined>} its record
   */
  async #lockIn() {
    const name = `nexttoken-store ${this.#folder}${this.#backend.scope}`;
    for (;;) {
      const kept = isKept(await this.#usable());
      this.state = kept ? "stored" : "waiting";
      const report = (/** @type {{ loaded: number, total?: number }} */ progress) => this.#report(progress);
      this.#lock = await lock(name, kept ? "shared" : "exclusive", this.#abort.signal, report);
      this.#meter.reset();
      const found = await this.#usable();
      if (isKept(found) === kept) return found.about;
      this.#release();
    }
  }

  /** The record of the file, unless it is of another than is wanted, and whether it is of the device. */
  async #usable() {
    const about = await recordIn(this.#backend, this.#folder);
    const { sha256: wanted } = this.#settings;
    const other = about?.sha256 && wanted && about.sha256 !== wanted;
    return { about: other ? undefined : about, onDevice: !this.#backend.missing(this.#folder) };
  }

  /**
   * @param {number} position
   * @returns {Promise<boolean>} whether the bytes before `position` are of the same file
   */
  #connect(position) {
    const { timeout = ANSWER, sha256: hash } = this.#settings;
    this.#download?.cancel();
    const { etag, modified, total } = this.#entry?.about ?? {};
    this.#download = new Download(this.#request, {
      signal: this.#abort.signal,
      timeout,
      checked: Boolean(hash),
      version: position > 0 ? { etag, modified, total } : {},
      onDrop: () => {
        this.state = "reconnecting";
        this.#report(this.last);
      },
    });
    return this.#download.open(position);
  }

  /** The file for the engine. */
  get source() {
    const bytes = this.#bytes();
    const stream = new ReadableStream(
      {
        pull: async (controller) => {
          try {
            const { done, value } = await bytes.next();
            if (done) controller.close();
            else controller.enqueue(value);
          } catch (error) {
            // After an abort it is the abort that ended the load.
            if (!this.#abort.signal.aborted) this.failure ??= error;
            controller.error(error);
          }
        },
        cancel: () => this.#abort.abort(),
      },
      // The bytes are stored as they arrive, also while the engine starts: what waits unread is lost if the line drops.
      new ByteLengthQueuingStrategy({ highWaterMark: READ_AHEAD }),
    );
    const { total } = this;
    return new Response(stream, { headers: total ? { "content-length": String(total) } : {} });
  }

  /** The bytes of the whole file, if they are known. */
  get total() {
    const about = this.#entry?.about;
    return about?.kept ? bytesOf(about) : this.#download?.version.total;
  }

  async *#bytes() {
    const { sha256: wanted, strict = true } = this.#settings;
    // What has been checked once need not be again.
    const unchecked = wanted !== undefined && wanted !== this.#entry?.about.sha256;
    this.#checkedLater = unchecked && !strict && this.#fitsAtOnce;
    const hash = unchecked && !this.#checkedLater ? sha256.create() : undefined;
    for await (const chunk of this.#parts()) {
      hash?.update(chunk);
      this.#read += chunk.length;
      yield chunk;
    }
    this.#whole = true;
    if (!hash || hex(hash.digest()) === wanted) return;
    this.#wrong = true;
    const error = this.#mismatch();
    if (strict) throw error;
    if (this.#entry) this.#entry.failure ??= error;
  }

  #mismatch() {
    return makeError("hash_mismatch", `the file at ${this.url} has another SHA-256 than was asked for`);
  }

  /** Whether WebCrypto can hash the file, which it does ten times as fast but only as a whole. */
  get #fitsAtOnce() {
    const { total = Infinity } = this;
    return this.#entry !== undefined && globalThis.crypto?.subtle !== undefined && total <= AT_ONCE;
  }

  /**
   * Whether the stored file has the hash that it should, if that has been left until now.
   *
   * @param {Entry} entry
   */
  async #isRight(entry) {
    if (!this.#checkedLater) return true;
    await entry.flush();
    const digest = await crypto.subtle.digest("SHA-256", await (await entry.blob()).arrayBuffer());
    return hex(new Uint8Array(digest)) === this.#settings.sha256;
  }

  async *#parts() {
    let position = 0;
    try {
      for await (const piece of this.#entry?.pieces() ?? []) {
        position += piece.length;
        yield piece;
      }
    } catch (error) {
      // The site's data was cleared, or the disk fails. What is missing comes from the server, and is not stored.
      this.#gone = true;
      if (this.#entry) this.#entry.failure = error;
      if (!(await this.#connect(position))) throw makeError("changed", "the stored model is gone; load it again");
    }
    const download = this.#download;
    if (!download) return;
    this.state = "downloading";
    this.#meter.reset();
    for (let chunk; (chunk = await download.read());) {
      this.state = "downloading";
      await this.#entry?.append(chunk);
      this.#tellOthers(download.position);
      yield chunk;
    }
  }

  /** @param {number} loaded */
  #tellOthers(loaded) {
    if (performance.now() - this.#told < INTERVAL) return;
    this.#told = performance.now();
    this.#lock?.tell({ loaded, total: this.total });
  }

  /**
   * What the engine reports, and what the store knows besides.
   *
   * @param {Loaded} loaded
   * @returns {Progress}
   */
  progress(loaded) {
    this.last = loaded;
    const { state, resumed, not_kept } = this;
    const speed = state === "reconnecting" ? {} : this.#meter.measure(loaded.loaded, loaded.total);
    return { ...loaded, ...speed, state, resumed, not_kept };
  }

  /** The notice that the file will not be kept, as far as is known. */
  get not_kept() {
    const failure = this.#entry?.failure;
    if (failure) return notKept(failure);
    const missing = this.#backend.missing(this.#folder);
    return missing && notKept(missing.cause);
  }

  /** Whether it is read without being stored, in memory either. */
  get passes() {
    return Boolean(this.#entry?.failure);
  }

  /** @param {{ loaded: number, total?: number }} progress */
  #report({ loaded, total }) {
    try {
      this.#settings.onProgress?.(this.progress({ loaded, total }));
    } catch (error) {
      this.failure ??= error;
      this.#abort.abort();
    }
  }

  /** All of the file as a Blob, if it is stored. Call it when it has been read. */
  async blob() {
    await this.#entry?.flush();
    return this.#whole && !this.#entry?.failure ? this.#entry?.blob() : undefined;
  }

  /**
   * Keeps the file if it was loaded whole; with an error keeps what came of it, unless it is the file's fault. Never
   * throws.
   *
   * @param {unknown} [error]
   */
  async settle(error) {
    this.#abort.abort();
    this.#download?.cancel();
    for (const signal of [this.#settings.signal, this.#request.signal]) {
      signal?.removeEventListener("abort", this.#forward);
    }
    try {
      if (this.#entry) await this.#decide(this.#entry, this.failure ?? error);
    } catch (thrown) {
      if (this.#entry) this.#entry.failure ??= thrown;
    }
    this.#release();
  }

  /**
   * @param {Entry} entry
   * @param {unknown} error
   */
  async #decide(entry, error) {
    const code = error ? codeOf(error) : "aborted";
    const atFault = entry.about.kept ? DAMAGED.includes(code) : !INNOCENT.includes(code);
    if (this.#wrong || this.#gone || atFault) {
      await entry.discard();
    } else if (error || !this.#whole) {
      await entry.close();
    } else if (!(await this.#isRight(entry))) {
      entry.failure ??= this.#mismatch();
      await entry.discard();
    } else {
      await entry.keep(this.#read, this.#settings.sha256 ?? entry.about.sha256);
      await this.#backend.save(this.#folder);
    }
  }

  #release() {
    this.#lock?.release();
    this.#lock = undefined;
  }
}
