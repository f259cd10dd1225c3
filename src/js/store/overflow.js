// The device with this page's memory behind it: what the device has no room for, or no place at all, is held until the
// page is left. So a second load on the page needs no second download.

import { RECORD } from "./entry.js";

/** @typedef {import("./backends.js").Backend} Backend */
/**
 * @typedef {object} Held what the device did not take of a folder
 * @property {Map<string, Blob>} files
 * @property {number} bytes
 * @property {unknown} cause why it did not; undefined where there is no device
 * @property {string | undefined} beside the record that the device had then
 */

/** The most bytes that are held, since the engine holds the model as well. */
const MOST = 256 << 20;
/** Why nothing is stored where there is no device. */
export const NOWHERE = "this browser or window does not store anything";

export class Overflow {
  /** @type {Map<string, Held>} */
  #held = new Map();
  #most;
  /**
   * The bytes that are expected of each folder.
   *
   * @type {Map<string, number>}
   */
  #expected = new Map();
  /** What the locks of this backend have in their names: the memory of a page is not that of another. */
  scope = "";

  /**
   * @param {Backend} [device]
   * @param {number} [most] the most bytes that are held
   */
  constructor(device, most = MOST) {
    this.device = device;
    this.#most = most;
    if (!device) this.scope = ` ${Math.random()}`;
  }

  /**
   * Why a folder is not on the device, as far as is known; undefined where it is, or will be.
   *
   * @param {string} folder
   * @returns {{ cause: unknown } | undefined}
   */
  missing(folder) {
    return this.device ? this.#held.get(folder) : { cause: undefined };
  }

  /**
   * @param {string} folder
   * @param {string} file
   */
  async read(folder, file) {
    const held = this.#held.get(folder);
    // Every use of a folder begins with its record. If another page has gone on with the folder, its files are others now.
    if (held && file === RECORD && (await this.#recordOfDevice(folder)) !== held.beside) this.#held.delete(folder);
    return this.#held.get(folder)?.files.get(file) ?? this.device?.read(folder, file);
  }

  /** @param {string} folder */
  async #recordOfDevice(folder) {
    try {
      return await (await this.device?.read(folder, RECORD))?.text();
    } catch {
      return undefined;
    }
  }

  /**
   * @param {string} folder
   * @param {string} file
   * @param {Uint8Array<ArrayBuffer> | string} content
   */
  async write(folder, file, content) {
    if (!this.#held.has(folder)) {
      let cause;
      try {
        if (this.device) return await this.device.write(folder, file, content);
      } catch (error) {
        cause = error;
      }
      this.#held.set(folder, { files: new Map(), bytes: 0, cause, beside: await this.#recordOfDevice(folder) });
    }
    this.#hold(folder, file, content);
  }

  /**
   * Tells how large the files of a folder will be. Of what will not fit into memory nothing is held.
   *
   * @param {string} folder
   * @param {number | undefined} bytes if that is known
   */
  expect(folder, bytes = 0) {
    this.#expected.set(folder, bytes);
  }

  /**
   * @param {string} folder
   * @param {string} file
   * @param {Uint8Array<ArrayBuffer> | string} content
   */
  #hold(folder, file, content) {
    const held = /** @type {Held} */ (this.#held.get(folder));
    const blob = new Blob([content]);
    held.bytes += blob.size - (held.files.get(file)?.size ?? 0);
    held.files.set(file, blob);
    let bytes = Math.max(0, (this.#expected.get(folder) ?? 0) - held.bytes);
    for (const each of this.#held.values()) bytes += each.bytes;
    if (bytes <= this.#most) return;
    this.#held.delete(folder);
    throw held.cause ?? new Error(NOWHERE);
  }

  /**
   * Tries once more to bring to the device what is held of a folder.
   *
   * @param {string} folder
   */
  async save(folder) {
    const held = this.#held.get(folder);
    if (!held || !this.device) return;
    // The record comes last: what it tells of is there.
    const files = [...held.files.keys()].filter((file) => file !== RECORD);
    const written = [];
    try {
      for (const file of [...files, RECORD]) {
        const blob = /** @type {Blob} */ (held.files.get(file));
        written.push(file);
        await this.device.write(folder, file, new Uint8Array(await blob.arrayBuffer()));
      }
      this.#held.delete(folder);
    } catch (cause) {
      held.cause = cause;
      for (const file of written) if (file !== RECORD) await this.device.remove(folder, file).catch(() => {});
    }
  }

  /** @param {string} folder */
  async remove(folder) {
    this.#held.delete(folder);
    await this.device?.remove(folder);
  }

  /** @returns {Promise<string[]>} */
  async folders() {
    return [...new Set([...this.#held.keys(), ...((await this.device?.folders()) ?? [])])];
  }
}
