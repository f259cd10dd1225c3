// The store of models: what is kept on this device, by its address. For the documentation see the types.

import { copyOptions, invalidOption, messageOf, withErrorCode } from "../errors.js";
import { loading, readable } from "../source.js";
import { resolveUrl } from "../start-module.js";
import { defaultBackend } from "./backends.js";
import { bytesOf, folderFor, recordIn } from "./entry.js";
import { StoredFile } from "./file.js";
import { Overflow } from "./overflow.js";
import { StoredParts } from "./parts.js";

/** @typedef {import("./backends.js").Backend} Backend */
/** @typedef {import("./file.js").Settings} Settings */
/** @typedef {StoredFile | StoredParts} Opened */

const OPEN = ["signal", "timeout", "sha256", "strict", "onProgress"];

/**
 * @param {unknown} source
 * @returns {Request}
 */
function requestFor(source) {
  const refuse = (/** @type {string} */ reason) => invalidOption("source", `cannot be stored: ${reason}`);
  if (!(typeof source === "string" || source instanceof URL || source instanceof Request)) {
    throw refuse("only what has an address can, so give a URL, a Request, or a list of them");
  }
  const request = source instanceof Request ? source : new Request(resolveUrl(source));
  if (!/^https?:/.test(request.url)) throw refuse(`its address is ${request.url.slice(0, 60)}, and not one of http`);
  if (request.method !== "GET") throw refuse(`its method is ${request.method}, and not GET`);
  return request;
}

/**
 * The requests for a model: one, or those for its parts. Of a split model the address of one part is enough.
 *
 * @param {unknown} source
 * @returns {Request | Request[]}
 */
function requestsFor(source) {
  if (Array.isArray(source)) return source.map(requestFor);
  const request = requestFor(source);
  const [, stem, number, count, rest] = /^([^?#]*)-(\d{5})-of-(\d{5})\.gguf(?=$|[?#])(.*)$/.exec(request.url) ?? [];
  // As the engine does: a request is sent as it is, and stands for one file.
  if (source instanceof Request || !(Number(count) >= 2 && Number(number) >= 1 && Number(number) <= Number(count))) {
    return request;
  }
  const name = (/** @type {number} */ index) => `${stem}-${String(index + 1).padStart(5, "0")}-of-${count}.gguf${rest}`;
  return Array.from({ length: Number(count) }, (_, index) => new Request(name(index)));
}

/**
 * @param {unknown} given
 * @returns {string | undefined}
 */
function hashOf(given) {
  if (given === undefined) return undefined;
  if (typeof given !== "string" || !/^[0-9a-f]{64}$/i.test(given)) {
    throw invalidOption("sha256", "must be 64 hexadecimal digits, or for a model in parts a list of those");
  }
  return given.toLowerCase();
}

export class ModelStore {
  /** @type {Promise<Overflow> | undefined} */
  #backend;

  /** @param {{ backend?: Backend }} [options] */
  constructor(options) {
    const { backend } = copyOptions(options, ["backend"]);
    if (backend) this.#backend = Promise.resolve(new Overflow(backend));
  }

  #opened() {
    return (this.#backend ??= defaultBackend().then((device) => new Overflow(device)));
  }

  /** Opens a model to read it; see the types. */
  open = withErrorCode(async (/** @type {unknown} */ source, /** @type {unknown} */ options) => {
    const { sha256, strict, timeout, ...given } = loading(options, OPEN);
    const requests = requestsFor(readable(source));
    const settings = { ...given, strict, timeout: Number.isInteger(timeout) && timeout >= 0 ? timeout : undefined };
    const backend = await this.#opened();
    if (!Array.isArray(requests)) return StoredFile.open(requests, backend, { ...settings, sha256: hashOf(sha256) });
    if (sha256 !== undefined && !(Array.isArray(sha256) && sha256.length === requests.length)) {
      throw invalidOption("sha256", `must be a list of ${requests.length} hashes, one for each part`);
    }
    const parts = requests.map((request, index) => ({ request, sha256: hashOf(sha256?.[index]) }));
    return StoredParts.open(parts, backend, settings);
  });

  /** What is stored; see the types. */
  list = withErrorCode(async () => {
    const { device } = await this.#opened();
    const models = [];
    for (const folder of (await device?.folders()) ?? []) {
      const about = device && (await recordIn(device, folder));
      if (!about) continue;
      const { url, kept, total, sha256, used } = about;
      models.push({ url, kept, size: bytesOf(about), total, sha256, used: new Date(used) });
    }
    return models;
  });

  /** Whether a model is kept whole; see the types. */
  has = withErrorCode(async (/** @type {string | URL} */ url) => {
    const { device } = await this.#opened();
    const about = device && (await recordIn(device, folderFor(addressOf(url))));
    return Boolean(about?.kept);
  });

  /** Removes what is stored of a model; see the types. */
  delete = withErrorCode(async (/** @type {string | URL} */ url) => {
    await (await this.#opened()).remove(folderFor(addressOf(url)));
  });

  /** Removes everything. */
  clear = withErrorCode(async () => {
    const backend = await this.#opened();
    for (const folder of await backend.folders()) await backend.remove(folder);
  });

  /** How much room there is; see the types. */
  estimate = withErrorCode(async () => {
    const models = (await this.list()).reduce((total, { size }) => total + size, 0);
    const { usage, quota } = (await storageManager()?.estimate?.()) ?? {};
    const persisted = Boolean(await storageManager()?.persisted?.());
    return { backend: (await this.#opened()).device?.name, models, usage, quota, persisted };
  });

  /** Asks the browser never to remove the models by itself; see the types. */
  persist = withErrorCode(async () => Boolean(await storageManager()?.persist?.()));
}

/** @returns {StorageManager | undefined} */
const storageManager = () => globalThis.navigator?.storage;

/** @param {string | URL} url */
function addressOf(url) {
  try {
    return Object.assign(resolveUrl(url), { hash: "" }).href;
  } catch (thrown) {
    throw invalidOption("url", `is no address: ${messageOf(thrown)}`);
  }
}

/** The store of this device. */
export const store = new ModelStore();
