// The exports of a WebAssembly module, called so that every error has a code: what wasm-bindgen throws by itself
// has none, and after a trap nobody knows what state the module is in.

import { failure, words } from "./errors.js";

/** What wasm-bindgen says of an object that is gone, or that a call from inside of another call would change. */
const OWN = [
  [/null pointer/, "freed", "it was freed"],
  [/recursive use|borrowed/, "busy", "it is in use: this call comes from inside of another one"],
];
/** The glue's own tools, which run inside of calls. */
const TOOLS = /^__(externref|wbindgen_(?!destroy))/;
const FREES = /^__wb.*_(free|destroy_closure)$/;
/** What the browser calls to go on with a promise: there is nobody to throw at but those who wait for it. */
const TASKS = /closures/;

export class Guard {
  /** The error of the trap, after one. */
  #stopped;
  /** Calls that have not returned. */
  #depth = 0;
  /** What to free once they have. */
  #later = [];
  #waiting = new Set();

  /** `exports`, guarded. */
  over(exports) {
    const guarded = ([name, value]) => [
      name,
      typeof value !== "function" || TOOLS.test(name) ? value : this.#entry(value, FREES.test(name), TASKS.test(name)),
    ];
    return Object.fromEntries(Object.entries(exports).map(guarded));
  }

  /** `promise`, which would never settle where the task behind it traps. */
  settled(promise) {
    return new Promise((resolve, reject) => {
      if (this.#stopped) reject(this.#stopped);
      this.#waiting.add(reject);
      promise.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  #entry(call, frees, task) {
    const entry = (...args) => {
      if ((frees && !args[0]) || (this.#stopped && (frees || task))) return [];
      if (this.#stopped) throw this.#stopped;
      if (frees && this.#depth > 0) return void this.#later.push(() => entry(...args));
      // What the glue takes for a result without an error.
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
      // What was called from inside may have trapped.
      if (this.#stopped && !task) throw this.#stopped;
      return value;
    };
    return entry;
  }

  /** What was thrown out of the module. It returns its own errors, so that this is wasm-bindgen's, or a trap. */
  #named(thrown) {
    if (this.#stopped) return this.#stopped;
    const reason = words(thrown);
    const own = OWN.find(([pattern]) => pattern.test(reason));
    if (own) return failure(own[1], own[2]);
    this.#stopped = failure("crashed", `the engine stopped (${reason}); load the page again`, thrown);
    for (const reject of this.#waiting) reject(this.#stopped);
    return this.#stopped;
  }
}
