// The candidates of a step as bars.

import { button, element, keep, set } from "./dom.js";
import { percent, stageTitle, visible } from "./format.js";

/** @typedef {import("./stages.js").Step} Step */

/** A row without content, which `fillRow` fills. */
function emptyRow() {
  const bar = element("span", "bar", element("span", "ghost"), element("span", "fill"));
  return element("li", "", button("candidate", element("span", "name"), bar, element("span", "share")));
}

/**
 * Shows the candidates of a step in `list`: outlined what they had, and filled what they have. The rows are those of the
 * last step with other content, so that a step costs little while a text is written.
 *
 * @param {HTMLElement} list
 * @param {Step} step
 * @param {{ before: number[], after: number[], full: number, open: boolean }} shown the probabilities, row by row, the one
 *   that fills the whole width, and whether a candidate can be chosen
 */
export function showBars(list, { record, taken }, { before, after, full, open }) {
  const focused = list.contains(document.activeElement) ? document.activeElement : undefined;
  const wanted = /** @type {HTMLElement | undefined} */ (focused)?.dataset.id;
  const rows = keep(list, record.candidates.length, emptyRow);
  for (const [row, { id, text, logprob }] of record.candidates.entries()) {
    const cutBy = record.stages.find(({ probabilities }) => probabilities[row] === 0)?.name;
    const gone = after[row] === 0;
    const title =
      `the model: ${percent(Math.exp(logprob))}` +
      (gone ? `; cut by ${stageTitle(cutBy ?? "")}` : "") +
      (id === taken ? "; taken" : open ? "; go on with this one" : "");
    const share = gone ? stageTitle(cutBy ?? "cut") : percent(after[row]);
    fillRow(rows[row], {
      id: String(id),
      name: visible(text),
      share,
      title,
      gone,
      taken: id === taken,
      open,
      ghost: before[row] / full,
      fill: after[row] / full,
    });
  }
  if (!wanted) return;
  const same = /** @type {HTMLElement | null} */ (list.querySelector(`[data-id="${wanted}"]`));
  (same ?? list.querySelector("button"))?.focus();
}

/**
 * @param {Element} row
 * @param {{ id: string, name: string, share: string, title: string, gone: boolean, taken: boolean, open: boolean,
 *   ghost: number, fill: number }} content
 */
function fillRow(row, content) {
  const candidate = /** @type {HTMLButtonElement} */ (row.firstElementChild);
  const [name, bar, share] = /** @type {Iterable<HTMLElement>} */ (candidate.children);
  const [ghost, fill] = /** @type {Iterable<HTMLElement>} */ (bar.children);
  set(row, "className", [content.taken && "taken", content.gone && "cut"].filter(Boolean).join(" "));
  set(candidate.dataset, "id", content.id);
  set(candidate, "title", content.title);
  set(candidate, "disabled", !content.open);
  set(name, "textContent", content.name);
  set(share, "textContent", content.share);
  set(share, "className", content.gone ? "share why" : "share");
  setWidth(ghost, content.ghost);
  setWidth(fill, content.fill);
}

/**
 * @param {HTMLElement} span
 * @param {number} share
 */
function setWidth(span, share) {
  set(span, "hidden", share < 0.004); // less than a pixel or two
  set(span.style, "width", `${Math.round(1e4 * Math.min(1, share)) / 100}%`);
}
