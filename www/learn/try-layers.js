// Chapters 4 and 6: the guesses layer by layer, and the product of hidden state and head row.

import { button, closest, element, keep, set } from "../dom.js";
import { visible } from "../format.js";
import { contributions, layerRows } from "../inside-numbers.js";
import { OWN, predict } from "./model.js";
import { instrument, showRows } from "./parts.js";
import { number, percent, quoted, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */

const GUESSES = 4;
const CHOICES = 5;
/** How many products are drawn. */
const DRAWN = 8;

/** @param {Find} find */
export function tryLayers(find) {
  instrument(
    find("try-layers"),
    async (generator) => {
      const text = find("layers-text", "textarea").value;
      const { layers = [] } = await predict(generator, text, OWN, { top: GUESSES, layers: true });
      return layers;
    },
    (layers) => {
      const best = layers.at(-1)?.[0];
      const rows = layerRows(layers, best?.id ?? -1).map(({ layer, cells }) => {
        const head = element("th", "", String(layer));
        head.scope = "row";
        return element("tr", "", head, ...cells.slice(0, GUESSES).map(guess));
      });
      find("layers-rows").replaceChildren(...rows);
      if (!best) return;
      const late = !layers[0].slice(0, GUESSES).some(({ id }) => id === best.id);
      const said = t("layers.said", { token: quoted(best.text), share: percent(Math.exp(best.logprob)) });
      find("layers-note").textContent = late ? `${said} ${t("layers.first")}` : said;
    },
  );
}

/** @param {ReturnType<typeof layerRows>[number]["cells"][number]} cell */
function guess({ id, text, probability, taken }) {
  const [name, share] = [element("span", "name", visible(text)), element("small", "", percent(probability))];
  const cell = element("td", taken ? "taken" : "", name, share);
  cell.title = `${visible(text)} ${percent(probability)}`;
  cell.dataset.id = String(id);
  cell.style.setProperty("--share", `${Math.round(100 * probability)}%`);
  return cell;
}

/** @param {Find} find */
export function tryHead(find) {
  /** @type {number | undefined} */
  let chosen;
  const choices = find("head-choices");
  const refresh = instrument(
    find("try-head"),
    async (generator) => {
      const text = find("head-text", "textarea").value;
      const record = await predict(generator, text, OWN, { top: CHOICES, hidden: true });
      const { candidates, hidden = new Float32Array() } = record;
      const shown = candidates.find(({ id }) => id === chosen) ?? candidates[0];
      return { candidates, shown, hidden, row: await generator.head_row(shown.id) };
    },
    ({ candidates, shown, hidden, row }) => {
      for (const [index, made] of keep(choices, candidates.length, () => button("choice")).entries()) {
        const { id, text } = candidates[index];
        set(made.dataset, "id", String(id));
        set(made, "textContent", visible(text));
        made.setAttribute("aria-pressed", String(id === shown.id));
      }
      const { sum, top } = contributions(hidden, row);
      const drawn = top.slice(0, DRAWN);
      const most = Math.abs(drawn[0]?.product ?? 0) || 1;
      const rows = drawn.map(({ index, hidden, row, product }) => {
        const values = { place: index + 1, hidden: number(hidden, 2), row: number(row, 2) };
        const part = Math.abs(product) / most;
        const className = product < 0 ? "negative" : "positive";
        return { name: t("head.product", values), part, value: number(product, 2), className };
      });
      showRows(find("head-products"), rows);
      find("head-shown").textContent = number(
        drawn.reduce((sum, { product }) => sum + product, 0),
        2,
      );
      find("head-count").textContent = t("head.count", { count: number(hidden.length) });
      for (const [id, value] of Object.entries({ "head-sum": sum, "head-logit": shown.logit })) {
        find(id).textContent = number(value, 2);
        find(id).dataset.value = String(value);
      }
    },
  );
  choices.addEventListener("click", (event) => {
    const pressed = closest(event, "[data-id]");
    if (!pressed) return;
    chosen = Number(pressed.dataset.id);
    void refresh();
  });
}
