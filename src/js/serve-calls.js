// The worker's side of a connection (connection.js): answers the calls that a page posts.

import { codeOf, messageOf } from "./errors.js";

/**
 * @typedef {object} Call
 * @property {number} id the number under which it is answered
 * @property {string} method
 * @property {unknown[]} args
 * @property {number} [session] the generator that it is for, where a worker has several
 */

/**
 * Answers each call with what `answer` returns or throws.
 *
 * @param {(call: Call) => unknown} answer
 * @param {(value: unknown) => Transferable[]} [transferred] what of a value is moved to the page, and not copied
 */
export function serveCalls(answer, transferred = () => []) {
  onmessage = async ({ data }) => {
    const { id } = data;
    try {
      const value = await answer(data);
      postMessage({ id, value }, { transfer: transferred(value) });
    } catch (error) {
      if (isCrash(error)) reportCrash(error);
      else postMessage({ id, error: { message: messageOf(error), code: codeOf(error) } });
    }
  };
  onmessageerror = () => postMessage({ crashed: "a call could not be read" });
}

/**
 * Whether the module has trapped, after which it must not be used again.
 *
 * @param {unknown} error
 */
export const isCrash = (error) => codeOf(error) === "crashed";

/**
 * Tells the page that this worker cannot be used any more.
 *
 * @param {any} error
 */
export const reportCrash = (error) => postMessage({ crashed: messageOf(error.cause ?? error) });
