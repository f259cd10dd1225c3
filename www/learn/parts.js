// What the instruments have in common: they begin when they come near the screen, and show bars, tokens and errors.

import { element, keep, set } from "../dom.js";
import { codeOf, messageOf } from "../errors.js";
import { visible } from "../format.js";
import { model } from "./model.js";
import { onLanguage, t } from "./text.js";

/** How far from the screen an instrument may be when it begins. */
const NEAR = "400px 0px";

/**
 * Calls `begin` once, when `root` comes near the screen.
 *
 * @param {Element} root
 * @param {() => void} begin
 */
export function whenNear(root, begin) {
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      begin();
    },
    { rootMargin: NEAR },
  );
  observer.observe(root);
}

/**
 * An instrument: `compute` runs when it comes near the screen, and again whenever a field in it changes; `show` shows the
 * result, and again in another language. Returns a function that computes anew.
 *
 * @template Result
 * @param {HTMLElement} root its box
 * @param {(generator: import("../pkg/index.js").WorkerGenerator) => Promise<Result>} compute
 * @param {(result: Result) => void} show
 */
export function instrument(root, compute, show) {
  /** @type {Result | undefined} */
  let result;
  let begun = false;
  let run = 0;
  const failed = element("p", "failed");
  failed.setAttribute("role", "alert");
  failed.hidden = true;
  root.append(failed);
  async function refresh() {
    if (!begun) return;
    const own = (run += 1);
    root.dataset.state = "busy";
    try {
      const computed = await model.use(root.id, compute);
      if (own !== run || computed === undefined) return;
      result = computed;
      failed.hidden = true;
      show(result);
      root.dataset.state = "ready";
    } catch (error) {
      if (own !== run) return;
      failed.textContent = sentence(error);
      failed.hidden = false;
      root.dataset.state = "failed";
    }
  }
  root.addEventListener("input", refresh);
  onLanguage(() => result !== undefined && show(result));
  whenNear(root, () => {
    begun = true;
    void refresh();
  });
  return refresh;
}

/**
 * What went wrong, for the reader.
 *
 * @param {unknown} error
 */
export function sentence(error) {
  if (codeOf(error) === "prompt_too_long") return t("error.long");
  if (codeOf(error) === "text_too_short") return t("error.short");
  if (codeOf(error) === "corpus_too_small") return t("error.few");
  return t("error.other", { why: messageOf(error) });
}

/**
 * Shows rows of a name, a bar and a number. Those that were there stay, so that their bars can move.
 *
 * @param {Element} list
 * @param {{ name: string, part: number, value: string, ghost?: number, className?: string }[]} rows `part` and `ghost` are
 *   shares of the whole width, filled and outlined
 */
export function showRows(list, rows) {
  const make = () => {
    const bar = element("span", "bar", element("span", "ghost"), element("span", "fill"));
    bar.setAttribute("aria-hidden", "true");
    return element("li", "", element("span", "name"), bar, element("span", "share"));
  };
  for (const [index, row] of keep(list, rows.length, make).entries()) {
    const { name, part, value, ghost, className = "" } = rows[index];
    const [label, bar, share] = /** @type {HTMLElement[]} */ ([...row.children]);
    const [outline, fill] = /** @type {HTMLElement[]} */ ([...bar.children]);
    set(row, "className", className);
    set(label, "textContent", name);
    set(share, "textContent", value);
    set(outline, "hidden", ghost === undefined);
    outline.style.setProperty("--part", width(ghost ?? 0));
    fill.style.setProperty("--part", width(part));
  }
}

/** @param {number} part */
const width = (part) => Math.min(1, Math.max(0, part)).toFixed(4);

/**
 * A token as a coloured piece, of which the colours take turns.
 *
 * @param {{ id?: number, text: string }} token
 * @param {number} index
 */
export function tokenPiece({ id, text }, index) {
  const made = element("span", `coin colour-${index % 5}`, element("span", "", visible(text)));
  if (id !== undefined) {
    made.append(element("small", "", String(id)));
    made.dataset.id = String(id);
  }
  return made;
}
