// The three parts of the view "Inside the model": the guesses layer by layer, the attention, and the head's product.

import { button, closest, element, keep, set, svgElement } from "./dom.js";
import { count, percent, piece, visible } from "./format.js";
import { Inspectable } from "./inspectable.js";
import { contributions, headCount, largest, layerRows, overHeads, strengths } from "./inside-numbers.js";

/** @typedef {import("./dom.js").Find} Find */
/** @typedef {import("./inside-numbers.js").Guess} Guess */
/** @typedef {import("./inside-numbers.js").Head} Head */
/** @typedef {(Float32Array | null)[]} Attention the weights of each layer; null for one without attention */
/** @typedef {{ id: number, text: string, logit: number, row: Float32Array }} Choice a candidate with its row of the head */

/** How many of the tokens that are looked at most are named. */
const NAMED = 5;

/**
 * Shows the best guesses after each layer.
 *
 * @param {Element} body of the table
 * @param {Guess[][]} layers
 * @param {number} taken the id of the token that is marked
 */
export function showLayers(body, layers, taken) {
  body.replaceChildren(
    ...layerRows(layers, taken).map(({ layer, cells }) => {
      const head = element("th", "", String(layer));
      head.scope = "row";
      return element("tr", "", head, ...cells.map(guess));
    }),
  );
}

/** @param {ReturnType<typeof layerRows>[number]["cells"][number]} cell */
function guess({ id, text, probability, taken }) {
  const share = percent(probability);
  const cell = element("td", taken ? "taken" : "", element("span", "name", visible(text)), element("small", "", share));
  cell.title = `${visible(text)} ${share}${taken ? "; the token that is looked at" : ""}`;
  cell.dataset.id = String(id);
  cell.style.setProperty("--share", `${Math.round(100 * probability)}%`);
  return cell;
}

/** Shows how much the last token takes from each token so far. */
export class AttentionPart {
  #find;
  #inspectable;
  /**
   * The layer that the reader chose; undefined for the last one that has attention.
   *
   * @type {number | undefined}
   */
  #layer;
  /** @type {Head} */
  #head = "mean";
  /** @type {{ attention: Attention, texts: string[], positions: number }} */
  #shown = { attention: [], texts: [], positions: 0 };

  /** @param {Find} find */
  constructor(find) {
    this.#find = find;
    this.#inspectable = new Inspectable(find("inside-tokens"));
    const [layer, head] = [find("inside-layer", "select"), find("inside-head", "select")];
    layer.addEventListener("change", () => {
      this.#layer = Number(layer.value);
      this.#render();
    });
    head.addEventListener("change", () => {
      const { value } = head;
      this.#head = value === "mean" || value === "max" ? value : Number(value);
      this.#render();
    });
  }

  /**
   * @param {Attention} attention
   * @param {string[]} texts those of the last tokens, which are drawn
   * @param {number} positions the number of all tokens
   */
  show(attention, texts, positions) {
    this.#shown = { attention, texts, positions };
    this.#render();
  }

  #render() {
    const { attention, texts, positions } = this.#shown;
    const last = attention.findLastIndex(Boolean);
    const layer = attention[this.#layer ?? last] ? (this.#layer ?? last) : last;
    const weights = attention[layer];
    this.#find("inside-attention").hidden = !weights;
    if (!weights) return;
    const heads = headCount(weights, positions);
    const head = typeof this.#head === "number" && this.#head >= heads ? "mean" : this.#head;
    this.#showSelects(layer, head, heads);

    const all = overHeads(weights, positions, head);
    const skipped = positions - texts.length;
    const drawn = all.slice(skipped);
    const strong = strengths(drawn);
    const tokens = texts.map((text, index) => {
      const token = element("span", "token", text);
      token.classList.toggle("line", text.includes("\n"));
      token.style.setProperty("--heat", `${Math.round(100 * strong[index])}%`);
      token.title = percent(drawn[index]);
      token.dataset.weight = drawn[index].toPrecision(5);
      this.#inspectable.add(token, () => {
        const place = `token ${(skipped + index + 1).toLocaleString("en")} of ${positions.toLocaleString("en")}`;
        this.#find("inside-token").replaceChildren(piece(text), ` ${place}: ${percent(drawn[index])}`);
      });
      return token;
    });
    const gone = all.slice(0, skipped).reduce((sum, weight) => sum + weight, 0);
    const left = head === "max" ? "" : `, which have ${percent(gone)} together`;
    const before = skipped ? [element("span", "given", `(${count(skipped, "earlier token")} not drawn${left}) `)] : [];
    this.#find("inside-tokens").replaceChildren(...before, ...tokens);
    this.#find("inside-token").replaceChildren();
    const named = largest(drawn, NAMED).flatMap((index) => [" ", piece(texts[index]), ` ${percent(drawn[index])}`]);
    this.#find("inside-most").replaceChildren("Most:", ...named);
  }

  /**
   * @param {number} layer
   * @param {Head} head
   * @param {number} heads
   */
  #showSelects(layer, head, heads) {
    const layers = this.#shown.attention.map((weights, index) => {
      const text = weights ? String(index + 1) : `${index + 1} (short convolution)`;
      return { value: String(index), text, disabled: !weights };
    });
    fill(this.#find("inside-layer", "select"), layers, String(layer));
    const single = Array.from({ length: heads }, (_, index) => ({ value: String(index), text: `head ${index + 1}` }));
    const together = ["mean", "max"].map((value) => ({ value, text: `${value} of heads` }));
    fill(this.#find("inside-head", "select"), [...together, ...single], String(head));
  }
}

