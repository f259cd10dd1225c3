// Errors that the AI SDK knows for its own: it goes by symbols, so that its packages need not be the same.

import { makeError } from "../errors.js";

/**
 * An error of the SDK's class `name`.
 *
 * @param {string} name
 * @param {string} message
 * @param {object} properties of that class
 */
export function sdkError(name, message, properties) {
  const marks = { [Symbol.for("vercel.ai.error")]: true, [Symbol.for(`vercel.ai.error.${name}`)]: true };
  return Object.assign(makeError("unsupported", message), { name, ...properties, ...marks });
}

/**
 * A part of a prompt that the engine cannot read.
 *
 * @param {string} functionality
 */
export const unsupportedPart = (functionality) =>
  sdkError("AI_UnsupportedFunctionalityError", `the engine reads text and calls alone, no ${functionality}`, {
    functionality,
  });
