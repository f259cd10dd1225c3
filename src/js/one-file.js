// Checks the source of a load that takes no list of parts.

import { invalidOption } from "./errors.js";
import { readable } from "./source.js";

/**
 * A checked source of an encoder, which comes in one file.
 *
 * @param {unknown} source
 */
export function oneFile(source) {
  const readied = readable(source);
  if (Array.isArray(readied)) throw invalidOption("source", "must be one file: an encoder does not come in parts");
  return readied;
}
