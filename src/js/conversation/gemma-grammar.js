// JSON schemas → grammars of the values that Gemma 4 writes for them, see there. What a schema says that has no place in
// such a grammar leaves the value to the schema itself: it is then written in JSON, which is read as well.

import { closedSchema } from "./closed-schema.js";
import { gemmaKey, gemmaValue } from "./gemma-values.js";
import { listedValues, NOTES } from "./value-pattern.js";

/** As many characters or items are counted at most. */
const MAX_COUNT = 1000;
/** The largest number that is written. */
const MAX_NUMBER = 999_999_999_999_999;
/** A text holds no `<|`, with which its quotes begin, and does not end with the first character of that. */
const TEXT = String.raw`([^<] | "<"+ [^<|])`;
const QUOTE = String.raw`"<|\"|>"`;

/** The rules of values of which the schema says nothing. */
const ANY = [
  `any ::= string | number | "true" | "false" | "null" | "[" (any ("," any)*)? "]" | map`,
  `map ::= "{" (key ":" any ("," key ":" any)*)? "}"`,
  String.raw`key ::= [a-zA-Z_] [a-zA-Z0-9_-]{0,63}`,
  `string ::= ${QUOTE} ${TEXT}* ${QUOTE}`,
  `number ::= integer fraction?`,
  `integer ::= "-"? whole`,
  `whole ::= "0" | [1-9] [0-9]{0,14}`,
  `fraction ::= "." [0-9]{1,12}`,
];

/** What a schema of each type may say. */
const KNOWN = {
  integer: ["minimum", "maximum"],
  number: ["minimum", "maximum"],
  string: ["minLength", "maxLength"],
  array: ["items", "minItems", "maxItems"],
  object: ["properties", "required", "additionalProperties"],
};

/** @param {string} character */
const escape = (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** @param {string} text */
const literal = (text) => `"${text.replace(/["\\\p{Cc}]/gu, escape)}"`;

/** @param {string[]} options */
const anyOf = (options) => `(${options.join(" | ")})`;

/**
 * What a schema of a type may say.
 *
 * @param {unknown} type
 */
function knownOf(type) {
  const found = Object.entries(KNOWN).find(([name]) => name === type);
  return found?.[1] ?? [];
}

/**
 * Whether a schema says more than these keys and what is for people alone.
 *
 * @param {object} schema
 * @param {string[]} known
 */
const saysMore = (schema, ...known) => Object.keys(schema).some((key) => !known.includes(key) && !NOTES.includes(key));

/** A schema that no grammar is made of. */
class Unsupported extends Error {}

class Rules {
  lines = [...ANY];
  #root;
  /** @type {Map<string, string>} the rules of what schemas refer to */
  #names = new Map();

  /** @param {any} root the schema that holds the definitions */
  constructor(root) {
    this.#root = root;
  }

  /**
   * The name of a rule for a schema's values.
   *
   * @param {any} schema
   * @returns {string}
   */
  value(schema) {
    if (schema === undefined || schema === true) return "any";
    if (schema === null || typeof schema !== "object") throw new Unsupported();
    const { $ref, ...beside } = schema;
    if ($ref !== undefined) {
      if (saysMore(beside, "$defs", "definitions")) throw new Unsupported();
      return this.#reference($ref);
    }
    return this.#add(this.#body(closedSchema(schema)));
  }

  /**
   * @param {string} body
   * @param {string} [name]
   */
  #add(body, name = `r${this.lines.length}`) {
    this.lines.push(`${name} ::= ${body}`);
    return name;
  }

  /** @param {unknown} path */
  #reference(path) {
    if (typeof path !== "string" || !/^#\/(\$defs|definitions)\/[^/~%]+$/.test(path)) throw new Unsupported();
    const known = this.#names.get(path);
    if (known !== undefined) return known;
    const [, kind, key] = path.split("/");
    const schema = this.#root[kind]?.[key];
    // One that is a reference itself may lead back to where it began.
    if (schema === undefined || schema?.$ref !== undefined) throw new Unsupported();
    const name = `d${this.#names.size}`;
    this.#names.set(path, name);
    this.#add(this.value(schema), name);
    return name;
  }

  /**
   * @param {any} schema
   * @returns {string}
   */
  #body(schema) {
    const listed = listedValues(schema);
    if (listed) return anyOf(listed.map((value) => literal(gemmaValue(value))));
    const { type, anyOf: options, ...rest } = schema;
    if (Array.isArray(options) && options.length > 0 && type === undefined && !saysMore(rest)) {
      return anyOf(options.map((option) => this.value(option)));
    }
    if (options !== undefined) throw new Unsupported();
    if (Array.isArray(type)) {
      return anyOf(type.map((one) => this.#add(this.#body({ ...only(rest, one), type: one }))));
    }
    if (saysMore(rest, ...knownOf(type))) throw new Unsupported();
    if (type === undefined) return "any";
    if (type === "boolean") return `"true" | "false"`;
    if (type === "null") return `"null"`;
    if (type === "integer" || type === "number") return number(type, rest);
    if (type === "string") return string(rest);
    if (type === "array") return this.#array(rest);
    if (type === "object") return this.#object(rest);
    throw new Unsupported();
  }

  /** @param {any} schema */
  #array({ items, minItems = 0, maxItems }) {
    const item = this.value(items);
    if (maxItems === 0) return `"[]"`;
    const others = `("," ${item})${counted(Math.max(0, minItems - 1), maxItems === undefined ? undefined : maxItems - 1)}`;
    return minItems > 0 ? `"[" ${item} ${others} "]"` : `"[" (${item} ${others})? "]"`;
  }

  /**
   * The listed properties, in the order in which the template declares them.
   *
   * @param {any} schema
   */
  #object({ properties = {}, required = [], additionalProperties }) {
    if (properties === null || typeof properties !== "object") throw new Unsupported();
    const keys = Object.keys(properties).sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
    if (!Array.isArray(required) || !required.every((key) => keys.includes(key))) throw new Unsupported();
    if (keys.length === 0) return this.#map(additionalProperties);
    const members = keys.map((key) => ({
      rule: this.#add(`${literal(`${gemmaKey(key)}:`)} ${this.value(properties[key])}`),
      required: required.includes(key),
    }));
    // What follows each member, and what may come first.
    const following = members.reduceRight(
      (rest, member) => {
        const next = member.required ? `"," ${member.rule} ${rest[0]}` : `("," ${member.rule})? ${rest[0]}`;
        return [this.#add(next), ...rest];
      },
      [`""`],
    );
    const first = members.findIndex((member) => member.required);
    const begins = members.slice(0, first < 0 ? undefined : first + 1);
    const options = begins.map((member, index) => `${member.rule} ${following[index + 1]}`);
    return `"{" ${anyOf([...options, ...(first < 0 ? [`""`] : [])])} "}"`;
  }

  /** @param {any} values the schema of the values under any keys */
  #map(values) {
    if (values === false) return `"{}"`;
    const value = this.value(values);
    return value === "any" ? "map" : `"{" (key ":" ${value} ("," key ":" ${value})*)? "}"`;
  }
}

