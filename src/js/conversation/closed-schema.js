// The arguments of a call are those that its tool names. By itself a JSON schema lets any further ones through, and a small
// model writes them, until the text ends in the middle of its call.

/** What says more of an object's properties than their list does. */
const OPEN = ["additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties", "minProperties"];
/** What may name properties elsewhere. */
const APPLICATORS = [
  "$ref",
  "$dynamicRef",
  "allOf",
  "anyOf",
  "oneOf",
  "not",
  "if",
  "dependentSchemas",
  "dependentRequired",
];

/**
 * The schema with `additionalProperties: false` wherever it lists all the properties that it says anything about. Each value
 * that it allows is one that the schema itself allows.
 *
 * @param {any} schema
 * @returns {any}
 */
export function closedSchema(schema) {
  const { properties, required = [], items } = schema ?? {};
  if (items !== undefined && properties === undefined) return { ...schema, items: closedSchema(items) };
  if (properties === null || typeof properties !== "object") return schema;
  if ([...OPEN, ...APPLICATORS].some((key) => key in schema)) return schema;
  const isListed = (/** @type {string} */ name) => Object.hasOwn(properties, name);
  if (!Array.isArray(required) || !required.every(isListed)) return schema;
  const closed = Object.entries(properties).map(([name, property]) => [name, closedSchema(property)]);
  return { ...schema, properties: Object.fromEntries(closed), additionalProperties: false };
}
