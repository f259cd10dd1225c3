// Starting a WebAssembly module, whichever it is.

import { invalidOption, makeError, messageOf } from "./errors.js";

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

/**
 * The result of `start`. Its errors name the module (`what`) and its address.
 *
 * @template Result
 * @param {() => Promise<Result>} start
 * @param {string} what
 * @param {URL} url
 */
export async function startModule(start, what, url) {
  try {
    return await start();
  } catch (error) {
    throw makeError("wasm_unavailable", `the ${what} could not be loaded from ${url}: ${messageOf(error)}`, error);
  }
}

/**
 * `address` resolved as `fetch` would: against the base of the page, or against the worker that this runs in.
 *
 * @param {string | URL} address
 */
export const resolveUrl = (address) => new URL(address, globalThis.document?.baseURI ?? globalThis.location?.href);

/**
 * The address that was given as the option `wasm_url`.
 *
 * @param {string | URL} address
 */
export function resolveWasmUrl(address) {
  try {
    return resolveUrl(address);
  } catch (thrown) {
    throw invalidOption("wasm_url", `is no address: ${messageOf(thrown)}`);
  }
}
