// The numbers of the view "Inside the model": from what the engine gives to what is shown.

/** @typedef {{ id: number, text: string, logprob: number }} Guess one of the best next tokens after a layer */
/** @typedef {"mean" | "max" | number} Head a head of attention, or what is made of all of them */

/** How many guesses of a layer are shown. */
export const GUESSES = 5;
/** How many products of hidden state and head row are shown. */
export const PRODUCTS = 12;

/**
 * The logit lens as rows, the input side first. `taken` is the id of the token to be found in them.
 *
 * @param {Guess[][]} layers
 * @param {number} taken
 */
export function layerRows(layers, taken) {
  return layers.map((guesses, index) => ({
    layer: index + 1,
    cells: guesses.slice(0, GUESSES).map(({ id, text, logprob }) => {
      return { id, text, probability: Math.exp(logprob), taken: id === taken };
    }),
  }));
}

/**
 * The number of heads, from the weights of a layer: [heads × positions].
 *
 * @param {Float32Array} weights
 * @param {number} positions
 */
export function headCount(weights, positions) {
  const heads = weights.length / positions;
  if (!Number.isInteger(heads)) throw new Error(`${weights.length} attention weights are not for ${positions} tokens`);
  return heads;
}

/**
 * The weight of each position: that of one head, or the mean or the largest of all heads.
 *
 * @param {Float32Array} weights [heads × positions]
 * @param {number} positions
 * @param {Head} head
 */
export function overHeads(weights, positions, head) {
  const heads = headCount(weights, positions);
  return Array.from({ length: positions }, (_, position) => {
    if (typeof head === "number") return weights[head * positions + position];
    let [sum, most] = [0, 0];
    for (let at = position; at < weights.length; at += positions) {
      sum += weights[at];
      most = Math.max(most, weights[at]);
    }
    return head === "max" ? most : sum / heads;
  });
}

/**
 * The indices of the largest values, the largest first.
 *
 * @param {number[]} values
 * @param {number} most how many
 */
export function largest(values, most) {
  return [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, most);
}

/**
 * The dot product of the hidden state and a row of the head: its sum, and the products that matter most in it.
 *
 * @param {Float32Array} hidden
 * @param {Float32Array} row
 */
export function contributions(hidden, row) {
  const products = Array.from(hidden, (value, index) => value * row[index]);
  const top = largest(products.map(Math.abs), PRODUCTS).map((index) => {
    return { index, hidden: hidden[index], row: row[index], product: products[index] };
  });
  const total = (/** @type {number[]} */ values) => values.reduce((sum, value) => sum + value, 0);
  return { sum: total(products), top, topSum: total(top.map(({ product }) => product)) };
}

/**
 * How strongly each value is coloured, from 0 to 1. The square root, because a few values are often many times larger
 * than the others, which would look like nothing.
 *
 * @param {ArrayLike<number>} values
 */
export function strengths(values) {
  const sizes = Array.from(values, Math.abs);
  const most = sizes.reduce((most, size) => Math.max(most, size), 0);
  return sizes.map((size) => (most > 0 ? Math.sqrt(size / most) : 0));
}
