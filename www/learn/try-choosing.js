// Chapter 9: the sampler, and the draw as a point on a line.

import { digitsFor, segments, showLine } from "../draw-line.js";
import { visible } from "../format.js";
import { predict } from "./model.js";
import { instrument, showRows } from "./parts.js";
import { number, percent, quoted, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */
/** @typedef {import("../pkg/index.js").StepRecord} StepRecord */

const RANGES = /** @type {const} */ (["temperature", "top_k", "top_p"]);
/** Candidates in the record: as many as top-k leaves at most, so that the line has all that is left. */
const TOP = 60;
const ROWS = 10;

/** @param {Find} find */
export function tryChoosing(find) {
  const root = find("try-choosing");
  /**
   * The seed of the draw, or that the likeliest was taken. The random number depends on nothing but the seed: the point
   * stays while the line below it changes.
   *
   * @type {number | "greedy" | undefined}
   */
  let choice;
  const slider = (/** @type {string} */ name) => find(`choosing-${name}`, "input");
  const refresh = instrument(
    root,
    async (generator) => {
      const { vocabulary_size: all } = await generator.info();
      const options = Object.fromEntries(RANGES.map((name) => [name, slider(name).valueAsNumber]));
      const text = find("choosing-text", "textarea").value;
      const seed = typeof choice === "number" ? choice : 0;
      const record = await predict(generator, text, { ...options, min_p: 0, seed }, { top: TOP });
      return { all, record };
    },
    ({ all, record }) => {
      const { candidates, draw } = record;
      for (const name of RANGES) {
        const value = slider(name).valueAsNumber;
        find(`choosing-${name}-value`).textContent = number(value, name === "top_k" ? 0 : 2);
      }
      const line = segments(record);
      const drawn = typeof choice === "number" ? draw : undefined;
      const taken = choice === "greedy" ? candidates[0]?.id : drawn?.id;
      const shown = candidates.slice(0, ROWS).map(({ id, text, logprob, probability }) => {
        const [own, name] = [Math.exp(logprob), visible(text)];
        const className = [probability === 0 && "cut", id === taken && "taken"].filter(Boolean).join(" ");
        return { name, part: probability, ghost: own, value: `${percent(own)} → ${percent(probability)}`, className };
      });
      showRows(find("choosing-bars"), shown);
      const counts = { left: number(line.length), all: number(all) };
      find("choosing-left").textContent = t(line.length === 1 ? "choosing.one-left" : "choosing.left", counts);
      showLine(find("choosing-line"), line, taken, drawn?.point);
      find("choosing-drawn").textContent = drawn ? drew(drawn) : choice === "greedy" ? took(candidates[0]) : "";
      root.dataset.line = JSON.stringify(line.map(({ from, to }) => [from, to]));
    },
  );
  find("choosing-draw").addEventListener("click", () => {
    [choice] = crypto.getRandomValues(new Uint32Array(1));
    void refresh();
  });
  find("choosing-greedy").addEventListener("click", () => {
    choice = "greedy";
    void refresh();
  });
}

/** @param {NonNullable<StepRecord["draw"]>} draw */
function drew({ point, text, from, to }) {
  return t("choosing.drew", {
    point: number(point, digitsFor({ from, to })),
    token: quoted(text),
    share: percent(to - from),
  });
}

/** @param {StepRecord["candidates"][number] | undefined} best */
function took(best) {
  return best ? t("choosing.took", { token: quoted(best.text), share: percent(Math.exp(best.logprob)) }) : "";
}
