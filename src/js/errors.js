// The errors of the package: each has a stable `code`.

/** @typedef {import("./index.js").NextTokenErrorCode} Code */

/** For the documentation see the types. The engine makes its errors of it, too, and then sets their codes. */
export class NextTokenError extends Error {
  /** @type {Code} */
  code = "internal";

  static {
    Object.defineProperty(this.prototype, "name", { value: "NextTokenError", writable: true, configurable: true });
  }
}

/**
 * @param {Code} code a name that stays the same between releases
 * @param {string} message a sentence for a person
 * @param {unknown} [cause]
 */
export function makeError(code, message, cause) {
  const error = new NextTokenError(message, cause === undefined ? undefined : { cause });
  error.code = code;
  return error;
}

/**
 * The message of a thrown value. Reading it may throw, too.
 *
 * @param {any} thrown
 */
export function messageOf(thrown) {
  try {
    return String(thrown?.message ?? thrown);
  } catch {
    return "unknown error";
  }
}

/**
 * The code of a thrown value, "internal" where it has none. A number does not count: errors of the browser have
 * numbers.
 *
 * @param {any} thrown
 * @returns {Code}
 */
export function codeOf(thrown) {
  try {
    const { code } = thrown;
    if (typeof code === "string") return /** @type {Code} */ (code);
  } catch {
    // The value is null or undefined, or has a getter that throws.
  }
  return "internal";
}

/** @param {unknown} thrown */
function isOurs(thrown) {
  try {
    return thrown instanceof NextTokenError && codeOf(thrown) !== "internal";
  } catch {
    // A proxy may throw where it is looked at.
    return false;
  }
}

/**
 * `call` as an asynchronous function whose errors are all ours: those of the browser and of the caller's own code become
 * the cause of one with the code "internal".
 *
 * @template This
 * @template {unknown[]} Args
 * @template Result
 * @param {(this: This, ...args: Args) => Result | Promise<Result>} call
 * @returns {(this: This, ...args: Args) => Promise<Result>}
 */
export function withErrorCode(call) {
  return async function (...args) {
    try {
      return await call.apply(this, args);
    } catch (thrown) {
      throw isOurs(thrown) ? thrown : makeError("internal", messageOf(thrown), thrown);
    }
  };
}

/**
 * Throws if `options` has a key that is not among `known`. Options that are undefined count as absent.
 *
 * @param {Record<string, unknown>} options
 * @param {readonly string[]} known
 */
function refuseUnknown(options, known) {
  const unknown = Object.keys(options).find((name) => options[name] !== undefined && !known.includes(name));
  if (unknown !== undefined) throw makeError("unknown_option", `there is no option "${unknown}"`);
}

/**
 * The error for an option with an invalid value.
 *
 * @param {string} name
 * @param {string} reason
 */
export const invalidOption = (name, reason) =>
  makeError("invalid_option", `the option "${name}" is not usable: it ${reason}`);

/**
 * A copy of `options`. They may have getters that throw, so that all are read before anything begins. With `known`, a
 * name that is not in it is an error.
 *
 * @param {unknown} options whatever the caller passed
 * @param {readonly string[]} [known]
 * @returns {Record<string, any>} the values are still unchecked
 */
export function copyOptions(options, known) {
  /** @type {Record<string, unknown> | false} */
  let copy = {};
  try {
    if (options != null) copy = typeof options === "object" && !Array.isArray(options) && { ...options };
  } catch (thrown) {
    throw invalidOption("options", `cannot be read: ${messageOf(thrown)}`);
  }
  if (!copy) throw invalidOption("options", "must be an object");
  if (known) refuseUnknown(copy, known);
  return copy;
}
