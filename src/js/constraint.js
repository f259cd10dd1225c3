// Constraints: a JSON schema, a regular expression or a grammar → a function that tells the engine at each step which
// tokens may follow.
//
// The library that compiles grammars is larger than the engine, so it is a WebAssembly module of its own. That and this
// file are loaded with the first constraint.

import { failure, unusable, words } from "./errors.js";
import { begun, once } from "./starting.js";

const module = () => new URL("./nexttoken_constraint.wasm", import.meta.url);
/** How often the module has been restarted: a restart invalidates everything it has made. */
let beginnings = 0;

const load = once(() =>
  begun(
    async () => {
      const glue = await import("./nexttoken_constraint.js");
      await glue.default({ module_or_path: module() });
      return glue;
    },
    "constraint module",
    module(),
  ),
);

/** Calls the module, and restarts it if the call traps. */
function guarded(glue, call) {
  try {
    return call();
  } catch (thrown) {
    if (Array.isArray(thrown)) throw failure(...thrown);
    // The call has exceeded a limit of the module and trapped. The module's state is unknown, so it is started again.
    beginnings += 1;
    glue.__wbg_reset_state();
    throw failure("constraint", "the constraint does too much: it was stopped");
  }
}

/** The vocabulary of a model: the table that the engine wrote, and what the module has made of it. */
class Vocabulary {
  #table;
  #tokens;
  #beginning;

  constructor(table) {
    this.#table = table;
  }

  compile(glue, kind, source) {
    if (this.#beginning !== beginnings) {
      this.#tokens = guarded(glue, () => new glue.Tokens(this.#table));
      this.#beginning = beginnings;
    }
    return guarded(glue, () => this.#tokens.compile(kind, source));
  }
}

/** The vocabulary of each generator. */
const vocabularies = new WeakMap();

function vocabularyOf(generator) {
  let vocabulary = vocabularies.get(generator);
  if (!vocabulary) vocabularies.set(generator, (vocabulary = new Vocabulary(generator.token_table())));
  return vocabulary;
}

/**
 * `options` with the constraint in them compiled to a function, or to false where it is removed.
 *
 * @param {import("./nexttoken.js").Generator} generator
 * @param {object} options
 * @returns {Promise<object>}
 */
export async function compile(generator, { json_schema, regex, grammar, ...options }) {
  const given = Object.entries({ json_schema, regex, grammar }).filter(([, source]) => source != null);
  if (given.length === 0) return { ...options, constraint: false };
  const [[kind, value], other] = given;
  if (other) throw unusable(other[0], `cannot be there together with "${kind}"`);
  const source = kind === "json_schema" ? json(value) : value;
  if (typeof source !== "string") throw unusable(kind, "must be a string");
  const glue = await load();
  return { ...options, constraint: rule(glue, vocabularyOf(generator), kind, source) };
}

function rule(glue, vocabulary, kind, source) {
  let compiled = vocabulary.compile(glue, kind, source);
  let beginning = beginnings;
  return (ids) => {
    if (beginning !== beginnings) {
      compiled = vocabulary.compile(glue, kind, source);
      beginning = beginnings;
    }
    return guarded(glue, () => compiled.next(ids));
  };
}

function json(schema) {
  if (typeof schema === "string") return schema;
  try {
    // An array is no schema, and may be too long to be serialized.
    return Array.isArray(schema) ? undefined : JSON.stringify(schema);
  } catch (error) {
    throw unusable("json_schema", `cannot be written as JSON: ${words(error)}`);
  }
}
