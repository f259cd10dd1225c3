// A generator in the state before the token that the reader looks at: a fork that is rewound to there.

/** @typedef {import("./branches.js").Branch} Branch */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */

export class Lens {
  /** @type {{ branch: Branch, at: number, generator: WorkerGenerator } | undefined} */
  #held;

  /**
   * A generator in the state before the token `at` of `branch`. Rewinding further than the last token runs the model
   * once; the result is kept, so that the same place costs nothing again.
   *
   * @param {Branch} branch
   * @param {number} at
   * @returns {Promise<WorkerGenerator>}
   */
  async before(branch, at) {
    if (!branch.generator) throw new Error("the text was left");
    if (at === branch.tokens.length) return branch.generator;
    if (this.#held?.branch === branch && this.#held.at === at) return this.#held.generator;
    this.drop();
    const generator = await branch.generator.fork();
    try {
      await generator.rewind(branch.tokens.length - at);
      // Another text may have been started meanwhile.
      if (!branch.generator) throw new Error("the text was left");
    } catch (error) {
      generator.free();
      throw error;
    }
    this.drop();
    this.#held = { branch, at, generator };
    return generator;
  }

  /** Frees the generator. */
  drop() {
    this.#held?.generator.free();
    this.#held = undefined;
  }

  /** Hands the generator over to the caller. */
  release() {
    this.#held = undefined;
  }
}
