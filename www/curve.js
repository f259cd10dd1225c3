// The loss curve: a plain SVG in the page's colours, drawn at the size at which it is shown.

import { svgElement } from "./dom.js";

const EDGE = { left: 30, right: 8, top: 10, bottom: 24 };

/**
 * Draws the losses of a training in `svg`, replacing its contents.
 *
 * @param {SVGSVGElement} svg
 * @param {{ loss: number[][], heldOut: number[][], best?: number[], levels: { name: string, loss: number }[], unit:
 *   string, decimal?: (value: number) => string }} curve `loss` and `heldOut` are lists of [x, nats per token] in the
 *   order of x; `best` is a point to be marked; `levels` are horizontal lines to compare with; `unit` is what x counts;
 *   `decimal` writes a loss
 * @param {{ width?: number, height?: number }} [size] in pixels; the size at which it is shown unless given
 */
export function drawCurve(svg, { loss, heldOut, best, levels, unit, decimal = twoDigits }, size = {}) {
  const width = size.width ?? (svg.clientWidth || 640);
  const height = size.height ?? (svg.clientHeight || 260);
  const end = Math.max(1, loss.at(-1)?.[0] ?? 1);
  const most = Math.max(1, ...levels.map((level) => level.loss), ...loss.slice(0, 20).map(([, value]) => value));
  const top = Math.ceil(most * 1.04);
  const x = (/** @type {number} */ value) => EDGE.left + (value / end) * (width - EDGE.left - EDGE.right);
  const y = (/** @type {number} */ value) => height - EDGE.bottom - (value / top) * (height - EDGE.top - EDGE.bottom);
  const path = (/** @type {number[][]} */ points) =>
    points.map(([at, value], i) => `${i ? "L" : "M"}${x(at).toFixed(1)} ${y(value).toFixed(1)}`).join("");

  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.replaceChildren(
    ...ticks(top, 7).flatMap((value) => [
      line("grid", EDGE.left, y(value), width - EDGE.right),
      text("tick", EDGE.left - 6, y(value) + 4, value, "end"),
    ]),
    ...ticks(end, width / 90)
      .filter(Boolean)
      .map((value) => text("tick", x(value), height - 7, value, "middle")),
    text("tick", EDGE.left, height - 7, unit, "start"),
    ...levels.map(({ loss: level }) => line("level", EDGE.left, y(level), width - EDGE.right)),
    svgElement("path", { class: "steps", d: path(thinned(loss, width / 2)) }),
    svgElement("path", { class: "loss", d: path(thinned(smooth(loss), width / 2)) }),
    ...heldOut.map(([at, value]) => svgElement("circle", { class: "held-out", cx: x(at), cy: y(value), r: 3.5 })),
    ...(best ? [svgElement("circle", { class: "best", cx: x(best[0]), cy: y(best[1]), r: 6 })] : []),
    ...levels.map(({ name, loss: level }) =>
      text("name", width - EDGE.right - 4, y(level) - 5, `${name} ${decimal(level)}`, "end"),
    ),
  );
}

/** @param {number} value */
const twoDigits = (value) => value.toFixed(2);

/**
 * Round numbers from 0 to `end`, about as many as asked for.
 *
 * @param {number} end
 * @param {number} count
 */
function ticks(end, count) {
  const rough = end / Math.max(2, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10));
  return Array.from({ length: Math.floor(end / step) + 1 }, (_, i) => i * step);
}

/**
 * A moving average over about a fortieth of the points.
 *
 * @param {number[][]} points
 */
function smooth(points) {
  const most = Math.min(25, Math.max(1, points.length / 40));
  let mean = 0;
  return points.map(([x, value], i) => {
    mean += (value - mean) / Math.min(i + 1, most);
    return [x, mean];
  });
}

/**
 * Reduces the points to at most `most`: each is the mean of neighbouring ones.
 *
 * @param {number[][]} points
 * @param {number} most
 */
function thinned(points, most) {
  const each = Math.ceil(points.length / most);
  if (each <= 1) return points;
  const mean = (/** @type {number[][]} */ part, /** @type {number} */ i) =>
    part.reduce((sum, point) => sum + point[i], 0) / part.length;
  const parts = Array.from({ length: Math.ceil(points.length / each) }, (_, i) =>
    points.slice(i * each, (i + 1) * each),
  );
  return parts.map((part) => [mean(part, 0), mean(part, 1)]);
}

/**
 * @param {string} name
 * @param {number} x1
 * @param {number} y
 * @param {number} x2
 */
const line = (name, x1, y, x2) => svgElement("line", { class: name, x1, x2, y1: y, y2: y });

/**
 * @param {string} name
 * @param {number} x
 * @param {number} y
 * @param {string | number} content
 * @param {"start" | "middle" | "end"} anchor
 */
const text = (name, x, y, content, anchor) =>
  svgElement("text", { class: name, x, y, "text-anchor": anchor }, String(content));
