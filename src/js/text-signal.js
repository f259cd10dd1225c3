// The option `signal` of a text: an AbortSignal that ends it, as `abort` does.

import { copyOptions, makeError } from "./errors.js";
import { checkSignal } from "./source.js";

/**
 * What stops listening to the signal of a generator's text.
 *
 * @type {WeakMap<object, () => void>}
 */
const forgetters = new WeakMap();

/**
 * Has the signal of the generator's text, if it has one, no longer abort anything: the text is another one.
 *
 * @param {object} generator
 */
export function forgetSignal(generator) {
  forgetters.get(generator)?.();
  forgetters.delete(generator);
}

/**
 * Begins a text, which the signal among its options aborts: from now on, so that it also calls the beginning off.
 *
 * @template Begun
 * @param {object} generator
 * @param {unknown} given the options
 * @param {() => void} abort
 * @param {(options: Record<string, any>) => Begun} begin is given the other options
 * @returns {Begun}
 */
export function beginWithSignal(generator, given, abort, begin) {
  const { signal, ...options } = copyOptions(given);
  if (signal != null) checkSignal(signal);
  if (signal?.aborted) throw makeError("aborted", "aborted", signal.reason);
  forgetSignal(generator);
  const forget = () => signal?.removeEventListener("abort", abort);
  signal?.addEventListener("abort", abort, { once: true });
  forgetters.set(generator, forget);
  const failed = (/** @type {unknown} */ thrown) => {
    forget();
    throw thrown;
  };
  try {
    const begun = begin(options);
    return begun instanceof Promise ? /** @type {Begun} */ (begun.catch(failed)) : begun;
  } catch (thrown) {
    return failed(thrown);
  }
}