/**
 * Gives a select its options, of which those that were there stay: it may be open.
 *
 * @param {HTMLSelectElement} select
 * @param {{ value: string, text: string, disabled?: boolean }[]} options
 * @param {string} chosen
 */
function fill(select, options, chosen) {
  const made = /** @type {HTMLOptionElement[]} */ (keep(select, options.length, () => element("option")));
  for (const [index, { value, text, disabled = false }] of options.entries()) {
    set(made[index], "value", value);
    set(made[index], "textContent", text);
    set(made[index], "disabled", disabled);
    if (value === chosen) made[index].selected = true;
  }
}

/** Shows the hidden state, and how a logit comes from it. */
export class LogitPart {
  #find;
  /** @type {Float32Array} */
  #hidden = new Float32Array();
  /** @type {Choice[]} */
  #choices = [];

  /** @param {Find} find */
  constructor(find) {
    this.#find = find;
    find("inside-choices").addEventListener("click", (event) => {
      const pressed = closest(event, "[data-id]");
      if (pressed) this.#choose(Number(pressed.dataset.id));
    });
  }

  /**
   * @param {Float32Array} hidden
   * @param {Choice[]} choices
   * @param {number} taken the id of the candidate that is shown first, if it is one of them
   */
  show(hidden, choices, taken) {
    this.#hidden = hidden;
    this.#choices = choices;
    drawVector(this.#find("inside-vector"), hidden, hiddenLabel(hidden));
    const buttons = keep(this.#find("inside-choices"), choices.length, () => button("choice"));
    for (const [index, { id, text }] of choices.entries()) {
      set(buttons[index].dataset, "id", String(id));
      set(buttons[index], "textContent", visible(text));
    }
    this.#choose(choices.some(({ id }) => id === taken) ? taken : choices[0]?.id);
  }

  /** @param {number} chosen the id of a candidate */
  #choose(chosen) {
    const choice = this.#choices.find(({ id }) => id === chosen);
    if (!choice) return;
    for (const made of /** @type {Iterable<HTMLElement>} */ (this.#find("inside-choices").children)) {
      made.setAttribute("aria-pressed", String(made.dataset.id === String(chosen)));
    }
    const { top, topSum, sum } = contributions(this.#hidden, choice.row);
    const most = Math.abs(top[0]?.product) || 1;
    this.#find("inside-products").replaceChildren(...top.map((part) => productRow(part, most)));
    const cells = this.#find("inside-vector").children;
    for (const cell of cells) cell.classList.remove("used");
    for (const { index } of top) cells[index]?.classList.add("used");
    this.#find("inside-some").textContent = topSum.toFixed(2);
    this.#find("inside-some-name").textContent = `these ${top.length} products`;
    this.#find("inside-sum").textContent = sum.toFixed(2);
    this.#find("inside-sum-name").textContent = `all ${this.#hidden.length.toLocaleString("en")} products`;
    this.#find("inside-logit").textContent = choice.logit.toFixed(2);
  }
}

/**
 * Draws a vector as cells, of which the colour tells the sign and its strength the size.
 *
 * @param {Element} svg
 * @param {Float32Array} values
 * @param {string} label what it is, for those who do not see it
 */
export function drawVector(svg, values, label) {
  const across = values.length > 640 ? 128 : 64;
  const strong = strengths(values);
  const cells = strong.map((strength, index) => {
    const [x, y] = [index % across, Math.floor(index / across)];
    // As text: numbers of a drawing are rounded to a tenth.
    const opacity = strength.toFixed(2);
    const sign = values[index] < 0 ? "negative" : "positive";
    return svgElement("rect", { class: sign, x, y, width: 1, height: 1, "fill-opacity": opacity });
  });
  svg.setAttribute("viewBox", `0 0 ${across} ${Math.ceil(values.length / across)}`);
  svg.setAttribute("aria-label", label);
  svg.replaceChildren(...cells);
}

/** @param {Float32Array} values */
function hiddenLabel(values) {
  const [least, most] = values.reduce(([least, most], v) => [Math.min(least, v), Math.max(most, v)], [0, 0]);
  const range = `from ${least.toFixed(1)} to ${most.toFixed(1)}`;
  return `The hidden state: ${values.length.toLocaleString("en")} numbers ${range}`;
}

/**
 * @param {ReturnType<typeof contributions>["top"][number]} part
 * @param {number} most the size of the product that fills the whole width
 */
function productRow({ index, hidden, row, product }, most) {
  const head = element("th", "", String(index));
  head.scope = "row";
  const fill = element("span", product < 0 ? "negative" : "positive");
  fill.style.setProperty("--part", (Math.abs(product) / most).toFixed(3));
  const bar = element("span", "product", fill);
  bar.setAttribute("aria-hidden", "true");
  const sized = element("div", "sized", bar, element("span", "", product.toFixed(2)));
  const cells = [hidden.toFixed(2), row.toFixed(3), sized].map((content) => element("td", "", content));
  return element("tr", "", head, ...cells);
}
