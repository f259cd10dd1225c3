// Starting a WebAssembly module, whichever it is.

import { failure, unusable, words } from "./errors.js";

/** Makes `load` run once: later calls wait for the first. After a failure it can be tried again. */
export function once(load) {
  let loading;
  return (...args) =>
    (loading ??= load(...args).catch((error) => {
      loading = undefined;
      throw error;
    }));
}

/** The result of `begin`. Its errors name the module (`what`) and its address. */
export async function begun(begin, what, url) {
  try {
    return await begin();
  } catch (error) {
    throw failure("wasm_unavailable", `the ${what} could not be loaded from ${url}: ${words(error)}`, error);
  }
}

/** The base of relative addresses: the page or worker that this runs in. */
export const here = () => globalThis.document?.baseURI ?? globalThis.location?.href;

/** `address` resolved against the page or worker that this runs in. */
export function absolute(address) {
  try {
    return new URL(address, here());
  } catch (thrown) {
    throw unusable("wasm_url", `is no address: ${words(thrown)}`);
  }
}
