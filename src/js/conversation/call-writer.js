// Writes a call as the template's family wants it: what is fixed is forced, the tool's name and the arguments are drawn
// under constraints made from the tools. Such a call can always be read, unless the text ends within it.

import { invalidOption } from "../errors.js";
import { closedSchema } from "./closed-schema.js";
import { STYLES } from "./format.js";
import { gemmaGrammar } from "./gemma-grammar.js";
import { GEMMA_KEY } from "./gemma-values.js";
import { ARGS } from "./markers.js";
import { propertiesOf } from "./properties-of.js";
import { escaped, oneOf, PARAMETER_END, textWithout, valuePattern } from "./value-pattern.js";
import { isPlainText } from "./xml-calls.js";

/** @typedef {import("./format.js").Format} Format */
/** @typedef {import("./format.js").Tool} Tool */
/** @typedef {import("./stepper.js").Stepper} Stepper */
/** @typedef {AsyncGenerator<import("../nexttoken.js").Token, string, void>} Drawing */

/** The most calls of one list. */
const MOST_CALLS = 16;

/** JSON as templates write it, and nothing between its tokens that is not needed. */
const LAYOUT = { whitespace_flexible: false, item_separator: ", ", key_separator: ": " };

/** The names of arguments that are not quoted, where they can be told from what is around them. */
const NAMES = { python: /^[^\s=,()[\]{}"']+$/u, xml: /^(?!\s)[^>\n]+(?<!\s)$/, gemma: GEMMA_KEY };

/** What comes first in the text after a name: a marker like those of gpt-oss, which a vocabulary spells, or a character. */
const MARK = /^(?:<\|\w+\|>|[^])/;

/**
 * Refuses tools with arguments whose names a family cannot write.
 *
 * @param {Tool[]} tools
 * @param {Format} format
 */
export function checkNames(tools, { name: family, form }) {
  if (form === "json") return;
  for (const { name, parameters } of tools) {
    const wrong = [...propertiesOf(parameters).keys()].find((key) => !NAMES[form].test(key));
    if (wrong === undefined) continue;
    const argument = JSON.stringify(wrong);
    throw invalidOption(
      "tools",
      `has an argument ${argument} in "${name}" that calls in the form of ${family} cannot name`,
    );
  }
}

export class CallWriter {
  #stepper;
  #format;
  #tools;
  #parallel;

  /**
   * @param {Stepper} stepper
   * @param {Format} format
   * @param {Tool[]} tools those that may be called
   * @param {boolean} parallel whether several calls may follow each other
   */
  constructor(stepper, format, tools, parallel) {
    this.#stepper = stepper;
    this.#format = format;
    this.#tools = tools;
    this.#parallel = parallel;
  }

  /**
   * Writes what follows the marker of a call, up to the marker at its end.
   *
   * @param {"marker" | "name" | "role"} opened whether the text before the name is there already, and where
   */
  async *write(opened) {
    const { before, between, inRole = between, next, end = "", close } = this.#format;
    if (opened === "marker") yield* this.#stepper.force(before);
    for (let count = 1; !this.#stepper.ended; count++) {
      yield* this.#call(opened === "role" ? inRole : between);
      if (next === undefined || this.#stepper.ended) break;
      const goesOn = this.#parallel && count < MOST_CALLS;
      if (!goesOn || (yield* this.#choose([next, end])) !== next) {
        if (!goesOn) yield* this.#force(end);
        break;
      }
    }
    yield* this.#force(next === undefined ? end + close : close);
  }

  /**
   * @param {string} between what comes between the name and the arguments
   * @returns {AsyncGenerator<import("../nexttoken.js").Token, void, void>}
   */
  async *#call(between) {
    const { after, form } = this.#format;
    // With what follows it, a name is not taken for another one that it begins with. Constraints know texts alone, and
    // Mistral's marker before the arguments is a control token without one.
    const mark = between === ARGS ? "" : (MARK.exec(between)?.[0] ?? "");
    const chosen = yield* this.#choose(this.#tools.map(({ name }) => name + mark));
    const tool = this.#tools.find(({ name }) => name + mark === chosen);
    if (!tool) return;
    yield* this.#force(between.slice(mark.length));
    if (form === "json") {
      yield* this.#draw({ json_schema: { "x-guidance": LAYOUT, ...closedSchema(tool.parameters), type: "object" } });
      yield* this.#force(after);
    } else {
      yield* this.#arguments(tool, form);
    }
  }

  /**
   * Writes arguments one after another, each at most once and all that are required.
   *
   * @param {Tool} tool
   * @param {"python" | "xml" | "gemma"} form
   * @returns {AsyncGenerator<import("../nexttoken.js").Token, void, void>}
   */
  async *#arguments({ parameters = {} }, form) {
    const { before, named, separator, after } = STYLES[form];
    const { after: end } = this.#format;
    const properties = propertiesOf(parameters);
    const required = new Set(parameters.required ?? []);
    const shared = { $defs: parameters.$defs, definitions: parameters.definitions };
    /** What may come next: the name of an argument, or the end. */
    const choices = (/** @type {string} */ separator) => {
      const names = [...properties.keys()].map((name) => separator + before + name + named);
      return [...names, ...([...required].some((name) => properties.has(name)) ? [] : [end])];
    };
    let chosen = yield* this.#choose(choices(""));
    for (let lead = ""; chosen !== end && !this.#stepper.ended; lead = separator) {
      const name = chosen.slice(lead.length + before.length, chosen.length - named.length);
      const schema = closedSchema(definite(properties.get(name), shared));
      properties.delete(name);
      const following = choices(separator);
      const constraint = valueConstraint(form, schema, after, following);
      if (constraint === undefined) {
        yield* this.#draw({ json_schema: { "x-guidance": LAYOUT, ...schema } });
        yield* this.#force(after);
        chosen = yield* this.#choose(following);
      } else {
        const text = yield* this.#draw(constraint);
        chosen = following.find((choice) => text.endsWith(after + choice)) ?? end;
      }
    }
  }

  /**
   * Has the model choose one of several texts. A single one is forced.
   *
   * @param {string[]} texts
   * @returns {Drawing}
   */
  async *#choose(texts) {
    if (texts.length > 1) return yield* this.#draw({ regex: oneOf(texts) });
    yield* this.#force(texts[0]);
    return texts[0];
  }

  /**
   * @param {import("./stepper.js").Constraint} constraint
   * @returns {Drawing}
   */
  async *#draw(constraint) {
    return this.#stepper.ended ? "" : yield* this.#stepper.draw(constraint);
  }

  /** @param {string} text */
  async *#force(text) {
    if (!this.#stepper.ended) yield* this.#stepper.force(text);
  }
}

