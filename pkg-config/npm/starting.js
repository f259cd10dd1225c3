// How a WebAssembly module begins, whichever it is.

import { failure, unusable, words } from "./errors.js";

/** `load` for the first caller, whom later ones wait for; after a failure it can be tried again. */
export function once(load) {
  let loading;
  return (...args) =>
    (loading ??= load(...args).catch((error) => {
      loading = undefined;
      throw error;
    }));
}

/** What `begin` gives; a failure names the module (`what`) and its address. */
export async function begun(begin, what, url) {
  try {
    return await begin();
  } catch (error) {
    throw failure("wasm_unavailable", `the ${what} could not be loaded from ${url}: ${words(error)}`, error);
  }
}

/** What an address is meant against: the page or the worker it is used in. */
export const here = () => globalThis.document?.baseURI ?? globalThis.location?.href;

/** `address` against the page or the worker it is used in. */
export function absolute(address) {
  try {
    return new URL(address, here());
  } catch (thrown) {
    throw unusable("wasm_url", `is no address: ${words(thrown)}`);
  }
}
