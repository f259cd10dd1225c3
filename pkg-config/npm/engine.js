// The engine on the thread that imports it: picks a module, starts it, completes `Generator`.

import start, { Generator } from "./nexttoken.js";
import { converse } from "./chat.js";
import { failure, refuseUnknown } from "./errors.js";
import { bestVariant } from "./features.js";
import { absolute, begun, once } from "./starting.js";

// Written out in full, because bundlers look for exactly this expression.
const shipped = {
  relaxed: () => new URL("./nexttoken_relaxed.wasm", import.meta.url),
  simd128: () => new URL("./nexttoken_simd128.wasm", import.meta.url),
};

/**
 * Gets the WebAssembly module ready. Call it once before anything else; later calls wait for the
 * first one and do nothing more.
 *
 * @param {{ variant?: "relaxed" | "simd128", wasm_url?: string | URL }} [options]
 *   `variant` forces one of the shipped modules instead of the best the browser can run;
 *   `wasm_url` names a module kept elsewhere.
 * @returns {Promise<{ variant: "relaxed" | "simd128" | "custom" }>}
 */
export default once(async (options = {}) => {
  refuseUnknown(options, ["variant", "wasm_url"]);
  const { variant, url } = choose(options);
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
  if (!Object.hasOwn(shipped, variant)) {
    throw failure("invalid_option", 'the option "variant" is not usable: it is "relaxed" or "simd128"');
  }
  return { variant, url: shipped[variant]() };
}

/** Begins the model's answer to `messages`; see the types. */
Generator.prototype.chat = async function chat(messages, options) {
  const [conversation, writing] = await converse(this, messages, options);
  this.start_chat(conversation, await constrained(this, writing));
};

const isConstrained = (options) =>
  ["json_schema", "regex", "grammar"].some((kind) => options?.[kind] !== undefined);

/** `options` with the constraint among them compiled, if there is one. */
export async function constrained(generator, options) {
  if (!isConstrained(options)) return options;
  const { compile } = await import("./constraint.js");
  return compile(generator, options);
}

// With a constraint they give a promise, because its module may have to be loaded.
for (const name of ["start", "configure"]) {
  const plain = Generator.prototype[name];
  Generator.prototype[name] = function (...args) {
    const options = args.pop();
    const call = (options) => plain.call(this, ...args, options);
    return isConstrained(options) ? constrained(this, options).then(call) : call(options);
  };
}

/** The text in progress; see the types. */
Generator.prototype.snapshot = function snapshot() {
  return new Blob([this.snapshot_bytes()]);
};

/** Goes on from a snapshot; see the types. */
Generator.prototype.restore = async function restore(snapshot) {
  this.restore_bytes(await bytesOf(snapshot));
};

/** The bytes of a Blob or buffer. */
export async function bytesOf(source) {
  return new Uint8Array(await new Response(source).arrayBuffer());
}

if (Symbol.dispose) Generator.prototype[Symbol.dispose] ??= Generator.prototype.free;

export { Generator };
