// Wraps the exports of a WebAssembly module so that every error has a code. Errors that wasm-bindgen itself throws have
// none, and after a trap the state of the module is unknown, so that it must not be called again. The glue hands over
// here what threads need of the module, too.

import { makeError, messageOf } from "./errors.js";

/**
 * wasm-bindgen's messages for an object that has been freed, and for one that is used recursively; with our code and
 * message for each.
 *
 * @type {[message: RegExp, code: import("./errors.js").Code, sentence: string][]}
 */
const OWN = [
  [/null pointer/, "freed", "it was freed"],
  [/recursive use|borrowed/, "busy", "it is in use: this call comes from inside of another one"],
];
/** Helper functions of the glue, which are only called within other calls. */
const TOOLS = /^__(externref|wbindgen_(?!destroy))/;
const FREES = /^__wb.*_(free|destroy_closure)$/;
/**
 * Exports that the browser calls to continue a promise. No caller could catch an error there; it reaches those who wait
 * for the promise.
 */
const TASKS = /closures/;

export class Guard {
  /**
   * The error of the first trap.
   *
   * @type {Error | undefined}
   */
  #stopped;
  /** The number of calls that have not returned. */
  #depth = 0;
  /**
   * Objects to free once all calls have returned.
   *
   * @type {(() => void)[]}
   */
  #later = [];
  /** @type {Set<(error: unknown) => void>} */
  #waiting = new Set();
  /**
   * The memory that the module is to import, where threads share it.
   *
   * @type {WebAssembly.Memory | undefined}
   */
  memory;
  /**
   * The module that was started.
   *
   * @type {WebAssembly.Module | undefined}
   */
  module;

  /**
   * What a module imports, with the memory for a module that shares it.
   *
   * @param {WebAssembly.Imports} imports
   */
  withMemory(imports) {
    return this.memory ? { ...imports, env: { memory: this.memory } } : imports;
  }

  /**
   * Wraps the exports of `module`.
   *
   * @param {WebAssembly.Exports} exports
   * @param {WebAssembly.Module} module
   */
  over(exports, module) {
    this.module = module;
    // It was started without threads.
    if (exports.memory !== this.memory) this.memory = undefined;
    const guarded = (/** @type {[string, WebAssembly.ExportValue]} */ [name, value]) => [
      name,
      typeof value !== "function" || TOOLS.test(name) ? value : this.#entry(value, FREES.test(name), TASKS.test(name)),
    ];
    return Object.fromEntries(Object.entries(exports).map(guarded));
  }

  /**
   * Wraps `promise` so that it is rejected if a task traps, in which case it would never settle.
   *
   * @template Value
   * @param {Promise<Value>} promise
   * @returns {Promise<Value>}
   */
  rejectOnTrap(promise) {
    return new Promise((resolve, reject) => {
      if (this.#stopped) reject(this.#stopped);
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /**
   * @param {Function} call
   * @param {boolean} frees
   * @param {boolean} task
   */
  #entry(call, frees, task) {
    /** @type {(...args: any[]) => unknown} */
    const entry = (...args) => {
      if ((frees && !args[0]) || (this.#stopped && (frees || task))) return [];
      if (this.#stopped) throw this.#stopped;
      if (frees && this.#depth > 0) return void this.#later.push(() => entry(...args));
      // The glue takes this for a result without an error.
      /** @type {unknown} */
      let value = [];
      this.#depth += 1;
      try {
        value = call(...args);
      } catch (thrown) {
        const error = this.#named(thrown);
        if (!task) throw error;
      } finally {
        this.#depth -= 1;
        if (this.#depth === 0) this.#later.splice(0).forEach((free) => free());
      }
      // A nested call may have trapped.
      if (this.#stopped && !task) throw this.#stopped;
      return value;
    };
    return entry;
  }

  /**
   * The error for an exception from the module. The module returns its own errors, so that this is one of
   * wasm-bindgen's or a trap.
   *
   * @param {unknown} thrown
   */
  #named(thrown) {
    if (this.#stopped) return this.#stopped;
    const reason = messageOf(thrown);
    const own = OWN.find(([pattern]) => pattern.test(reason));
    if (own) return makeError(own[1], own[2]);
    this.#stopped = makeError("crashed", `the engine stopped (${reason}); load the page again`, thrown);
    for (const reject of this.#waiting) reject(this.#stopped);
    return this.#stopped;
  }
}
