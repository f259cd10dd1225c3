// Writes a branch of a text again, as a link tells of it.

/** @typedef {import("./pkg/index.js").Token} Token */

/**
 * Writes what `branch` lacks: each token is drawn with the same settings as it was there, or taken where the reader chose
 * it.
 *
 * @param {import("./microscope.js").OpenBranch} branch
 * @param {import("./link.js").LinkedBranch} linked
 * @param {{ stopping: () => boolean, configure: (settings: import("./link.js").Settings) => Promise<unknown>,
 *   append: (token: Token, forced: boolean) => void }} page `configure` sets the sliders too
 */
export async function rewrite(branch, { settings, forced, tokens }, { stopping, configure, append }) {
  for (let index = branch.tokens.length; index < tokens && !stopping() && !branch.finish_reason; index += 1) {
    const changed = settings.get(index);
    if (changed) await configure(changed);
    const id = forced.get(index);
    const token = await (id === undefined ? branch.generator.next_token() : branch.generator.accept(id));
    if (!token) break;
    append(token, id !== undefined);
  }
}
