// Markers that a text may have begun: how much of it is kept back until more has come.

/**
 * How many characters at the end of `text` may be the beginning of `marker`.
 *
 * @param {string} text
 * @param {string} marker
 */
export function overlap(text, marker) {
  for (let length = Math.min(marker.length - 1, text.length); length > 0; length--) {
    if (text.endsWith(marker.slice(0, length))) return length;
  }
  return 0;
}
