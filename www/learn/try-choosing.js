// Chapter 9: the sampler, and the draw as a point on a line.

import { element, keep, set } from "../dom.js";
import { visible } from "../format.js";
import { predict } from "./model.js";
import { segmentAt, segments } from "./numbers.js";
import { instrument, showRows } from "./parts.js";
import { number, percent, quoted, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */

const RANGES = /** @type {const} */ (["temperature", "top_k", "top_p"]);
/** Candidates in the record: as many as top-k leaves at most, so that the line has all that is left. */
const TOP = 60;
const ROWS = 10;

/** @param {Find} find */
export function tryChoosing(find) {
  const root = find("try-choosing");
  /**
   * The point that was drawn, or that the likeliest was taken.
   *
   * @type {number | "greedy" | undefined}
   */
  let point;
  const slider = (/** @type {string} */ name) => find(`choosing-${name}`, "input");
  const refresh = instrument(
    root,
    async (generator) => {
      const { vocabulary_size: all } = await generator.info();
      const options = Object.fromEntries(RANGES.map((name) => [name, slider(name).valueAsNumber]));
      const text = find("choosing-text", "textarea").value;
      const { candidates } = await predict(generator, text, { ...options, min_p: 0 }, { top: TOP });
      return { all, candidates };
    },
    ({ all, candidates }) => {
      for (const name of RANGES) {
        const value = slider(name).valueAsNumber;
        find(`choosing-${name}-value`).textContent = number(value, name === "top_k" ? 0 : 2);
      }
      const line = segments(candidates);
      const hit = typeof point === "number" ? segmentAt(line, point) : undefined;
      const taken = point === "greedy" ? candidates[0]?.id : hit?.id;
      const shown = candidates.slice(0, ROWS).map(({ id, text, logprob, probability }) => {
        const [own, name] = [Math.exp(logprob), visible(text)];
        const className = [probability === 0 && "cut", id === taken && "taken"].filter(Boolean).join(" ");
        return { name, part: probability, ghost: own, value: `${percent(own)} → ${percent(probability)}`, className };
      });
      showRows(find("choosing-bars"), shown);
      const counts = { left: number(line.length), all: number(all) };
      find("choosing-left").textContent = t(line.length === 1 ? "choosing.one-left" : "choosing.left", counts);
      showLine(find("choosing-line"), line, taken, typeof point === "number" ? point : undefined);
      find("choosing-drawn").textContent = said(candidates, hit, point);
      root.dataset.line = JSON.stringify(line.map(({ from, to }) => [from, to]));
    },
  );
  find("choosing-draw").addEventListener("click", () => {
    point = Math.random();
    void refresh();
  });
  find("choosing-greedy").addEventListener("click", () => {
    point = "greedy";
    void refresh();
  });
  // A point belongs to the line on which it was drawn.
  root.addEventListener("input", () => (point = undefined), { capture: true });
}

/**
 * @param {import("./numbers.js").Candidate[]} candidates
 * @param {import("./numbers.js").Segment | undefined} hit
 * @param {number | "greedy" | undefined} point
 */
function said([best], hit, point) {
  if (typeof point === "number" && hit) {
    const token = quoted(hit.text);
    return t("choosing.drew", { point: number(point, 3), token, share: percent(hit.to - hit.from) });
  }
  if (point !== "greedy" || !best) return "";
  return t("choosing.took", { token: quoted(best.text), share: percent(Math.exp(best.logprob)) });
}

/**
 * @param {HTMLElement} box
 * @param {import("./numbers.js").Segment[]} line
 * @param {number | undefined} taken
 * @param {number | undefined} point
 */
function showLine(box, line, taken, point) {
  const parts = keep(box, line.length + 1, () => element("span"));
  for (const [index, { id, text, from, to }] of line.entries()) {
    const part = parts[index];
    set(part, "className", `colour-${index % 5}${id === taken ? " taken" : ""}`);
    set(part, "textContent", to - from > 0.06 ? visible(text) : "");
    part.style.setProperty("--from", from.toFixed(4));
    part.style.setProperty("--size", (to - from).toFixed(4));
  }
  const mark = parts[line.length];
  set(mark, "className", point === undefined ? "" : "point");
  set(mark, "textContent", "");
  mark.style.setProperty("--from", (point ?? 0).toFixed(4));
  mark.style.setProperty("--size", "0");
}
