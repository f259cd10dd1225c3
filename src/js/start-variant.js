// Starting a module that is shipped in several variants: the engine, and the module of text encoders.

import { invalidOption, makeError } from "./errors.js";
import { bestVariant } from "./features.js";
import { provide, providerOf, setProvider, startModule } from "./start-module.js";

/**
 * @typedef {{ variant?: "relaxed" | "simd128", wasm?: unknown, wasm_url?: string | URL, threads?: unknown }} VariantOptions
 */
/**
 * A module in variants.
 *
 * @typedef {object} Variants
 * @property {import("./start-module.js").ModuleName} name
 * @property {string} prefix how the names of its files begin
 * @property {(from: { module_or_path: any }) => Promise<unknown>} start its glue
 * @property {import("./guard.js").Guard} guard
 * @property {Record<"relaxed" | "simd128" | "relaxed_threads" | "simd128_threads", () => URL>} shipped their addresses
 */

/**
 * Starts the variant that was asked for, or the best that the browser can run; the one with threads where the guard has
 * memory to share. Resolves to its name.
 *
 * @param {Variants} module
 * @param {VariantOptions & { wasm_url?: URL }} options
 */
export async function startVariant({ name, prefix, start, guard, shipped }, { variant, wasm, wasm_url }) {
  if (wasm_url !== undefined) {
    await startModule(name, start, wasm_url);
    return "custom";
  }
  if (variant !== undefined && variant !== "relaxed" && variant !== "simd128") {
    throw invalidOption("variant", 'must be "relaxed" or "simd128"');
  }
  if (wasm !== undefined) setProvider(providerOf(name, wasm));
  /** @type {"relaxed" | "simd128" | null} */
  const chosen = variant ?? bestVariant();
  /** @type {keyof typeof shipped} */
  const file = `${chosen ?? "simd128"}${guard.memory ? "_threads" : ""}`;
  const given = await provide(name, `${prefix}${file}.wasm`);
  if (given === undefined && chosen === null) {
    throw makeError(
      "unsupported_browser",
      `this browser cannot run the ${name}: it has no WebAssembly SIMD (every current browser has)`,
    );
  }
  await startModule(name, start, given ?? shipped[file]());
  return given === undefined ? chosen : "custom";
}
