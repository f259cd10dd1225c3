// Chapter 4, its first half: which of the tokens so far the last one attends to.

import { element, keep, set } from "../dom.js";
import { visible } from "../format.js";
import { headCount, largest, overHeads, strengths } from "../inside-numbers.js";
import { OWN, predict, tokenText } from "./model.js";
import { instrument } from "./parts.js";
import { percent, quoted, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */
/** @typedef {{ layers: Float32Array[], texts: string[] }} Looked the weights of each layer, [heads × tokens] */

/** How many of the tokens with the largest shares are named. */
const NAMED = 3;
/** What is shown at first: a head that looks for the name of the one who spoke before. */
const FIRST = { layer: "2", head: "1" };

/** @param {Find} find */
export function tryAttention(find) {
  const [layer, head] = [find("attention-layer", "select"), find("attention-head", "select")];
  instrument(
    find("try-attention"),
    async (generator) => {
      const { attention = [] } = await predict(generator, find("attention-text", "textarea").value, OWN, {
        attention: true,
      });
      const { prompt_ids } = await generator.state();
      const texts = await Promise.all([...prompt_ids].map((id) => tokenText(generator, id)));
      return { layers: attention.filter((weights) => weights !== null), texts };
    },
    ({ layers, texts }) => {
      const numbers = layers.map((_, index) => String(index + 1));
      const chosen = choose(layer, [], numbers, FIRST.layer);
      const weights = layers[Number(chosen) - 1];
      const heads = Array.from({ length: headCount(weights, texts.length) }, (_, index) => String(index + 1));
      const one = choose(head, [["mean", t("attention.mean")]], heads, FIRST.head);
      const shares = overHeads(weights, texts.length, one === "mean" ? one : Number(one) - 1);
      showShares(find("attention-tokens"), texts, shares);
      const most = largest(shares, NAMED).map((index) => `${quoted(texts[index])} ${percent(shares[index])}`);
      find("attention-note").textContent = t("attention.said", {
        token: quoted(texts.at(-1) ?? ""),
        most: most.join(", "),
      });
    },
  );
}

/**
 * Gives a select its options: some with a name, then the numbers. Returns the one that is chosen, `first` at the beginning.
 *
 * @param {HTMLSelectElement} select
 * @param {string[][]} named pairs of value and name
 * @param {string[]} numbers
 * @param {string} first
 */
function choose(select, named, numbers, first) {
  const options = [...named, ...numbers.map((number) => [number, number])];
  const isOffered = options.some(([value]) => value === select.value);
  const chosen = isOffered ? select.value : first;
  const made = /** @type {HTMLOptionElement[]} */ (keep(select, options.length, () => element("option")));
  for (const [index, [value, name]] of options.entries()) {
    set(made[index], "value", value);
    set(made[index], "textContent", name);
  }
  select.value = chosen;
  return chosen;
}

/**
 * Shows the text, each token coloured by its share.
 *
 * @param {Element} root
 * @param {string[]} texts
 * @param {number[]} shares
 */
function showShares(root, texts, shares) {
  const strong = strengths(shares);
  root.replaceChildren(
    ...texts.map((text, index) => {
      const share = percent(shares[index]);
      const token = element(
        "span",
        "looked",
        element("span", "name", visible(text)),
        element("small", "unseen", ` ${share} `),
      );
      token.style.setProperty("--share", `${Math.round(100 * strong[index])}%`);
      token.dataset.share = String(shares[index]);
      token.title = `${visible(text)} ${share}`;
      return token;
    }),
  );
}
