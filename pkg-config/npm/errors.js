// Errors as the engine makes them: an `Error` with a stable `code`.

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

/** A thrown value in words. */
export function words(thrown) {
  try {
    return String(thrown?.message ?? thrown);
  } catch {
    return "unknown error";
  }
}

/** The code of a thrown value. A number is none: browsers give those to errors of their own. */
export function codeOf(thrown) {
  try {
    const { code } = thrown;
    if (typeof code === "string") return code;
  } catch {
    // Nothing at all, or a getter that throws.
  }
  return "internal";
}

/** `call`, as a promise whose errors all have a code. */
export function coded(call) {
  return async function (...args) {
    try {
      return await call.apply(this, args);
    } catch (thrown) {
      throw codeOf(thrown) === "internal" ? failure("internal", words(thrown), thrown) : thrown;
    }
  };
}

/** Throws for the first key of `options` that is not among `known`; what is undefined is as good as absent. */
export function refuseUnknown(options, known) {
  for (const name of Object.keys(options)) {
    if (options[name] !== undefined && !known.includes(name)) throw failure("unknown_option", `there is no option "${name}"`);
  }
}

/** An option of the right name with a value that is none. */
export const unusable = (name, reason) => failure("invalid_option", `the option "${name}" is not usable: it ${reason}`);

/**
 * A copy of `options`, whose getters may throw: all are read before anything begins. `known`, where given, are the
 * names there are.
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
