// The engine on the thread that imports this file: chooses a module, starts it, and adds to `Generator` what is written
// in JavaScript.

import start, { Generator, guard } from "./nexttoken.js";
import { converse } from "./chat.js";
import { coded, failure, read, unusable, words } from "./errors.js";
import { bestVariant } from "./features.js";
import { loading, readable } from "./source.js";
import { absolute, begun, once } from "./starting.js";

// Written out in full, because bundlers look for exactly this expression.
const shipped = {
  relaxed: () => new URL("./nexttoken_relaxed.wasm", import.meta.url),
  simd128: () => new URL("./nexttoken_simd128.wasm", import.meta.url),
};

/**
 * Loads and starts the WebAssembly module. Call it once before anything else; later calls wait for the first and do
 * nothing more.
 *
 * @param {{ variant?: "relaxed" | "simd128", wasm_url?: string | URL }} [options] `variant` forces one of the shipped
 *   modules instead of the best that the browser can run; `wasm_url` is the address of another module.
 * @returns {Promise<{ variant: "relaxed" | "simd128" | "custom" }>}
 */
export default once(async (options) => {
  const { variant, url } = choose(read(options, ["variant", "wasm_url"]));
  await begun(() => start({ module_or_path: url }), "engine", url);
  return { variant };
});

function choose({ variant, wasm_url }) {
  if (wasm_url !== undefined) return { variant: "custom", url: absolute(wasm_url) };
  variant ??= bestVariant();
  if (variant === null) {
    throw failure(
      "unsupported_browser",
      "this browser cannot run the engine: it has no WebAssembly SIMD (every current browser has)",
    );
  }
  if (!Object.hasOwn(shipped, variant)) throw unusable("variant", 'must be "relaxed" or "simd128"');
  return { variant, url: shipped[variant]() };
}

/**
 * For the documentation see the types. Here the arguments are checked before the module is called, and a trap rejects
 * the promise.
 */
const { load, inspect } = Generator;
Generator.load = coded((source, options) => guard.settled(load(readable(source), loading(options))));
Generator.inspect = coded((source, options) => guard.settled(inspect(readable(source), loading(options))));

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
Generator.prototype.chat = coded(async function chat(messages, options) {
  const [conversation, writing] = await converse(this, messages, options);
  this.start_chat(conversation, await constrained(this, writing));
});

const isConstrained = (options) => ["json_schema", "regex", "grammar"].some((kind) => options[kind] !== undefined);

/** `options` with the constraint among them compiled, if there is one. */
export async function constrained(generator, options) {
  const copy = read(options);
  if (!isConstrained(copy)) return copy;
  const { compile } = await import("./constraint.js");
  return compile(generator, copy);
}

// With a constraint these methods return a promise, because its module may have to be loaded.
for (const name of ["start", "configure"]) {
  const plain = Generator.prototype[name];
  const later = coded(async function (options, ...args) {
    return plain.call(this, ...args, await constrained(this, options));
  });
  Generator.prototype[name] = function (...args) {
    const options = read(args[plain.length - 1]);
    const first = args.slice(0, plain.length - 1);
    return isConstrained(options) ? later.call(this, options, ...first) : plain.call(this, ...first, options);
  };
}

/** A snapshot of the text in progress; see the types. */
Generator.prototype.snapshot = function snapshot() {
  return new Blob([this.snapshot_bytes()]);
};

/** Continues from a snapshot; see the types. */
Generator.prototype.restore = coded(async function restore(snapshot) {
  this.restore_bytes(await bytesOf(snapshot));
});

/** The bytes of a Blob or buffer. */
export async function bytesOf(source) {
  const given = readable(source);
  if (!(given instanceof Blob || given instanceof Uint8Array)) throw unusable("snapshot", "must be a Blob or a buffer");
  try {
    return new Uint8Array(await new Response(given).arrayBuffer());
  } catch (thrown) {
    throw failure("io", `the snapshot could not be read: ${words(thrown)}`, thrown);
  }
}

if (Symbol.dispose) Generator.prototype[Symbol.dispose] ??= Generator.prototype.free;

export { Generator };
