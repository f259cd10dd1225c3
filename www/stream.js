// The tokens of a text, asked for ahead, so that the engine goes on while the page draws.

/** @typedef {import("./pkg/index.js").Token} Token */
/**
 * What the tokens come from: a `WorkerGenerator`.
 *
 * @typedef {{ next_token: () => Promise<Token | undefined>,
 *   timings: () => Promise<{ decode_tokens_per_second: number }> }} Source
 */

/** The most tokens that are asked for at once. */
const MOST_AHEAD = 32;
/** How long the engine may take for them, in seconds: so long does it go on when it should stop. */
const PATIENCE = 0.05;
/** After how many tokens the engine's speed is asked for again. */
const REMEASURED_EVERY = 16;

/**
 * The tokens that are still to come. When `stopping` tells so, no more are asked for, but those that were come yet: the
 * generator is then in the state after the last of them.
 *
 * @param {Source} source
 * @param {() => boolean} stopping
 */
export async function* stream(source, stopping) {
  /** @type {Promise<Token | undefined>[]} */
  const asked = [];
  let ahead = 1;
  const adapt = async () => {
    // The engine's own speed: a page that falls behind must not take its own for that.
    const { decode_tokens_per_second: speed } = await source.timings();
    ahead = Math.max(1, Math.min(MOST_AHEAD, Math.floor(speed * PATIENCE) || 1));
  };
  for (let count = 0; ; count += 1) {
    while (asked.length < ahead && !stopping()) {
      const token = source.next_token();
      token.catch(() => {}); // the first that fails is awaited, and tells the error
      asked.push(token);
    }
    const token = await asked.shift();
    if (!token) return;
    if (count % REMEASURED_EVERY === 0) adapt().catch(() => {}); // as above
    yield token;
    if (token.finish_reason) return;
  }
}
