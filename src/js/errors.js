// Errors in the form of the engine's: an `Error` with a stable `code`.

/**
 * @param {string} code a name that stays the same between releases
 * @param {string} message a sentence for a person
 * @param {unknown} [cause]
 * @returns {Error & { code: string }}
 */
export function failure(code, message, cause) {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { name: "NextTokenError", code });
}

/** The message of a thrown value. Reading it may throw, too. */
export function words(thrown) {
  try {
    return String(thrown?.message ?? thrown);
  } catch {
    return "unknown error";
  }
}

/**
 * The code of a thrown value, "internal" where it has none. A number does not count: errors of the browser have
 * numbers.
 */
export function codeOf(thrown) {
  try {
    const { code } = thrown;
    if (typeof code === "string") return code;
  } catch {
    // The value is null or undefined, or has a getter that throws.
  }
  return "internal";
}

/** `call` as an asynchronous function whose errors all have a code. */
export function coded(call) {
  return async function (...args) {
    try {
      return await call.apply(this, args);
    } catch (thrown) {
      throw codeOf(thrown) === "internal" ? failure("internal", words(thrown), thrown) : thrown;
    }
  };
}

/** Throws if `options` has a key that is not among `known`. Options that are undefined count as absent. */
export function refuseUnknown(options, known) {
  for (const name of Object.keys(options)) {
    if (options[name] !== undefined && !known.includes(name))
      throw failure("unknown_option", `there is no option "${name}"`);
  }
}

/** The error for an option with an invalid value. */
export const unusable = (name, reason) => failure("invalid_option", `the option "${name}" is not usable: it ${reason}`);

/**
 * A copy of `options`. They may have getters that throw, so that all are read before anything begins. With `known`, a
 * name that is not in it is an error.
 */
export function read(options, known) {
  let copy = {};
  try {
    if (options != null) copy = typeof options === "object" && !Array.isArray(options) && { ...options };
  } catch (thrown) {
    throw unusable("options", `cannot be read: ${words(thrown)}`);
  }
  if (!copy) throw unusable("options", "must be an object");
  if (known) refuseUnknown(copy, known);
  return copy;
}
