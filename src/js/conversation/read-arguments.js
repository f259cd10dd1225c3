// The arguments of a call, of which nothing is trusted: a model, a server or a caller wrote them.

/** @param {unknown} value */
export const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * The arguments as an object. They may be JSON in a string, or absent.
 *
 * @param {any} written
 * @param {(reason: "JSON" | "object", thrown?: unknown) => unknown} wrong what is thrown where they are none of this
 * @param {object | null} [ofNull] what they are where the JSON is null
 * @returns {Record<string, unknown>}
 */
export function readArguments(written, wrong, ofNull = null) {
  let read = written ?? {};
  if (typeof read === "string") {
    try {
      read = JSON.parse(read) ?? ofNull;
    } catch (thrown) {
      throw wrong("JSON", thrown);
    }
  }
  if (!isObject(read)) throw wrong("object");
  return read;
}
