// One file of a model in the store: its bytes in segments, and a record about it.
//
// A segment counts once it is in the record, which is written after it. So whatever ends a download, the bytes that the
// record tells of are there.

import { sha256 } from "../vendor/sha256.js";

/** @typedef {Pick<import("./backends.js").Backend, "read" | "write" | "remove">} Files */
/**
 * @typedef {object} About the record of a file
 * @property {string} url
 * @property {string} [etag] as the server sent it
 * @property {string} [modified] likewise
 * @property {number} [total] bytes of the whole file, if the server announced them
 * @property {number[]} segments the bytes of each
 * @property {boolean} kept whether it was loaded whole
 * @property {string} [sha256] its hash, where it has been checked
 * @property {number} used when it was last loaded, in milliseconds since 1970
 */

/** The file with the record. */
export const RECORD = "about.json";
/** The sizes of segments: the more was received, the larger, so that their number stays small and little can be lost. */
const SEGMENT = { least: 1 << 16, most: 1 << 23, share: 64 };
/** The bytes passed on at a time from a segment. */
const PIECE = 1 << 20;
/** How often a record is tried to be read, and the time between, in milliseconds. */
const TRIES = 5;
const PAUSE = 20;
/** How every model begins. */
const MAGIC = "GGUF";

/**
 * The name of the folder for an address.
 *
 * @param {string} url
 */
export const folderFor = (url) => hex(sha256.create().update(new TextEncoder().encode(url)).digest()).slice(0, 32);

/** @param {Uint8Array} bytes */
export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * The record in a folder; undefined where there is none.
 *
 * @param {Pick<Files, "read">} backend
 * @param {string} folder
 * @returns {Promise<About | undefined>}
 */
export async function recordIn(backend, folder) {
  for (let tries = 0; tries < TRIES; tries += 1) {
    try {
      const about = JSON.parse((await (await backend.read(folder, RECORD))?.text()) ?? "null");
      return typeof about?.url === "string" && Array.isArray(about.segments) ? about : undefined;
    } catch {
      // A file cannot be read while another tab replaces it.
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
  return undefined;
}

/** @param {number[]} sizes */
const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);

const gone = () => new Error("a part of the stored model is gone");

/** @param {About} about */
export const bytesOf = ({ segments }) => sum(segments);

export class Entry {
  #backend;
  #folder;
  /** @type {Uint8Array[]} */
  #pending = [];
  #pendingBytes = 0;
  /** Settles when nothing is being written. */
  #writing = Promise.resolve();
  /** Whether the entry takes no more bytes. */
  #closed = false;
  /** Whether the segments of an earlier file are still there, of which nothing is used. */
  #replaces = false;
  /**
   * Why nothing more is written, where that is so.
   *
   * @type {unknown}
   */
  failure;

  /**
   * @param {Files} backend
   * @param {string} folder
   * @param {About} about
   */
  constructor(backend, folder, about) {
    this.#backend = backend;
    this.#folder = folder;
    this.about = about;
  }

  /** The bytes that are stored. */
  get stored() {
    return bytesOf(this.about);
  }

  /**
   * Begins anew: what follows are the first bytes of another file. The old ones stay until some of these are written.
   *
   * @param {Partial<About>} about
   */
  restart(about) {
    this.about = { url: this.about.url, segments: [], kept: false, used: Date.now(), ...about };
    this.#replaces = true;
  }

  /** The stored bytes in pieces. Throws where some are gone; those before them still count. */
  async *pieces() {
    for (const [index, size] of [...this.about.segments].entries()) {
      const blob = await this.#segment(index, size);
      for (let start = 0; start < size; start += PIECE) {
        const end = Math.min(size, start + PIECE);
        const bytes = new Uint8Array(await blob.slice(start, end).arrayBuffer());
        if (bytes.length !== end - start) throw gone();
        yield bytes;
      }
    }
  }

  /** All stored bytes as one Blob, without reading them. */
  async blob() {
    return new Blob(await Promise.all(this.about.segments.map((size, index) => this.#segment(index, size))));
  }

  /**
   * @param {number} index
   * @param {number} size
   */
  async #segment(index, size) {
    const blob = await this.#backend.read(this.#folder, String(index));
    if (blob?.size !== size) throw gone();
    return blob;
  }

  /**
   * Takes the bytes that follow. They are written in the background, but no faster than they can be.
   *
   * @param {Uint8Array} bytes
   */
  async append(bytes) {
    // What has waited long comes in one large piece, of which the disk may have room for the beginning alone.
    for (let start = 0; start < bytes.length; start += SEGMENT.least) {
      await this.#append(bytes.slice(start, start + SEGMENT.least));
    }
  }

  /** @param {Uint8Array} bytes */
  async #append(bytes) {
    if (this.failure || this.#closed) return;
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    const share = (this.stored + this.#pendingBytes) / SEGMENT.share;
    if (this.#pendingBytes < Math.max(SEGMENT.least, Math.min(SEGMENT.most, share))) return;
    await this.#writing;
    void this.#writeNext();
  }

  /** Writes what has been taken. */
  async flush() {
    void this.#writeNext();
    await this.#idle();
  }

  /** Writes what has been taken, and takes nothing more: another may go on with the file. */
  async close() {
    this.#closed = true;
    await this.flush();
  }

  /** Writes after all earlier writes, of which two at once would be of the same segment. */
  #writeNext() {
    return (this.#writing = this.#writing.then(() => this.#write()));
  }

  /** Waits until nothing is being written. Another write may begin as one ends. */
  async #idle() {
    for (let last; last !== this.#writing;) await (last = this.#writing);
  }

  /** Never throws: what goes wrong ends the writing, and not the load. */
  async #write() {
    if (this.failure || this.#pendingBytes === 0) return;
    // More may be taken meanwhile.
    const parts = this.#pending.splice(0);
    this.#pendingBytes = 0;
    try {
      const bytes = new Uint8Array(await new Blob(/** @type {BlobPart[]} */ (parts)).arrayBuffer());
      if (this.about.segments.length === 0) await this.#begin(bytes);
      await this.#backend.write(this.#folder, String(this.about.segments.length), bytes);
      this.about.segments.push(bytes.length);
      await this.record();
    } catch (error) {
      this.failure ??= error;
    }
  }

  /**
   * Before the first segment: what is no model replaces nothing. It may be the login page of a network.
   *
   * @param {Uint8Array} bytes
   */
  async #begin(bytes) {
    if (new TextDecoder().decode(bytes.subarray(0, MAGIC.length)) !== MAGIC) throw new Error("it is no GGUF file");
    if (this.#replaces) await this.#backend.remove(this.#folder);
    this.#replaces = false;
  }

  record() {
    return this.#backend.write(this.#folder, RECORD, JSON.stringify(this.about));
  }

  /**
   * Marks the file as whole. Throws if it is not all there.
   *
   * @param {number} size its bytes
   * @param {string} [sha256] its hash, if that has been checked
   */
  async keep(size, sha256) {
    await this.flush();
    if (this.failure) throw this.failure;
    if ((await this.blob()).size !== size) throw gone();
    Object.assign(this.about, { kept: true, used: Date.now(), total: this.stored, sha256 });
    await this.record();
  }

  /** Removes the file, unless nothing of it was ever written: then it is an earlier one that is there. */
  async discard() {
    this.failure ??= new Error("it was discarded");
    await this.#idle();
    if (!this.#replaces) await this.#backend.remove(this.#folder);
  }
}
