// Chapter 7: logits become probabilities.

import { visible } from "../format.js";
import { OWN, predict } from "./model.js";
import { digitsOf, softmaxRows } from "./numbers.js";
import { instrument, showRows } from "./parts.js";
import { number, percent, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */

const TOP = 8;

/** @param {Find} find */
export function trySoftmax(find) {
  const root = find("try-softmax");
  instrument(
    root,
    async (generator) => {
      const { vocabulary_size: all } = await generator.info();
      const { candidates } = await predict(generator, find("softmax-text", "textarea").value, OWN, { top: TOP });
      return { all, candidates };
    },
    ({ all, candidates }) => {
      const { rows, total, others, sum } = softmaxRows(candidates);
      const view = root.querySelector(/** @type {"input"} */ ("input:checked"))?.value ?? "logit";
      const most = Math.max(1e-9, ...rows.map(({ logit }) => Math.abs(logit)));
      const other = t("softmax.others", { count: number(all - rows.length) });
      const shown = rows.map(({ text, logit, power, share }) => {
        const name = visible(text);
        if (view === "logit") {
          const className = logit < 0 ? "below" : "";
          return { name, part: Math.abs(logit) / most, value: number(logit, 2), className };
        }
        return { name, part: share, value: view === "share" ? percent(share) : large(power) };
      });
      if (view !== "logit") {
        const [rest, whole] =
          view === "share" ? [percent(others.share), percent(sum)] : [large(others.power), large(total)];
        shown.push({ name: other, part: others.share, value: rest, className: "others" });
        shown.push({ name: t("softmax.sum"), part: sum, value: whole, className: "sum" });
      }
      showRows(find("softmax-bars"), shown);
      const values = { count: number(all), total: large(total) };
      find("softmax-sum").textContent = t(`softmax.said-${view}`, values);
      root.dataset.shares = JSON.stringify([...rows.map(({ share }) => share), others.share]);
      root.dataset.best = String(rows[0]?.id);
    },
  );
}

/**
 * A number that may be of any size, with about as many digits as can be read.
 *
 * @param {number} value
 */
const large = (value) => number(value, digitsOf(value));
