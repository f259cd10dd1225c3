// The arguments of a tool by its schema, for those who write calls and those who read them.

/**
 * The schemas of a tool's arguments by their names. A name may be required that the properties do not have.
 *
 * @param {any} parameters
 * @returns {Map<string, any>}
 */
export function propertiesOf(parameters) {
  const { properties, required, additionalProperties } = parameters ?? {};
  const others = typeof additionalProperties === "object" ? additionalProperties : {};
  const found = new Map(Object.entries(properties ?? {}));
  for (const name of required ?? []) if (!found.has(name)) found.set(name, others);
  return found;
}
