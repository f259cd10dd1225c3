// What the page needs to know of an error.

/**
 * The code of an error of the engine; undefined for others. A number does not count: errors of the browser have numbers.
 *
 * @param {any} error
 * @returns {string | undefined}
 */
export const codeOf = (error) => (typeof error?.code === "string" ? error.code : undefined);

/**
 * @param {any} error
 * @returns {string}
 */
export const messageOf = (error) => String(error?.message ?? error);
