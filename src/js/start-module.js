// Starting a WebAssembly module, whichever it is.

import { copyOptions, invalidOption, makeError, messageOf } from "./errors.js";
import { fileUrl, readLocal, workingFolder } from "./node.js";

/**
 * Makes `load` run once: later calls wait for the first. Where that fails, the next call tries again.
 *
 * @template {unknown[]} Args
 * @template Result
 * @param {(...args: Args) => Promise<Result>} load
 * @returns {(...args: Args) => Promise<Result>}
 */
export function memoizeAsync(load) {
  /** @type {Promise<Result> | undefined} */
  let loading;
  return (...args) =>
    (loading ??= load(...args).catch((error) => {
      loading = undefined;
      throw error;
    }));
}

/** @typedef {"engine" | "chat" | "constraint" | "trainer" | "encoder"} ModuleName */
/**
 * Where a module comes from: its address, or the module itself. Both can be posted to a worker.
 *
 * @typedef {string | WebAssembly.Module} ModuleSource
 */
/**
 * Tells where a module comes from; `file` is the name of the one that is shipped, which undefined stands for.
 *
 * @typedef {(name: ModuleName, file: string) => ModuleSource | undefined | Promise<ModuleSource | undefined>} Provider
 */

/** @type {Provider} */
let shared = () => undefined;

/**
 * Where the modules on this thread come from, and in the workers that it starts.
 *
 * @type {Provider}
 */
export const provide = (name, file) => shared(name, file);

/** @param {Provider} provider */
export const setProvider = (provider) => void (shared = provider);

/**
 * The provider that the option `wasm` stands for. Where it is no function, it is for the module `own` alone. What is
 * not in it comes from where the modules of this thread come from.
 *
 * @param {ModuleName} own
 * @param {unknown} wasm
 * @returns {Provider}
 */
export function providerOf(own, wasm) {
  if (wasm === undefined) return provide;
  const before = shared;
  /** @type {Map<string, Promise<ModuleSource | undefined>>} */
  const found = new Map();
  const find = async (/** @type {ModuleName} */ name, /** @type {string} */ file) => {
    const given = typeof wasm === "function" ? await wasm(name, file) : name === own ? wasm : undefined;
    return given == null ? before(name, file) : sourceOf(given, name);
  };
  // Kept, because a response can be read only once, and a module compiled once serves all threads.
  return (name, file) => {
    let source = found.get(file);
    if (!source) {
      found.set(file, (source = find(name, file)));
      source.catch(() => found.delete(file));
    }
    return source;
  };
}

/**
 * @param {unknown} given
 * @param {ModuleName} name
 * @returns {Promise<ModuleSource>}
 */
async function sourceOf(given, name) {
  if (given instanceof WebAssembly.Module) return given;
  if (typeof given === "string" || given instanceof URL) return resolveOption("wasm", given).href;
  try {
    if (given instanceof Response) return await WebAssembly.compile(await bytesOf(given));
    if (given instanceof ArrayBuffer || ArrayBuffer.isView(given)) {
      return await WebAssembly.compile(/** @type {BufferSource} */ (given));
    }
  } catch (error) {
    throw unavailable(name, "the given bytes", error);
  }
  throw invalidOption(
    "wasm",
    "must be bytes, a WebAssembly.Module, a Response, an address, or a function of a module's name that returns one",
  );
}

/** @param {Response} response */
async function bytesOf(response) {
  if (!response.ok) throw new Error(`the server answered ${response.status} for ${response.url}`);
  return response.arrayBuffer();
}

const TITLES = {
  engine: "engine",
  chat: "chat module",
  constraint: "constraint module",
  trainer: "trainer",
  encoder: "module of text encoders",
};

/**
 * @param {ModuleName} name
 * @param {unknown} from
 * @param {unknown} error
 */
const unavailable = (name, from, error) =>
  makeError("wasm_unavailable", `the ${TITLES[name]} could not be loaded from ${from}: ${messageOf(error)}`, error);

/**
 * Starts a module by its glue. The errors name the module and its address.
 *
 * @param {ModuleName} name
 * @param {(from: { module_or_path: any }) => Promise<unknown>} start
 * @param {ModuleSource | URL} source
 */
export async function startModule(name, start, source) {
  const url = typeof source === "string" ? new URL(source) : source instanceof URL ? installed(source) : source;
  try {
    await start({ module_or_path: url instanceof URL ? ((await readLocal(url)) ?? url) : url });
  } catch (error) {
    if (url instanceof URL && (await isPage(url))) throw unavailable(name, url, NO_MODULE);
    throw unavailable(name, url instanceof URL ? url : "the given module", error);
  }
}

/**
 * Where a file of the package lies. Vite's development server moves the package's scripts into a folder of its own, but
 * not what lies beside them, which it serves from where it is installed.
 *
 * @param {URL} shipped the address of the file beside the script that asks
 */
export function installed(shipped) {
  // Next.js makes addresses without an origin, which are left as they are.
  const moved = /^(.+\/node_modules)\/\.vite\/(?:.+\/)?deps\/([^/?]+)/.exec(shipped.href);
  return moved ? new URL(`${moved[1]}/nexttoken/${moved[2]}`) : shipped;
}

const NO_MODULE = new Error(
  "there is an HTML page at this address. Copy the package's *.wasm files beside the script; " +
    'in Vite set `optimizeDeps: { exclude: ["nexttoken"] }`',
);

/**
 * Whether a server answers with a page, as some do in place of a file that they do not have.
 *
 * @param {URL} url
 */
async function isPage(url) {
  try {
    const { headers } = await fetch(url, { method: "HEAD" });
    return headers.get("content-type")?.startsWith("text/html");
  } catch {
    return false;
  }
}

/**
 * Where the module `name` comes from: what the caller gave, else the shipped file.
 *
 * @param {ModuleName} name
 * @param {string} file
 * @param {() => URL} shipped its address
 */
export const locate = async (name, file, shipped) => (await provide(name, file)) ?? shipped();

/**
 * `address` resolved as `fetch` would: against the base of the page, or against the worker that this runs in. In Node
 * it may be the path of a file.
 *
 * @param {string | URL} address
 */
export const resolveUrl = (address) => fileUrl(address) ?? new URL(address, baseUrl());

const baseUrl = () => globalThis.document?.baseURI ?? workingFolder() ?? globalThis.location?.href;

/**
 * The address that was given as the option `name`.
 *
 * @param {string} name
 * @param {string | URL} address
 */
export function resolveOption(name, address) {
  try {
    return resolveUrl(address);
  } catch (thrown) {
    throw invalidOption(name, `is no address: ${messageOf(thrown)}`);
  }
}

/**
 * The options of `init` or of a worker's load, with `wasm_url` resolved.
 *
 * @param {unknown} options
 * @param {readonly string[]} [known]
 */
export function moduleOptions(options, known) {
  const copy = copyOptions(options, known);
  if (copy.wasm_url === undefined) return copy;
  if (copy.wasm !== undefined) throw invalidOption("wasm_url", 'cannot be there together with "wasm"');
  return { ...copy, wasm_url: resolveOption("wasm_url", copy.wasm_url) };
}
