// Checks the source and the options of a load before it begins. They come from outside, and what the engine reads later
// must not throw.

import { codeOf, copyOptions, invalidOption, makeError, messageOf } from "./errors.js";
import { resolveUrl } from "./start-module.js";

/**
 * For each class a getter that throws for objects that only have its prototype.
 *
 * @type {[kind: Function, getter: string][]}
 */
const GETTERS = [
  [ArrayBuffer, "byteLength"],
  [Blob, "size"],
  [Response, "ok"],
  [Request, "url"],
  [URL, "href"],
  [ReadableStream, "locked"],
  [AbortSignal, "aborted"],
];
/** The most files a model may have. */
const MAX_PARTS = 99_999;

/** The options of `Generator.load_draft`. */
export const DRAFT_LOADING = ["onProgress", "signal", "timeout"];
/** The options of `Generator.load_adapter`. */
export const ADAPTER_LOADING = ["name", ...DRAFT_LOADING];

/** @param {unknown} value */
function genuine(value) {
  for (const [Kind, name] of GETTERS) {
    if (value instanceof Kind) Reflect.get(Kind.prototype, name, value);
  }
  if (typeof value === "string") {
    // Throws if it is no valid URL.
    const url = resolveUrl(value);
    // In Node it may be the path of a file.
    if (url.protocol === "file:") return url.href;
  }
  // These throw if the buffer was transferred to another thread.
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Response ? value.body?.locked : value instanceof ReadableStream && value.locked) {
    throw makeError("io", "the file could not be read: its stream is being read or has been read already");
  }
  return value;
}

/**
 * @param {string} name
 * @param {unknown} value
 */
function genuineOr(name, value) {
  try {
    if (!Array.isArray(value)) return genuine(value);
    if (value.length > MAX_PARTS) throw new Error("it has too many parts");
    return Array.from(value, genuine);
  } catch (thrown) {
    throw codeOf(thrown) === "io" ? thrown : invalidOption(name, `cannot be read: ${messageOf(thrown)}`);
  }
}

/**
 * A checked source of a model.
 *
 * @param {unknown} source
 * @returns {any} as the engine takes it
 */
export const readable = (source) => genuineOr("source", source);

/**
 * Throws where the option `signal` is no AbortSignal.
 *
 * @param {unknown} signal
 */
export function checkSignal(signal) {
  if (!(genuineOr("signal", signal) instanceof AbortSignal)) throw invalidOption("signal", "must be an AbortSignal");
}

/**
 * The checked options of a load. With `known`, a name that is not in it is an error.
 *
 * @param {unknown} options
 * @param {readonly string[]} [known]
 */
export function loading(options, known) {
  const { onProgress, signal, ...rest } = copyOptions(options, known);
  if (signal != null) {
    checkSignal(signal);
    rest.signal = signal;
  }
  if (onProgress != null) {
    if (typeof onProgress !== "function") throw invalidOption("onProgress", "must be a function");
    rest.onProgress = (/** @type {unknown} */ progress) => {
      try {
        onProgress(progress);
      } catch (thrown) {
        throw makeError("callback", `onProgress threw: ${messageOf(thrown)}`, thrown);
      }
    };
  }
  return rest;
}
