// Constraints: a JSON schema, a regular expression or a grammar → a function that tells the engine at each step which
// tokens may follow.
//
// The library that compiles grammars is larger than the engine, so it is a WebAssembly module of its own, loaded with the
// first constraint. Its glue is imported at once, as it is small: bundlers cannot split the code of a worker, and service
// workers must not import later.

import * as glue from "./nexttoken_constraint.js";
import { invalidOption, makeError, messageOf } from "./errors.js";
import { locate, memoizeAsync, startModule } from "./start-module.js";

/** @typedef {import("./nexttoken.js").Generator} Generator */

const shipped = () => new URL("./nexttoken_constraint.wasm", import.meta.url);
/** How often the module has been restarted: a restart invalidates everything it has made. */
let beginnings = 0;

const load = memoizeAsync(async () =>
  startModule("constraint", glue.default, await locate("constraint", "nexttoken_constraint.wasm", shipped)),
);

/**
 * Calls the module, and restarts it if the call traps.
 *
 * @template Result
 * @param {() => Result} call
 * @returns {Result}
 */
function guarded(call) {
  try {
    return call();
  } catch (thrown) {
    if (Array.isArray(thrown)) throw makeError(thrown[0], thrown[1]);
    // The call has exceeded a limit of the module and trapped. The module's state is unknown, so it is started again.
    beginnings += 1;
    glue.__wbg_reset_state();
    throw makeError("constraint", "the constraint does too much: it was stopped");
  }
}

/** The vocabulary of a model: the table that the engine wrote, and what the module has made of it. */
class Vocabulary {
  #table;
  /** @type {import("./nexttoken_constraint.js").Tokens | undefined} */
  #tokens;
  /**
   * The start of the module that `#tokens` belong to.
   *
   * @type {number | undefined}
   */
  #beginning;

  /** @param {Uint8Array} table */
  constructor(table) {
    this.#table = table;
  }

  /**
   * @param {string} kind
   * @param {string} source
   */
  compile(kind, source) {
    let tokens = this.#tokens;
    if (!tokens || this.#beginning !== beginnings) {
      tokens = this.#tokens = guarded(() => new glue.Tokens(this.#table));
      this.#beginning = beginnings;
    }
    return guarded(() => tokens.compile(kind, source));
  }
}

/**
 * The vocabulary of each generator.
 *
 * @type {WeakMap<Generator, Vocabulary>}
 */
const vocabularies = new WeakMap();

/** @param {Generator} generator */
function vocabularyOf(generator) {
  let vocabulary = vocabularies.get(generator);
  if (!vocabulary) vocabularies.set(generator, (vocabulary = new Vocabulary(generator.token_table())));
  return vocabulary;
}

/**
 * `options` with the constraint in them compiled to a function, or to false where it is removed.
 *
 * @param {Generator} generator
 * @param {Record<string, any>} options
 * @returns {Promise<Record<string, unknown>>}
 */
export async function compile(generator, { json_schema, regex, grammar, ...options }) {
  const given = Object.entries({ json_schema, regex, grammar }).filter(([, source]) => source != null);
  if (given.length === 0) return { ...options, constraint: false };
  const [[kind, value], other] = given;
  if (other) throw invalidOption(other[0], `cannot be there together with "${kind}"`);
  const source = kind === "json_schema" ? json(value) : value;
  if (typeof source !== "string") throw invalidOption(kind, "must be a string");
  await load();
  return { ...options, constraint: rule(vocabularyOf(generator), kind, source) };
}

/**
 * @param {Vocabulary} vocabulary
 * @param {string} kind
 * @param {string} source
 */
function rule(vocabulary, kind, source) {
  let compiled = vocabulary.compile(kind, source);
  let beginning = beginnings;
  return (/** @type {Uint32Array} */ ids) => {
    if (beginning !== beginnings) {
      compiled = vocabulary.compile(kind, source);
      beginning = beginnings;
    }
    return guarded(() => compiled.next(ids));
  };
}

/** @param {unknown} schema */
function json(schema) {
  if (typeof schema === "string") return schema;
  try {
    // An array is no schema, and may be too long to be serialized.
    return Array.isArray(schema) ? undefined : JSON.stringify(schema);
  } catch (error) {
    throw invalidOption("json_schema", `cannot be written as JSON: ${messageOf(error)}`);
  }
}
