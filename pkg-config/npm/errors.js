// Errors as the engine makes them: an `Error` with a stable `code`.

/**
 * @param {string} code a name that stays the same between releases
 * @param {string} message a sentence for a person
 * @param {unknown} [cause]
 * @returns {Error & { code: string }}
 */
export function failure(code, message, cause) {
  const error = new Error(message, cause === undefined ? undefined : { cause });
  return Object.assign(error, { code });
}

/** Throws for the first key of `options` that is not among `known`. */
export function refuseUnknown(options, known) {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) throw failure("unknown_option", `there is no option "${name}"`);
  }
}

/** An option of the right name with a value that is none. */
export const unusable = (name, reason) => failure("invalid_option", `the option "${name}" is not usable: it ${reason}`);
