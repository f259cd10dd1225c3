// The scoring view: each token of a text, coloured by its loss.

import { showDistribution } from "./distribution.js";
import { element, finder } from "./dom.js";
import { Inspectable } from "./inspectable.js";
import { EXPECTED, candidate, scoreText } from "./scoring.js";

/** @typedef {import("./pkg/index.js").Progress} Progress */
/** @typedef {import("./pkg/index.js").Score} Score */
/** @typedef {import("./pkg/index.js").WorkerGenerator} WorkerGenerator */
/** @typedef {import("./scoring.js").Expected} Expected */
/**
 * The loaded model and its name, and what shows errors.
 *
 * @typedef {{ model: () => WorkerGenerator | undefined, name: () => string | undefined,
 *   showError: (error?: unknown) => void }} Page
 */

/** The loss, in nats, that has the strongest colour. */
const HOTTEST = 10;

export class ScoreView {
  #find;
  #page;
  #status;
  #tokens;
  #inspectable;
  #busy = false;
  #stopping = false;

  /**
   * @param {Document | HTMLElement} root holds the view, and the choice among views
   * @param {Page} page
   */
  constructor(root, page) {
    this.#find = finder(root);
    this.#page = page;
    this.#status = this.#find("score-status");
    this.#tokens = this.#find("score-tokens");
    this.#inspectable = new Inspectable(this.#tokens);
    this.#find("score").addEventListener("click", () => this.score());
    this.#find("score-stop").addEventListener("click", () => this.stop());
    // Before the writing view handles it.
    root.addEventListener("keydown", (event) => this.#key(/** @type {KeyboardEvent} */ (event)), true);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.#find("mode-score", "input").checked) return;
    if (event.key === "Escape") return this.stop();
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.stopPropagation();
    this.score();
  }

  /** Ends the scoring after its step; what has been scored is shown. */
  stop() {
    if (this.#busy) this.#stopping = true;
  }

  /** Scores the text in the box. */
  async score() {
    if (this.#busy) return;
    this.#page.showError();
    const model = this.#page.model();
    if (!model) return this.#page.showError("no model is loaded yet");
    this.#setBusy(true);
    this.#status.textContent = "reading the text …";
    try {
      const goOn = (/** @type {Progress} */ progress) => {
        this.#showProgress(progress);
        return !this.#stopping;
      };
      const [result, { done, total }] = await scoreText(model, this.#find("score-text", "textarea").value, goOn);
      const judged = `judged by ${this.#page.name() ?? "the model"}`;
      this.#show(result);
      this.#status.textContent = done === total ? judged : `stopped after ${done} of ${total} tokens, ${judged}`;
    } catch (error) {
      this.#status.textContent = "";
      this.#page.showError(error);
    } finally {
      this.#setBusy(false);
    }
  }

  /** @param {Progress} progress */
  #showProgress({ done, total }) {
    this.#find("score-bar", "progress").value = done / total;
    this.#status.textContent = `${done} of ${total} tokens`;
  }

  /** @param {boolean} now */
  #setBusy(now) {
    this.#busy = now;
    this.#stopping = false;
    this.#find("score", "button").disabled = now;
    this.#find("score-stop").hidden = !now;
    this.#find("score-bar").hidden = !now;
    this.#find("score-bar", "progress").value = 0;
  }

  /** @param {Score} score */
  #show({ ids, texts, nll, mean_nll, perplexity, top_logprobs = [] }) {
    this.#find("score-result").hidden = false;
    this.#find("score-mean").textContent = mean_nll.toFixed(4);
    this.#find("score-perplexity").textContent =
      perplexity < 1000 ? perplexity.toFixed(2) : perplexity.toExponential(2);
    this.#find("score-count").textContent = String(nll.length);
    const judged = nll.map((loss, i) => this.#token(ids[i + 1], texts[i + 1], loss, top_logprobs[i]));
    const rest = texts.slice(nll.length + 1).join("");
    const after = rest ? [element("span", "given", rest)] : [];
    this.#tokens.replaceChildren(element("span", "given", texts[0]), ...judged, ...after);
    this.#inspectable.show(judged[nll.indexOf(Math.max(...nll))]);
  }

  /**
   * @param {number} id
   * @param {string} text
   * @param {number} loss
   * @param {Expected} expected
   */
  #token(id, text, loss, expected) {
    const made = element("span", "token", text);
    made.classList.toggle("line", text.includes("\n"));
    made.style.setProperty("--heat", `${heat(loss)}%`);
    this.#inspectable.add(made, () => {
      const rank = expected.findIndex((candidate) => candidate.id === id);
      this.#find("expected-note").textContent = sentence(loss, rank);
      const own = candidate({ id, text, logprob: -loss });
      showDistribution(this.#find("expected"), { ...own, top_logprobs: expected.map(candidate) });
    });
    return made;
  }
}

/** @param {number} loss */
const heat = (loss) => Math.round(100 * Math.min(1, loss / HOTTEST));

/**
 * @param {number} loss
 * @param {number} rank of the token among the model's guesses; negative if it is none of them
 */
function sentence(loss, rank) {
  const share = 100 * Math.exp(-loss);
  const percent = share < 0.01 ? "less than 0.01" : share < 10 ? share.toPrecision(2) : share.toFixed(0);
  const place =
    rank === 0
      ? "the likeliest of all"
      : rank > 0
        ? `number ${rank + 1} of its guesses`
        : `not among its ${EXPECTED} best guesses`;
  return `A surprise of ${loss.toFixed(2)} nats: the model gave this token ${percent} %, ${place}.`;
}
