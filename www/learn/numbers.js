// The numbers of the tour: from what the engine gives to what is shown.

/** @typedef {{ id: number, text: string, logit: number, logprob: number, probability: number }} Candidate */

/**
 * The cosine of the angle between two vectors: 1 for the same direction, 0 for a right angle, −1 for the opposite.
 *
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 */
export function cosine(a, b) {
  let [dot, first, second] = [0, 0, 0];
  for (let at = 0; at < a.length; at += 1) {
    dot += a[at] * b[at];
    first += a[at] * a[at];
    second += b[at] * b[at];
  }
  return first && second ? dot / Math.sqrt(first * second) : 0;
}

/**
 * The tokens whose vectors are nearest to that of `id` by cosine, the nearest first, itself left out.
 *
 * @param {ArrayLike<number>[]} rows
 * @param {number} id
 * @param {number} most
 */
export function nearest(rows, id, most) {
  return rows
    .map((row, other) => ({ id: other, cosine: cosine(rows[id], row) }))
    .filter((found) => found.id !== id)
    .sort((a, b) => b.cosine - a.cosine)
    .slice(0, most);
}

/**
 * The softmax in its three states, candidate by candidate: the logit, e to its power, and the share of that in the sum
 * over all tokens; and the same of all other tokens together, which have no logit of their own.
 *
 * @param {Candidate[]} candidates
 */
export function softmaxRows(candidates) {
  const rows = candidates.map(({ id, text, logit, logprob }) => {
    return { id, text, logit, power: Math.exp(logit), share: Math.exp(logprob) };
  });
  const [first] = rows;
  const total = first ? first.power / first.share : 0;
  const shown = rows.reduce((sum, { share }) => sum + share, 0);
  const rest = Math.max(0, 1 - shown);
  return { rows, total, others: { power: total * rest, share: rest }, sum: shown + rest };
}

/**
 * How many digits a number of any size has after the point; a tiny one so many that two of them are not zero.
 *
 * @param {number} value
 */
export function digitsOf(value) {
  if (value > 0 && value < 0.1) return Math.min(20, 1 - Math.floor(Math.log10(value)));
  return value < 10 ? 2 : value < 100 ? 1 : 0;
}

/**
 * All sentences that the parts make, in an order that looks like chance and is always the same.
 *
 * @param {string[][]} parts the choices for each place of a sentence
 */
export function sentences(parts) {
  const all = parts.reduce(
    (made, choices) => made.flatMap((start) => choices.map((choice) => [...start, choice])),
    /** @type {string[][]} */ ([[]]),
  );
  let state = 1;
  for (let at = all.length - 1; at > 0; at -= 1) {
    state = (state * 48271) % 0x7fffffff;
    const other = state % (at + 1);
    [all[at], all[other]] = [all[other], all[at]];
  }
  return all.map((words) => `${words.join(" ")}.`);
}

/**
 * The mean of −ln p over the targets: the cross-entropy.
 *
 * @param {{ nll: number }[]} pairs
 */
export const crossEntropy = (pairs) => pairs.reduce((sum, { nll }) => sum + nll, 0) / Math.max(1, pairs.length);
