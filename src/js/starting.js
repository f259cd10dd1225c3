// A text that begins with a promise. `start` and `configure` with a constraint, and `chat`, first get a module. Until
// then the generator still has the text before, and who forgot to wait for the promise would go on with that one.

import { makeError } from "./errors.js";

/** @typedef {import("./nexttoken.js").Generator} Generator */

/** The methods that go on with a text, or begin another one. */
const REFUSED = /** @type {const} */ ([
  "start",
  "configure",
  "prefill",
  "next_token",
  "peek",
  "accept",
  "rewind",
  "logits",
  "snapshot",
  "fork",
]);
/** The methods that call a beginning off. */
const CALLING_OFF = /** @type {const} */ (["abort", "reset"]);

/**
 * What is beginning, by generator. One that was called off is gone from here.
 *
 * @type {WeakMap<Generator, Promise<unknown>>}
 */
const starting = new WeakMap();

/**
 * Calls `begin` with what `prepared` resolves to, unless the beginning is called off meanwhile.
 *
 * @template Prepared
 * @param {Generator} generator
 * @param {Promise<Prepared>} prepared
 * @param {(prepared: Prepared) => void} begin
 */
export async function beginWhen(generator, prepared, begin) {
  starting.set(generator, prepared);
  try {
    const value = await prepared;
    if (starting.get(generator) !== prepared) throw makeError("aborted", "aborted");
    begin(value);
  } finally {
    if (starting.get(generator) === prepared) starting.delete(generator);
  }
}

/**
 * Throws while a text is beginning.
 *
 * @param {Generator} generator
 */
export function refuseWhileStarting(generator) {
  if (!starting.has(generator)) return;
  throw makeError("busy", "a text is beginning: await the promise of start, configure or chat first");
}

/**
 * Has the methods of a generator check whether a text is beginning. Those that give promises check it themselves.
 *
 * @param {Generator} prototype
 */
export function watchStarting(prototype) {
  const before = (/** @type {keyof Generator} */ name, /** @type {(generator: Generator) => void} */ check) => {
    const method = /** @type {(...args: any[]) => any} */ (prototype[name]);
    /** @type {(this: Generator, ...args: any[]) => any} */
    const checked = function (...args) {
      check(this);
      return method.apply(this, args);
    };
    Object.assign(prototype, { [name]: checked });
  };
  for (const name of REFUSED) before(name, refuseWhileStarting);
  for (const name of CALLING_OFF) before(name, (generator) => starting.delete(generator));
}
