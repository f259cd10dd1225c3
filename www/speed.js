// How fast a text is written, said while it is written.

/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */

/** The least time between two questions, in milliseconds. */
const INTERVAL = 250;

export class SpeedLine {
  #status;
  /**
   * The text that is being written.
   *
   * @type {{ used: WorkerGenerator, seed: number | bigint, known: string } | undefined}
   */
  #text;
  #asked = 0;
  /** @type {Promise<void> | undefined} */
  #asking;

  /** @param {HTMLElement} status */
  constructor(status) {
    this.#status = status;
  }

  /**
   * Begins a text, or goes on with one.
   *
   * @param {WorkerGenerator} used
   * @param {number | bigint} seed
   */
  begin(used, seed) {
    this.#text = { used, seed, known: "" };
  }

  /**
   * Says how fast the text was written a moment ago, and asks how fast it is now. To be called where the page changes anyway:
   * a change by itself would take the browser a frame of its own, and the engine the time for that.
   */
  update() {
    if (!this.#text) return;
    this.#show(this.#text.known);
    if (this.#asking || performance.now() - this.#asked < INTERVAL) return;
    this.#asked = performance.now();
    this.#asking = this.#ask(this.#text).finally(() => (this.#asking = undefined));
  }

  /** Says how fast the text was written, which is not written any more. */
  async finish() {
    const text = this.#text;
    if (!text) return;
    await this.#ask(text);
    // Another may have begun meanwhile.
    if (text !== this.#text) return;
    this.#show(text.known);
    this.#text = undefined;
  }

  /** @param {string} said */
  #show(said) {
    if (said && said !== this.#status.textContent) this.#status.textContent = said;
  }

  /** @param {{ used: WorkerGenerator, seed: number | bigint, known: string }} text */
  async #ask(text) {
    const timings = await text.used.timings().catch(() => undefined); // the next token tells what is wrong
    if (!timings) return;
    const { prefill_tokens_per_second: prefill, decode_tokens_per_second: decode } = timings;
    const rate = (/** @type {number} */ value) => (value ? value.toFixed(0) : "–");
    text.known = `prompt ${rate(prefill)} tokens/s, text ${rate(decode)} tokens/s, seed ${text.seed}`;
  }
}
