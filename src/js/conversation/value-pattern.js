// JSON schemas of single values → regular expressions, where a value must be told from what follows it: a number could go
// on otherwise. What has no such expression is left to the schema itself.

/** What a schema may hold without saying more of its values than their type. */
export const NOTES = ["type", "description", "title", "default", "examples", "$defs", "definitions"];
/** What ends a value in XML. */
export const PARAMETER_END = "</parameter>";
/** As many values are listed at most. */
const MAX_LISTED = 1000;

/** The values of the types that are neither texts nor made of other values. */
const PRIMITIVES = {
  boolean: "(?:true|false)",
  null: "null",
  integer: "-?(?:0|[1-9][0-9]{0,14})",
  number: "-?(?:0|[1-9][0-9]{0,14})(?:\\.[0-9]{1,12})?",
};

/** @param {string} text */
export const escaped = (text) => text.replace(/[\\^$.*+?()[\]{}|#&~]/g, "\\$&");

/** @param {string[]} texts */
export const oneOf = (texts) => `(?:${texts.map(escaped).join("|")})`;

/**
 * The whole numbers that a schema lists by its bounds.
 *
 * @param {any} schema
 */
function range({ type, minimum, maximum, ...rest }) {
  const notes = Object.keys(rest).every((key) => NOTES.includes(key));
  if (type !== "integer" || !notes || !Number.isInteger(minimum) || !Number.isInteger(maximum)) return undefined;
  const count = maximum - minimum + 1;
  if (count < 1 || count > MAX_LISTED) return undefined;
  return Array.from({ length: count }, (_, index) => minimum + index);
}

/**
 * The values that a schema lists; undefined where it lists none.
 *
 * @param {any} schema
 * @returns {unknown[] | undefined}
 */
export function listedValues(schema) {
  const listed = schema?.const !== undefined ? [schema.const] : (schema?.enum ?? range(schema ?? {}));
  return Array.isArray(listed) && listed.length > 0 ? listed : undefined;
}

/**
 * The expression for the values of a schema in JSON; undefined where there is none.
 *
 * @param {any} schema
 * @param {(value: unknown) => string} [write] how a listed value is written
 * @returns {string | undefined}
 */
export function valuePattern(schema, write = JSON.stringify) {
  const listed = listedValues(schema);
  if (listed) {
    const isPlain = (/** @type {unknown} */ value) => value === null || typeof value !== "object";
    return listed.every(isPlain) ? oneOf(listed.map(write)) : undefined;
  }
  const { type } = schema ?? {};
  const known = typeof type === "string" && Object.hasOwn(PRIMITIVES, type);
  if (!known || !Object.keys(schema).every((key) => NOTES.includes(key))) return undefined;
  return PRIMITIVES[/** @type {keyof typeof PRIMITIVES} */ (type)];
}

/**
 * Any text in which `end` does not come. Its first character must not come in it again.
 *
 * @param {string} end
 */
export function textWithout(end) {
  const [first, ...others] = end;
  const restart = escaped(first);
  const broken = others.reduceRight((inner, next) => {
    const goesOn = inner === "" ? "" : `|${escaped(next)}${inner}`;
    return `(?:[^${restart}${escaped(next)}]${goesOn})`;
  }, "");
  return `(?:[^${restart}]|(?:${restart}${prefixes(others)})*${restart}${broken})*`;
}

/**
 * What may follow the first character of a marker where the marker begins again before its end.
 *
 * @param {string[]} characters
 */
const prefixes = (characters) =>
  characters.slice(0, -1).reduceRight((inner, character) => `(?:${escaped(character)}${inner})?`, "");
