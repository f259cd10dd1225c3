// A copy of an object without some of its properties.

/**
 * @param {Record<string, any>} given
 * @param {readonly string[]} names
 */
export const omit = (given, names) =>
  Object.fromEntries(Object.entries(given).filter(([name]) => !names.includes(name)));
