// The engine on the thread that imports this file: chooses a module, starts it, and adds to `Generator` what is written
// in JavaScript.

import start, { Generator, guard } from "./nexttoken.js";
import { renderChat } from "./chat.js";
import { copyOptions, invalidOption, makeError, messageOf, withErrorCode } from "./errors.js";
import { bestVariant } from "./features.js";
import { loading, readable } from "./source.js";
import { memoizeAsync, resolveWasmUrl, startModule } from "./start-module.js";

/** @typedef {import("./nexttoken.js").GenerateOptions} GenerateOptions */
/** @typedef {{ variant?: "relaxed" | "simd128", wasm_url?: string | URL }} EngineOptions */

// Written out in full, because bundlers look for exactly this expression.
const shipped = {
  relaxed: () => new URL("./nexttoken_relaxed.wasm", import.meta.url),
  simd128: () => new URL("./nexttoken_simd128.wasm", import.meta.url),
};

/**
 * Loads and starts the WebAssembly module. Call it once before anything else; later calls wait for the first and do
 * nothing more.
 * `variant` forces one of the shipped modules instead of the best that the browser can run; `wasm_url` is the address of
 * another module.
 */
export default memoizeAsync(async (/** @type {EngineOptions | undefined} */ options) => {
  const { variant, url } = choose(copyOptions(options, ["variant", "wasm_url"]));
  await startModule(() => start({ module_or_path: url }), "engine", url);
  return { variant };
});

/** @param {EngineOptions} options */
function choose({ variant, wasm_url }) {
  if (wasm_url !== undefined) return { variant: "custom", url: resolveWasmUrl(wasm_url) };
  const chosen = variant ?? bestVariant();
  if (chosen === null) {
    throw makeError(
      "unsupported_browser",
      "this browser cannot run the engine: it has no WebAssembly SIMD (every current browser has)",
    );
  }
  if (!Object.hasOwn(shipped, chosen)) throw invalidOption("variant", 'must be "relaxed" or "simd128"');
  return { variant: chosen, url: shipped[chosen]() };
}

/**
 * For the documentation see the types. Here the arguments are checked before the module is called, and a trap rejects
 * the promise.
 */
const { load, inspect } = Generator;
Generator.load = withErrorCode((source, options) => guard.rejectOnTrap(load(readable(source), loading(options))));
Generator.inspect = withErrorCode((source, options) => guard.rejectOnTrap(inspect(readable(source), loading(options))));

/** Iterates over the tokens still to come. Leaving the loop aborts the text. */
Generator.prototype[Symbol.iterator] = function* tokens() {
  let left = false;
  try {
    for (let token; (token = this.next_token()); left = false) {
      left = true;
      yield token;
    }
  } finally {
    if (left && this.__wbg_ptr) this.abort();
  }
};

/** Starts the model's answer to `messages`; see the types. */
Generator.prototype.chat = withErrorCode(async function chat(messages, options) {
  const [conversation, writing] = await renderChat(this, messages, options);
  this.start_chat(conversation, await constrained(this, writing));
});

/** @param {Record<string, unknown>} options */
const isConstrained = (options) => ["json_schema", "regex", "grammar"].some((kind) => options[kind] !== undefined);

/**
 * `options` with the constraint among them compiled, if there is one.
 *
 * @param {Generator} generator
 * @param {unknown} options
 * @returns {Promise<GenerateOptions>}
 */
export async function constrained(generator, options) {
  const copy = copyOptions(options);
  if (!isConstrained(copy)) return copy;
  const { compile } = await import("./constraint.js");
  return compile(generator, copy);
}

// With a constraint these methods return a promise, because its module may have to be loaded.
for (const name of /** @type {const} */ (["start", "configure"])) {
  /** @type {(this: Generator, ...args: any[]) => void | Promise<void>} */
  const plain = Generator.prototype[name];
  const later = withErrorCode(
    /**
     * @this {Generator}
     * @param {object} options
     * @param {unknown[]} args
     */
    async function (options, ...args) {
      return plain.call(this, ...args, await constrained(this, options));
    },
  );
  Generator.prototype[name] = function (/** @type {unknown[]} */ ...args) {
    const options = copyOptions(args[plain.length - 1]);
    const first = args.slice(0, plain.length - 1);
    return isConstrained(options) ? later.call(this, options, ...first) : plain.call(this, ...first, options);
  };
}

/** A snapshot of the text in progress; see the types. */
Generator.prototype.snapshot = function snapshot() {
  return new Blob([this.snapshot_bytes()]);
};

/** Continues from a snapshot; see the types. */
Generator.prototype.restore = withErrorCode(async function restore(snapshot) {
  this.restore_bytes(await bytesOf(snapshot));
});

/**
 * The bytes of a Blob or buffer.
 *
 * @param {unknown} source
 */
export async function bytesOf(source) {
  /** @type {unknown} */
  const given = readable(source);
  if (!(given instanceof Blob || given instanceof Uint8Array))
    throw invalidOption("snapshot", "must be a Blob or a buffer");
  try {
    return new Uint8Array(await new Response(/** @type {BodyInit} */ (given)).arrayBuffer());
  } catch (thrown) {
    throw makeError("io", `the snapshot could not be read: ${messageOf(thrown)}`, thrown);
  }
}

if (Symbol.dispose) Generator.prototype[Symbol.dispose] ??= Generator.prototype.free;

export { Generator };
