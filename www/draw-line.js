// The draw as a point on a line: the tokens that are left lie side by side from 0 to 1, each as long as it is likely, and a
// random number is a point there.

import { keep, set } from "./dom.js";
import { visible } from "./format.js";

/** @typedef {import("./pkg/index.js").StepRecord} StepRecord */
/** @typedef {{ id?: number, text: string, from: number, to: number }} Segment `id` is absent for tokens without names */

/** Gaps that are shorter are not drawn. */
const GAP = 0.001;
/** What a character takes of the line where that is narrow, on a phone. A text that has no room in its segment is left out. */
const CHARACTER = 0.02;

/**
 * The line: the tokens of the record that are left, the likeliest first. Where others lie between them there is a segment
 * for these, called `others`.
 *
 * @param {Pick<StepRecord, "candidates" | "draw">} record
 * @param {string} [others]
 * @returns {Segment[]}
 */
export function segments({ candidates, draw }, others = "others") {
  const left = candidates
    .filter(({ probability }) => probability > 0)
    .map(({ id, text, probability }) => ({ id, text, share: probability }));
  if (draw && !left.some(({ id }) => id === draw.id)) {
    left.push({ id: draw.id, text: draw.text, share: draw.to - draw.from });
  }
  /** @type {Segment[]} */
  const line = [];
  let end = 0;
  // Others fill a gap up to `from`. A tiny one comes of rounding: there the last segment reaches as far.
  const fill = (/** @type {number} */ from) => {
    const last = line.at(-1);
    if (from - end > GAP) line.push({ text: others, from: end, to: from });
    else if (last) last.to = from;
  };
  for (const { id, text, share } of left.sort((a, b) => b.share - a.share)) {
    const [from, to] = id === draw?.id ? [draw.from, draw.to] : [end, end + share];
    fill(from);
    line.push({ id, text, from, to });
    end = to;
  }
  fill(1);
  return line;
}

/**
 * Shows a line in `box`, with the point on it where one was drawn.
 *
 * @param {HTMLElement} box
 * @param {Segment[]} line
 * @param {number | undefined} taken the id of the token that was taken
 * @param {number | undefined} point
 */
export function showLine(box, line, taken, point) {
  const parts = keep(box, line.length + 1, () => document.createElement("span"));
  for (const [index, { id, text, from, to }] of line.entries()) {
    const colour = id === undefined ? "others" : `colour-${index % 5}`;
    const isTaken = id !== undefined && id === taken;
    const part = parts[index];
    set(part, "className", isTaken ? `${colour} taken` : colour);
    const name = id === undefined ? text : visible(text);
    set(part, "textContent", to - from < CHARACTER * (1 + [...name].length) ? "" : name);
    place(part, from, to - from);
  }
  const mark = parts[line.length];
  set(mark, "className", point === undefined ? "" : "point");
  set(mark, "textContent", "");
  place(mark, point ?? 0, 0);
}

/**
 * @param {HTMLElement} part
 * @param {number} from
 * @param {number} size
 */
function place({ style }, from, size) {
  for (const [name, share] of Object.entries({ "--from": from, "--size": size })) {
    const value = share.toFixed(5);
    if (style.getPropertyValue(name) !== value) style.setProperty(name, value);
  }
}

/**
 * How many digits after the point a number needs for its place in a segment of the line to be seen, and the segment's own
 * between the ends of the line. A gap of rounding is none.
 *
 * @param {{ from: number, to: number }} segment
 */
export function digitsFor({ from, to }) {
  const gaps = [from, 1 - to].filter((gap) => gap > 1e-6);
  return Math.min(6, Math.max(2, 1 + Math.ceil(-Math.log10(Math.min(to - from, ...gaps)))));
}
