// The guessing view: the reader predicts a hidden text against the model, and both are scored by their surprise.

import { showDistribution } from "./distribution.js";
import { element, finder } from "./dom.js";
import { count, percent, piece } from "./format.js";
import { GuessGame, TEXTS, readWords } from "./guess-game.js";
import { Inspectable } from "./inspectable.js";
import { candidate, scoreText } from "./scoring.js";
import { surprise } from "./tokens.js";

/** @typedef {import("./guess-game.js").Round} Round */
/** @typedef {import("./pkg/index.js").Score} Score */
/** @typedef {import("./score.js").Page} Page */

export class GuessView {
  #find;
  #page;
  #status;
  #shown;
  #inspectable;
  /** The number of the next of our own texts. */
  #story = 0;
  #busy = false;
  #stopping = false;
  /** @type {GuessGame | undefined} */
  #game;
  /** @type {Score | undefined} */
  #score;

  /**
   * @param {Document | HTMLElement} root holds the view, and the choice among views
   * @param {Page} page
   */
  constructor(root, page) {
    const find = (this.#find = finder(root));
    this.#page = page;
    this.#status = find("guess-status");
    this.#shown = find("guess-shown");
    this.#inspectable = new Inspectable(this.#shown);
    find("guess-story").addEventListener("click", async () => {
      if (await this.#begin(TEXTS[this.#story % TEXTS.length])) this.#story += 1;
    });
    find("guess-stop").addEventListener("click", () => (this.#stopping = true));
    find("guess-begin").addEventListener("click", () => this.#begin(find("guess-text", "textarea").value));
    find("guess-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#guess();
    });
    find("guess-end").addEventListener("click", () => this.#end());
    // Before the writing view handles it.
    root.addEventListener("keydown", (event) => this.#key(/** @type {KeyboardEvent} */ (event)), true);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const isGuessing = this.#find("mode-guess", "input").checked;
    if (isGuessing && event.key === "Escape") this.#stopping = true;
    if (isGuessing && event.key === "Enter" && (event.ctrlKey || event.metaKey)) event.stopPropagation();
  }

  /**
   * Has the model score a text, and hides it. Resolves to whether a game began.
   *
   * @param {string} text
   */
  async #begin(text) {
    if (this.#busy) return false;
    this.#page.showError();
    const model = this.#page.model();
    if (!model) {
      this.#page.showError("no model is loaded yet");
      return false;
    }
    this.#setBusy(true);
    try {
      const [score, { done, total }] = await scoreText(model, text, ({ done, total }) => {
        this.#status.textContent = `the model reads it first: ${done} of ${total} tokens`;
        return !this.#stopping;
      });
      if (done < total) {
        this.#status.textContent = "Stopped.";
        return false;
      }
      const { vocabulary_size } = await model.info();
      this.#score = score;
      this.#game = new GuessGame(score, vocabulary_size);
      this.#status.textContent = `against ${this.#page.name() ?? "the model"}, which knows ${count(vocabulary_size, "token")}`;
      this.#open();
      return true;
    } catch (error) {
      this.#status.textContent = "";
      this.#page.showError(error);
      return false;
    } finally {
      this.#setBusy(false);
    }
  }

  /** @param {boolean} now */
  #setBusy(now) {
    this.#busy = now;
    this.#stopping = false;
    for (const id of ["guess-story", "guess-begin"]) this.#find(id, "button").disabled = now;
    this.#find("guess-stop").hidden = !now;
  }

  /** Shows a new game. */
  #open() {
    this.#find("guess-game").hidden = false;
    this.#find("guess-own", "details").open = false;
    this.#shown.replaceChildren();
    this.#find("guess-expected").replaceChildren();
    this.#find("guess-note").textContent = "Your guess first; then the model's show here.";
    this.#showTotals();
    this.#showUntilHidden(0);
  }

  /**
   * Shows the tokens from `from` to the next hidden one, and asks for that.
   *
   * @param {number} from
   */
  #showUntilHidden(from) {
    const [score, game] = [this.#score, this.#game];
    if (!score || !game) return;
    const given = score.texts.slice(from, game.next).join("");
    if (given) this.#shown.append(element("span", "given", given));
    const word = this.#find("guess-word", "input");
    word.value = "";
    if (!game.isOver) this.#find("guess-form").hidden = false;
    // Before the form is hidden, so that the focus is not lost with it.
    (game.isOver ? this.#shown : word).focus();
    if (!game.isOver) return;
    this.#find("guess-form").hidden = true;
    this.#sumUp();
  }

  #guess() {
    const word = this.#find("guess-word", "input");
    if (!this.#game || this.#game.isOver || readWords(word.value).length === 0) return word.focus();
    const stake = this.#find("guess-form").querySelector("input[name=stake]:checked")?.getAttribute("value");
    const round = this.#game.guess(word.value, Number(stake));
    const token = element("span", `token ${round.right ? "right" : "missed"}`, round.text);
    // As where the model writes.
    token.style.setProperty("--surprise", surprise(2 ** -round.modelBits).toFixed(3));
    this.#shown.append(token);
    const typed = word.value.trim();
    this.#inspectable.add(token, () => this.#showRound(round, typed));
    this.#inspectable.show(token);
    this.#showTotals();
    this.#showUntilHidden(round.index + 1);
    // On a phone it is below the box, which has the focus.
    this.#find("guess-expected").scrollIntoView({ block: "nearest" });
  }

  /** Shows what is still hidden. */
  #end() {
    if (!this.#game || this.#game.isOver) return;
    const from = this.#game.next;
    this.#game.end();
    this.#showUntilHidden(from);
  }

  /**
   * Tells of a guessed token, and what the model expected in its place.
   *
   * @param {Round} round
   * @param {string} typed
   */
  #showRound(round, typed) {
    const verdict = round.right ? "You were right" : `You said “${typed}”`;
    const chance = percent(2 ** -round.modelBits);
    this.#find("guess-note").replaceChildren(
      "It was ",
      piece(round.text),
      `. ${verdict}: ${bits(round.bits)}. The model gave it ${chance}: ${bits(round.modelBits)}.`,
    );
    const [score, at] = [this.#score, round.index];
    if (!score) return;
    const own = candidate({ id: score.ids[at], text: round.text, logprob: -score.nll[at - 1] });
    const top_logprobs = (score.top_logprobs?.[at - 1] ?? []).map(candidate);
    showDistribution(this.#find("guess-expected"), { ...own, top_logprobs });
  }

  #showTotals() {
    if (!this.#game) return;
    const { count: tokens, bits: own, modelBits, right, modelRight } = this.#game.totals;
    const rows = /** @type {const} */ ([
      ["you", own, right],
      ["model", modelBits, modelRight],
    ]);
    for (const [who, mean, hits] of rows) {
      this.#find(`guess-${who}`).textContent = tokens ? mean.toFixed(2) : "–";
      this.#find(`guess-${who}-right`).textContent = `bits per token; ${hits} of ${tokens} right`;
    }
  }

  /** Tells who predicted the text better. */
  #sumUp() {
    const { count: tokens, bits: own, modelBits } = this.#game?.totals ?? { count: 0, bits: 0, modelBits: 0 };
    if (tokens === 0) return (this.#status.textContent = "That is the whole text; nothing was guessed.");
    const ahead = own < modelBits ? "you were surprised less than the model" : "the model was surprised less than you";
    this.#status.textContent = `Over ${count(tokens, "token")} ${ahead}: you by ${own.toFixed(2)} bits per token, the model by ${modelBits.toFixed(2)}.`;
  }
}

/** @param {number} value */
const bits = (value) => `${value.toFixed(1)} bits`;
