// Markers in a text: where one is, and how much of the text is kept back because it may have begun one.

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

/**
 * How many characters at the end of `text` may be the beginning of one of the markers.
 *
 * @param {string} text
 * @param {string[]} markers
 */
export const overlapOfAny = (text, markers) => Math.max(0, ...markers.map((marker) => overlap(text, marker)));

/**
 * The first of the markers in `text` from a place on.
 *
 * @param {string} text
 * @param {string[]} markers none of which begins with another one
 * @param {number} [from]
 */
export function firstOf(text, markers, from = 0) {
  const found = markers.map((marker) => ({ at: text.indexOf(marker, from), marker })).filter(({ at }) => at >= 0);
  return found.sort((a, b) => a.at - b.at).at(0);
}
