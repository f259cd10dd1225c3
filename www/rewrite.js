// Writes a text again, as a link tells of it.

/** @typedef {import("./link.js").LinkedBranch} LinkedBranch */
/** @typedef {import("./microscope.js").OpenBranch} OpenBranch */
/** @typedef {import("./pkg/index.js").Token} Token */

/**
 * What the page does for it: `leave` shows a new branch that leaves another before its token `at`.
 *
 * @typedef {{ host: import("./microscope.js").Host, leave: (branch: OpenBranch, at: number) => Promise<OpenBranch>,
 *   configure: (settings: import("./link.js").Settings) => Promise<unknown>,
 *   append: (token: Token, forced: boolean) => void }} Page
 */

/**
 * Writes all branches again, the first of which is `root`, and resolves to them.
 *
 * @param {OpenBranch} root
 * @param {LinkedBranch[]} branches
 * @param {Page} page
 */
export async function rewrite(root, branches, page) {
  const written = [root];
  for (const [index, linked] of branches.entries()) {
    if (page.host.stopping) break;
    const { parent, at } = linked;
    // The first has no parent.
    const left = parent === undefined ? undefined : written[parent];
    if (left) written[index] = await page.leave(left, Math.min(at, left.tokens.length));
    await rewriteBranch(written[index], linked, page);
  }
  return written;
}

/**
 * Writes what `branch` lacks: each token is drawn with the same settings as it was there, or taken where the reader chose
 * it.
 *
 * @param {OpenBranch} branch
 * @param {LinkedBranch} linked
 * @param {Page} page
 */
async function rewriteBranch(branch, { settings, forced, tokens }, page) {
  for (let index = branch.tokens.length; index < tokens && !page.host.stopping && !branch.finish_reason; index += 1) {
    const changed = settings.get(index);
    if (changed) page.host.sliders.set(changed);
    if (changed) await page.configure(changed);
    const id = forced.get(index);
    const token = await (id === undefined ? branch.generator.next_token() : branch.generator.accept(id));
    if (!token) break;
    page.append(token, id !== undefined);
  }
}
