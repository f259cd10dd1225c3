// Drawings over the bars that show what a stage of the sampler does: where top-k, top-p and min-p cut.

import { element, svgElement } from "./dom.js";
import { percent } from "./format.js";

/** @typedef {import("./pkg/index.js").StepRecord["stages"][number]} Stage */

/**
 * The scale of the bars: the probability that fills their whole width.
 *
 * @param {number[]} probabilities
 * @param {Stage | undefined} stage
 */
export function reach(probabilities, stage) {
  // The curve of top-p goes up to 1.
  if (stage?.name === "top_p") return 1;
  const most = Math.max(...probabilities);
  return [0.1, 0.25, 0.5].find((share) => most <= share) ?? 1;
}

/**
 * Draws into `layer`, which covers the bars.
 *
 * @param {HTMLElement} layer
 * @param {Stage | undefined} stage the stage of the record
 * @param {import("./sliders.js").Options} options the options that it used
 * @param {number[]} before the probabilities before it, row by row
 * @param {number} full the probability that fills the whole width
 */
export function draw(layer, stage, options, before, full) {
  layer.replaceChildren();
  if (!stage) return;
  const rows = before.length;
  const { path, dot, cutBelow, upright } = pens(layer, rows);
  const across = (/** @type {number} */ probability) => (100 * probability) / full;
  /** @type {Record<string, () => void>} */
  const lines = {
    top_k() {
      if (stage.kept < rows) cutBelow(stage.kept, `k = ${stage.kept}`);
    },
    top_p() {
      /** @type {number[]} */
      const sums = [];
      let sum = 0;
      for (const probability of before.filter((probability) => probability > 0)) sums.push((sum += probability));
      path("curve", `M0 0 ${sums.map((sum, row) => `L${across(sum)} ${row + 0.5}`).join(" ")}`);
      for (const [row, sum] of sums.entries()) {
        if (stage.probabilities[row] > 0) dot(across(sum), row + 0.5);
      }
      upright(across(options.top_p), `p = ${options.top_p}`);
      if (stage.kept < rows) cutBelow(stage.kept);
    },
    min_p() {
      const least = options.min_p * Math.max(...before);
      upright(across(least), `${options.min_p} × ${percent(Math.max(...before))} = ${percent(least)}`);
      if (stage.kept < rows) cutBelow(stage.kept);
    },
  };
  lines[stage.name]?.();
}

/**
 * What draws into `layer`: x in percent of its width, y in rows.
 *
 * @param {HTMLElement} layer
 * @param {number} rows
 */
function pens(layer, rows) {
  /**
   * @param {string} name
   * @param {string} d
   */
  function path(name, d) {
    let svg = layer.querySelector("svg");
    if (!svg) {
      svg = svgElement("svg", { viewBox: `0 0 100 ${rows}`, preserveAspectRatio: "none" });
      layer.prepend(svg);
    }
    svg.append(svgElement("path", { class: name, d }));
  }
  /**
   * @param {number} x
   * @param {number} y
   */
  function dot(x, y) {
    place(element("i", "dot"), x, y);
  }
  /**
   * @param {number} row
   * @param {string} [label]
   */
  function cutBelow(row, label) {
    path("cut-line", `M0 ${row} H100`);
    if (label) place(element("span", "label below", label), 100, row);
  }
  /**
   * @param {number} x
   * @param {string} label
   */
  function upright(x, label) {
    path("threshold", `M${x} 0 V${rows}`);
    place(element("span", x > 60 ? "label left" : "label right", label), x, rows);
  }
  /**
   * @param {HTMLElement} what
   * @param {number} x
   * @param {number} y
   */
  function place(what, x, y) {
    what.style.left = `${x}%`;
    what.style.top = `${(100 * y) / rows}%`;
    layer.append(what);
  }
  return { path, dot, cutBelow, upright };
}