/**
 * A property's schema with the definitions of the whole, to which it may refer.
 *
 * @param {any} schema
 * @param {object} shared
 */
function definite(schema, shared) {
  if (schema === null || typeof schema !== "object") return {};
  const defined = Object.entries(shared).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(defined), ...schema };
}

/**
 * What an argument's value matches together with what follows it: a number ends only where that begins. Undefined where the
 * value is left to its schema.
 *
 * @param {"python" | "xml" | "gemma"} form
 * @param {any} schema
 * @param {string} after what comes after each value
 * @param {string[]} following what may come then
 * @returns {{ regex: string } | { grammar: string } | undefined}
 */
function valueConstraint(form, schema, after, following) {
  if (form === "gemma") {
    const grammar = gemmaGrammar(
      schema,
      following.map((text) => after + text),
    );
    return grammar === undefined ? undefined : { grammar };
  }
  const pattern = form === "xml" ? xmlPattern(schema) : valuePattern(schema);
  return pattern === undefined ? undefined : { regex: pattern + escaped(after) + oneOf(following) };
}

/**
 * What a value in XML matches: texts are written as they are.
 *
 * @param {any} schema
 */
function xmlPattern(schema) {
  if (!isPlainText(schema)) return valuePattern(schema);
  const listed = valuePattern(schema, String);
  if (listed !== undefined) return listed;
  const { minLength = 0, maxLength } = schema;
  if (minLength > 0 || maxLength !== undefined) return `[^<]{${minLength},${maxLength ?? ""}}`;
  return textWithout(PARAMETER_END);
}
