// The worker's side of a connection (connection.js): answers the calls that a page posts.

import { codeOf, makeError, messageOf } from "./errors.js";
import { builtin } from "./node.js";
import { setProvider } from "./start-module.js";

/** What messages come from and go to: in a thread of Node a port, in a browser the worker itself. */
const page = builtin("node:worker_threads")?.parentPort ?? globalThis;

/**
 * Questions to the page that wait for an answer.
 *
 * @type {Map<number, { resolve: (value: any) => void, reject: (error: unknown) => void }>}
 */
const asked = new Map();
let questions = 0;

/**
 * Asks the page where a module comes from; see connection.js.
 *
 * @type {import("./start-module.js").Provider}
 */
const askPage = (name, file) =>
  new Promise((resolve, reject) => {
    asked.set((questions += 1), { resolve, reject });
    page.postMessage({ wanted: questions, name, file });
  });

/** @param {{ wanted: number, value?: unknown, error?: { code: import("./errors.js").Code, message: string } }} answer */
function answered({ wanted, value, error }) {
  const question = asked.get(wanted);
  asked.delete(wanted);
  if (error) question?.reject(makeError(error.code, error.message));
  else question?.resolve(value);
}

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
  setProvider(askPage);
  page.onmessage = async (/** @type {{ data: any }} */ { data }) => {
    if (data.wanted !== undefined) return answered(data);
    const { id } = data;
    try {
      const value = await answer(data);
      page.postMessage({ id, value }, { transfer: transferred(value) });
    } catch (error) {
      if (isCrash(error)) reportCrash(error);
      else page.postMessage({ id, error: { message: messageOf(error), code: codeOf(error), cause: causeOf(error) } });
    }
  };
  page.onmessageerror = () => page.postMessage({ crashed: "a call could not be read" });
}

/**
 * The cause of an error, if it can be posted.
 *
 * @param {any} error
 */
function causeOf(error) {
  try {
    return structuredClone(error?.cause);
  } catch {
    return undefined;
  }
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
export const reportCrash = (error) => page.postMessage({ crashed: messageOf(error.cause ?? error) });

/**
 * Tells the page how far a call is.
 *
 * @param {number} id
 * @param {unknown} progress
 */
export const reportProgress = (id, progress) => page.postMessage({ id, progress });