/**
 * The bounds that a grammar knows are those of the sign. Others are left to the schema.
 *
 * @param {"integer" | "number"} type
 * @param {any} schema
 */
function number(type, { minimum = -MAX_NUMBER, maximum = MAX_NUMBER }) {
  if (!(maximum >= MAX_NUMBER)) throw new Unsupported();
  if (minimum <= -MAX_NUMBER) return type;
  if (minimum === 0) return type === "integer" ? "whole" : "whole fraction?";
  throw new Unsupported();
}

/** @param {any} schema */
function string({ minLength = 0, maxLength }) {
  if (minLength === 0 && maxLength === undefined) return "string";
  return `${QUOTE} [^<]${counted(minLength, maxLength)} ${QUOTE}`;
}

/**
 * @param {number} least
 * @param {number | undefined} most
 */
function counted(least, most) {
  const counts = [least, most ?? least];
  if (!counts.every((count) => Number.isInteger(count) && count >= 0 && count <= MAX_COUNT)) throw new Unsupported();
  if (counts[0] > counts[1]) throw new Unsupported();
  return `{${least},${most ?? ""}}`;
}

/**
 * What a schema of several types says of one of them.
 *
 * @param {Record<string, any>} schema
 * @param {string} type
 */
function only(schema, type) {
  const own = knownOf(type);
  const others = Object.values(KNOWN).flat();
  return Object.fromEntries(Object.entries(schema).filter(([key]) => own.includes(key) || !others.includes(key)));
}

/**
 * A grammar of a schema's values, each with one of several texts after it: a number ends only where that begins. Undefined
 * where there is none.
 *
 * @param {any} schema
 * @param {string[]} following
 * @returns {string | undefined}
 */
export function gemmaGrammar(schema, following) {
  const rules = new Rules(schema);
  try {
    const value = rules.value(schema);
    return [`root ::= ${value} ${anyOf(following.map(literal))}`, ...rules.lines].join("\n");
  } catch (thrown) {
    if (thrown instanceof Unsupported) return undefined;
    throw thrown;
  }
}
