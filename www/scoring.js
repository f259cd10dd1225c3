// What a model expected of each token of a text, for the views that show it.

/** @typedef {import("./pkg/index.js").Progress} Progress */
/** @typedef {import("./pkg/index.js").Score} Score */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {NonNullable<Score["top_logprobs"]>[number]} Expected what the model expected in the place of a token */

/** How many candidates are kept for each token. */
export const EXPECTED = 10;

/**
 * Resolves to the score of `text`, or of the part that was scored when it was stopped, and to the progress.
 *
 * @param {WorkerGenerator} model
 * @param {string} text
 * @param {(progress: Progress) => boolean} goOn called after each chunk; false ends the scoring
 * @returns {Promise<[Score, Progress]>}
 */
export async function scoreText(model, text, goOn) {
  const scorer = await model.scorer(text, { top: EXPECTED });
  try {
    let progress;
    do progress = await scorer.step();
    while (goOn(progress) && progress.done < progress.total);
    return [await scorer.finish(), progress];
  } finally {
    scorer.free();
  }
}

/**
 * A candidate as the bars show it.
 *
 * @param {Expected[number]} expected
 */
export const candidate = ({ id, text, logprob }) => ({ id, text, logprob, probability: Math.exp(logprob) });
