// The engine on the thread that imports this file: chooses a module, starts it, and adds to `Generator` what is written
// in JavaScript.

import start, { Generator, guard, set_threads, thread_stack } from "./nexttoken.js";
import { renderChat } from "./chat.js";
import { compile } from "./constraint.js";
import { copyOptions, invalidOption, makeError, messageOf, withErrorCode } from "./errors.js";
import { ADAPTER_LOADING, DRAFT_LOADING, loading, readable } from "./source.js";
import { memoizeAsync, moduleOptions } from "./start-module.js";
import { startVariant } from "./start-variant.js";
import { beginWhen, refuseWhileStarting, watchStarting } from "./starting.js";
import { beginWithSignal, forgetSignal } from "./text-signal.js";
import { shareMemory, startThreads, threadsOption } from "./threads.js";

/** @typedef {import("./nexttoken.js").GenerateOptions} GenerateOptions */
// Written out in full, because bundlers look for exactly this expression.
const shipped = {
  relaxed: () => new URL("./nexttoken_relaxed.wasm", import.meta.url),
  simd128: () => new URL("./nexttoken_simd128.wasm", import.meta.url),
  relaxed_threads: () => new URL("./nexttoken_relaxed_threads.wasm", import.meta.url),
  simd128_threads: () => new URL("./nexttoken_simd128_threads.wasm", import.meta.url),
};

/**
 * The number of threads that serve, once they have started.
 *
 * @type {Promise<number>}
 */
let threadsReady = Promise.resolve(1);

/**
 * Starts threads, and uses those that serve.
 *
 * @param {number} count
 * @param {number | undefined} asked the option
 */
async function serveThreads(count, asked) {
  const serving = await startThreads(guard, count, thread_stack);
  if (serving > 1) useThreads(serving, asked);
  return serving;
}

/**
 * Uses as many of the threads that serve as were asked for, or as turn out to be fastest.
 *
 * @param {number} serving
 * @param {number | undefined} asked
 */
const useThreads = (serving, asked) =>
  set_threads(Math.min(asked ?? serving, serving), asked === undefined, globalThis.document === undefined);

/**
 * Loads and starts the WebAssembly module. `Generator.load` does it where it has not been done; later calls wait for
 * the first and do nothing more.
 * `variant` forces one of the shipped modules instead of the best that the browser can run; `wasm_url` is the address of
 * another module; `wasm` is the module itself, or a function that gives each module; `threads` is the number of threads.
 */
const init = memoizeAsync(async (/** @type {import("./start-variant.js").VariantOptions} */ options = {}) => {
  const { threads, ...which } = moduleOptions(options, ["variant", "wasm", "wasm_url", "threads"]);
  const asked = threadsOption(threads);
  const count = shareMemory(guard, asked);
  const started = await startVariant({ name: "engine", prefix: "nexttoken_", start, guard, shipped }, which);
  threadsReady = serveThreads(count, asked);
  return { variant: started };
});
export default init;

// For the documentation see the types. Here the arguments are checked before the module is called, and a trap rejects
// the promise.
/** @type {Record<"load" | "inspect", (source: any, options: any) => Promise<any>>} */
const { load, inspect } = Generator;

Generator.load = withErrorCode(async (source, options) => {
  const readied = readable(source);
  const { threads, ...loads } = loading(options);
  const asked = threadsOption(threads);
  await init({ threads: asked });
  const loaded = await guard.rejectOnTrap(load(readied, loads));
  const serving = await threadsReady;
  if (asked !== undefined) useThreads(serving, asked);
  return loaded;
});

Generator.inspect = withErrorCode(async (source, options) => {
  const [readied, loads] = [readable(source), loading(options)];
  await init();
  // It is measured on all threads.
  if (loads.speed) await threadsReady;
  return guard.rejectOnTrap(inspect(readied, loads));
});

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
  const prepare = async () => {
    const [conversation, writing] = await renderChat(this, messages, options);
    return /** @type {const} */ ([conversation, await constrained(this, writing)]);
  };
  await beginWhen(this, prepare(), (prepared) => this.start_chat(...prepared));
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
  return isConstrained(copy) ? compile(generator, copy) : copy;
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
    function (options, ...args) {
      return beginWhen(this, constrained(this, options), (compiled) => plain.call(this, ...args, compiled));
    },
  );
  /** @type {(this: Generator, ...args: unknown[]) => any} */
  const chosen = function (...args) {
    const options = copyOptions(args[plain.length - 1]);
    const first = args.slice(0, plain.length - 1);
    return isConstrained(options) ? later.call(this, options, ...first) : plain.call(this, ...first, options);
  };
  Generator.prototype[name] = chosen;
}

/** Loads a LoRA adapter; see the types. */
Generator.prototype.load_adapter = withErrorCode(async function load_adapter(source, options) {
  const { name, ...loads } = loading(options, ADAPTER_LOADING);
  if (typeof name !== "string") throw invalidOption("name", "must be a string");
  const adapter = await guard.rejectOnTrap(this.read_adapter(readable(source), loads));
  try {
    this.add_adapter(name, adapter);
  } finally {
    adapter.free();
  }
});

/** Loads a draft model; see the types. */
Generator.prototype.load_draft = withErrorCode(async function load_draft(source, options) {
  const [readied, loads] = [readable(source), loading(options, DRAFT_LOADING)];
  if (!this.__wbg_ptr) throw makeError("freed", "it was freed");
  const other = await guard.rejectOnTrap(load(readied, loads));
  try {
    this.set_draft(other);
  } finally {
    other.free();
  }
});

/** A snapshot of the text in progress; see the types. */
Generator.prototype.snapshot = function snapshot() {
  return new Blob([this.snapshot_bytes()]);
};

/** Continues from a snapshot; see the types. */
Generator.prototype.restore = withErrorCode(async function restore(snapshot) {
  refuseWhileStarting(this);
  this.restore_bytes(await bytesOf(snapshot));
  forgetSignal(this);
});

// A signal among the options of a text aborts it, as long as the generator has that text.
for (const name of /** @type {const} */ (["start", "chat"])) {
  /** @type {(this: Generator, ...args: any[]) => any} */
  const begin = Generator.prototype[name];
  /** @type {(this: Generator, first: unknown, options?: unknown) => any} */
  const signalled = function (first, options) {
    refuseWhileStarting(this);
    const abort = () => this.__wbg_ptr && this.abort();
    return beginWithSignal(this, options, abort, (others) => begin.call(this, first, others));
  };
  Generator.prototype[name] = name === "chat" ? withErrorCode(signalled) : signalled;
}
for (const name of /** @type {const} */ (["reset", "free"])) {
  const end = Generator.prototype[name];
  Generator.prototype[name] = function () {
    forgetSignal(this);
    end.call(this);
  };
}

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

watchStarting(Generator.prototype);
if (Symbol.dispose) Generator.prototype[Symbol.dispose] ??= Generator.prototype.free;

export { Generator };
