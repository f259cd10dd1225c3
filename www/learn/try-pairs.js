// Chapters 3 and 5: two texts side by side, of the same words in another order, or with the same end.

import { visible } from "../format.js";
import { drawVector } from "../inside-parts.js";
import { OWN, predict, tokensOf } from "./model.js";
import { cosine } from "./numbers.js";
import { instrument, showRows } from "./parts.js";
import { number, percent, quoted, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */
/** @typedef {import("../pkg/index.js").WorkerGenerator} WorkerGenerator */

const SIDES = /** @type {const} */ (["a", "b"]);

/**
 * A text with its tokens and what the model makes of it.
 *
 * @param {WorkerGenerator} generator
 * @param {string} text
 */
async function read(generator, text) {
  const { candidates, hidden = new Float32Array() } = await predict(generator, text, OWN, { top: 3, hidden: true });
  return { text, tokens: await tokensOf(generator, text), candidates, hidden };
}

/**
 * @param {WorkerGenerator} generator
 * @param {Find} find
 * @param {string} name
 */
async function readBoth(generator, find, name) {
  const [a, b] = SIDES.map((side) => find(`${name}-${side}`, "textarea").value);
  return { a: await read(generator, a), b: await read(generator, b) };
}

/**
 * @param {HTMLElement} list
 * @param {Awaited<ReturnType<typeof read>>} read
 */
function showGuesses(list, { candidates }) {
  const rows = candidates.map(({ text, probability }) => {
    return { name: visible(text), part: probability, value: percent(probability) };
  });
  showRows(list, rows);
}

/** @param {string} text */
const words = (text) => text.match(/[\p{L}\p{N}']+/gu) ?? [];

/**
 * What the two texts and their guesses have to do with each other.
 *
 * @param {Pick<Awaited<ReturnType<typeof read>>, "text" | "candidates">} a
 * @param {Pick<Awaited<ReturnType<typeof read>>, "text" | "candidates">} b
 */
export function orderNote(a, b) {
  if (a.text === b.text) return "order.equal";
  const [one, other] = [words(a.text), words(b.text)];
  if (one.join() === other.join()) return "order.spelling";
  if (one.sort().join() !== other.sort().join()) return "order.other";
  const shown = (/** @type {typeof a} */ { candidates }) =>
    candidates.map(({ id, probability }) => `${id} ${percent(probability)}`).join();
  return shown(a) === shown(b) ? "order.unmoved" : "order.same";
}

/** @param {Find} find */
export function tryOrder(find) {
  instrument(
    find("try-order"),
    (generator) => readBoth(generator, find, "order"),
    ({ a, b }) => {
      for (const side of SIDES) showGuesses(find(`order-bars-${side}`), { a, b }[side]);
      find("order-note").textContent = t(orderNote(a, b));
    },
  );
}

/** @param {Find} find */
export function tryContext(find) {
  instrument(
    find("try-context"),
    async (generator) => {
      const both = await readBoth(generator, find, "context");
      const last = SIDES.map((side) => both[side].tokens.at(-1));
      const rows = await Promise.all(last.map((token) => token && generator.head_row(token.id)));
      return { ...both, last, before: rows[0] && rows[1] ? cosine(rows[0], rows[1]) : undefined };
    },
    ({ a, b, last, before }) => {
      for (const side of SIDES) {
        const { hidden } = { a, b }[side];
        drawVector(find(`context-vector-${side}`), hidden, t("context.vector", { size: number(hidden.length) }));
        showGuesses(find(`context-bars-${side}`), { a, b }[side]);
      }
      const after = cosine(a.hidden, b.hidden);
      find("context-before").textContent = before === undefined ? "–" : number(before, 2);
      find("context-after").textContent = number(after, 2);
      find("context-after").dataset.value = String(after);
      const names = last.map((token) => (token ? quoted(token.text) : "–"));
      const same = last[0]?.id === last[1]?.id;
      const key = a.text === b.text ? "context.equal" : same ? "context.same" : "context.other";
      find("context-note").textContent = t(key, { token: names[0], a: names[0], b: names[1] });
    },
  );
}
