// Drawings over the bars that show what a stage of the sampler does: where top-k, top-p and min-p cut.

import { element, percent } from "./format.js";

const SVG = "http://www.w3.org/2000/svg";

/** The scale of the bars: the probability that fills their whole width. */
export function reach(probabilities, stage) {
  // The curve of top-p goes up to 1.
  if (stage?.name === "top_p") return 1;
  const most = Math.max(...probabilities);
  return [0.1, 0.25, 0.5].find((share) => most <= share) ?? 1;
}

/**
 * Draws into `layer`, which covers the bars.
 *
 * @param {object | undefined} stage the stage of the record
 * @param {object} options the options that it used
 * @param {number[]} before the probabilities before it, row by row
 * @param {number} full the probability that fills the whole width
 */
export function draw(layer, stage, options, before, full) {
  layer.replaceChildren();
  const rows = before.length;
  const across = (probability) => (100 * probability) / full;
  const lines = {
    top_k() {
      if (stage.kept < rows) cutBelow(stage.kept, `k = ${stage.kept}`);
    },
    top_p() {
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
  lines[stage?.name]?.();

  function path(className, d) {
    let svg = layer.querySelector("svg");
    if (!svg) {
      svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 100 ${rows}`);
      svg.setAttribute("preserveAspectRatio", "none");
      layer.prepend(svg);
    }
    const line = document.createElementNS(SVG, "path");
    line.setAttribute("class", className);
    line.setAttribute("d", d);
    svg.append(line);
  }
  function dot(x, y) {
    place(element("i", "dot"), x, y);
  }
  function cutBelow(row, label) {
    path("cut-line", `M0 ${row} H100`);
    if (label) place(element("span", "label below", label), 100, row);
  }
  function upright(x, label) {
    path("threshold", `M${x} 0 V${rows}`);
    place(element("span", x > 60 ? "label left" : "label right", label), x, rows);
  }
  function place(what, x, y) {
    what.style.left = `${x}%`;
    what.style.top = `${(100 * y) / rows}%`;
    layer.append(what);
  }
}
