// A generator that stands where the reader looks: a fork, taken back to before that token.

export class Lens {
  #held;

  /**
   * A generator that stands before the token `at` of `branch`. The model runs once at most, for a token
   * further back than the last; what is asked of the same place again costs nothing.
   */
  async before(branch, at) {
    if (at === branch.tokens.length) return branch.generator;
    if (this.#held?.branch === branch && this.#held.at === at) return this.#held.generator;
    this.drop();
    const generator = await branch.generator.fork();
    try {
      await generator.rewind(branch.tokens.length - at);
      // Meanwhile another text may have begun.
      if (!branch.generator) throw new Error("the text was left");
    } catch (error) {
      generator.free();
      throw error;
    }
    this.drop();
    this.#held = { branch, at, generator };
    return generator;
  }

  /** Gives its memory back. */
  drop() {
    this.#held?.generator.free();
    this.#held = undefined;
  }

  /** The generator goes its own way from here. */
  release() {
    this.#held = undefined;
  }
}
