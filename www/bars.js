// The candidates of a step as bars.

import { button, element, keep, set } from "./dom.js";
import { percent, stageTitle, visible } from "./format.js";

/** @typedef {import("./stages.js").Step} Step */

/** A row without content, which `fillRow` fills. */
function emptyRow() {
  const bar = element("span", "bar", element("span", "ghost"), element("span", "fill"));
  return element("li", "", button("candidate", element("span", "name"), bar, element("span", "share")));
}

/** @typedef {{ share: string, cutBy?: string, isBelow?: boolean, ghost: number, fill: number }} Bar the bar of a candidate */

/**
 * Shows the candidates of a step in `list`: outlined what they had, and filled what they have.
 *
 * @param {HTMLElement} list
 * @param {Step} step
 * @param {{ before: number[], after: number[], full: number, open: boolean }} shown the probabilities, row by row, the one
 *   that fills the whole width, and whether a candidate can be chosen
 */
export function showBars(list, step, { before, after, full, open }) {
  const { stages } = step.record;
  showRows(list, step, open, (row) => {
    const gone = after[row] === 0;
    const cutBy = gone
      ? stageTitle(stages.find(({ probabilities }) => probabilities[row] === 0)?.name ?? "cut")
      : undefined;
    return { share: cutBy ?? percent(after[row]), cutBy, ghost: before[row] / full, fill: after[row] / full };
  });
}

/**
 * Shows the logits of the candidates, of which the largest by its size fills the whole width.
 *
 * @param {HTMLElement} list
 * @param {Step} step
 * @param {{ most: number, open: boolean }} shown
 */
export function showLogits(list, step, { most, open }) {
  showRows(list, step, open, (row) => {
    const { logit } = step.record.candidates[row];
    return { share: logit.toFixed(2), isBelow: logit < 0, ghost: 0, fill: Math.abs(logit) / most };
  });
}

/**
 * Fills the rows of the list. They are those of the last step with other content, so that a step costs little while a text
 * is written.
 *
 * @param {HTMLElement} list
 * @param {Step} step
 * @param {boolean} open whether a candidate can be chosen
 * @param {(row: number) => Bar} barOf
 */
function showRows(list, { record, taken }, open, barOf) {
  const focused = list.contains(document.activeElement) ? document.activeElement : undefined;
  const wanted = /** @type {HTMLElement | undefined} */ (focused)?.dataset.id;
  const rows = keep(list, record.candidates.length, emptyRow);
  for (const [row, candidate] of record.candidates.entries()) {
    fillRow(rows[row], candidate, { ...barOf(row), taken: candidate.id === taken, open });
  }
  if (!wanted) return;
  const same = /** @type {HTMLElement | null} */ (list.querySelector(`[data-id="${wanted}"]`));
  (same ?? list.querySelector("button"))?.focus();
}

/**
 * @param {Element} item
 * @param {Step["record"]["candidates"][number]} candidate
 * @param {Bar & { taken: boolean, open: boolean }} shown
 */
function fillRow(item, { id, text, logprob }, { share, cutBy, isBelow, ghost, fill, taken, open }) {
  const button = /** @type {HTMLButtonElement} */ (item.firstElementChild);
  const [name, bar, number] = /** @type {Iterable<HTMLElement>} */ (button.children);
  const [outline, inner] = /** @type {Iterable<HTMLElement>} */ (bar.children);
  const title =
    `the model: ${percent(Math.exp(logprob))}` +
    (cutBy ? `; cut by ${cutBy}` : "") +
    (taken ? "; taken" : open ? "; go on with this one" : "");
  set(item, "className", [taken && "taken", cutBy && "cut", isBelow && "below"].filter(Boolean).join(" "));
  set(button.dataset, "id", String(id));
  set(button, "title", title);
  set(button, "disabled", !open);
  set(name, "textContent", visible(text));
  set(number, "textContent", share);
  set(number, "className", cutBy ? "share why" : "share");
  setWidth(outline, ghost);
  setWidth(inner, fill);
}

/**
 * @param {HTMLElement} span
 * @param {number} share
 */
function setWidth(span, share) {
  set(span, "hidden", share < 0.004); // less than a pixel or two
  set(span.style, "width", `${Math.round(1e4 * Math.min(1, share)) / 100}%`);
}
