// Chapters 1 and 2: a text in tokens, and the vector of a token.

import { button, closest, keep, set } from "../dom.js";
import { visible } from "../format.js";
import { drawVector } from "../inside-parts.js";
import { tokenText, tokensOf, vocabulary } from "./model.js";
import { nearest } from "./numbers.js";
import { instrument, tokenPiece } from "./parts.js";
import { number, t } from "./text.js";

/** @typedef {import("../dom.js").Find} Find */

/** Words with good neighbours. */
const WORDS = ["two", "happy", "mother", "lake", "said", "dog", "red"];
const NEAREST = 10;

/** @param {Find} find */
export function tryTokens(find) {
  const text = find("tokens-text", "textarea");
  instrument(
    find("try-tokens"),
    async (generator) => {
      const { value } = text;
      const { vocabulary_size: all } = await generator.info();
      return { tokens: await tokensOf(generator, value), characters: [...value].length, all };
    },
    ({ tokens, characters, all }) => {
      find("tokens-out").replaceChildren(...tokens.map(tokenPiece));
      const counts = { characters: number(characters), tokens: number(tokens.length), all: number(all) };
      const parts = tokens.some(({ text }) => text.includes("\uFFFD")) ? ` ${t("tokens.part")}` : "";
      find("tokens-count").textContent = t(tokens.length === 1 ? "tokens.single" : "tokens.said", counts) + parts;
    },
  );
}

/** @param {Find} find */
export function tryEmbedding(find) {
  const word = find("embedding-word", "input");
  const choices = find("embedding-nearest");
  /**
   * The id of a token that was chosen instead of a word.
   *
   * @type {number | undefined}
   */
  let chosen;
  const refresh = instrument(
    find("try-embedding"),
    async (generator) => {
      const rows = await vocabulary(generator);
      const value = word.value.trim();
      // Within a text a word begins with its space.
      const ids = chosen === undefined ? await generator.tokenize(value && ` ${value}`) : [chosen];
      const [id] = ids;
      if (id === undefined) return { id, count: 0, text: "", row: new Float32Array(), near: [] };
      const named = async (/** @type {{ id: number, cosine: number }} */ found) => {
        return { ...found, text: await tokenText(generator, found.id) };
      };
      const near = await Promise.all(nearest(rows, id, NEAREST).map(named));
      return { id, count: ids.length, text: await tokenText(generator, id), row: rows[id], near };
    },
    ({ id, count, text, row, near }) => {
      const says = { id: String(id), size: number(row.length) };
      const key = id === undefined ? "embedding.empty" : count > 1 ? "embedding.split" : "embedding.said";
      find("embedding-note").replaceChildren(
        ...(id === undefined ? [] : [tokenPiece({ text }, 0), " "]),
        // Only some begin with a space.
        key === "embedding.said" && !text.startsWith(" ") ? t("embedding.plain", says) : t(key, says),
      );
      find("embedding-vector").toggleAttribute("hidden", id === undefined);
      drawVector(find("embedding-vector"), row, t("embedding.vector", { ...says, token: text }));
      showNearest(choices, near);
    },
  );
  word.addEventListener("input", () => (chosen = undefined), { capture: true });
  find("embedding-words").append(
    ...WORDS.map((suggested) => {
      const made = button("choice", suggested);
      made.lang = "en";
      made.addEventListener("click", () => {
        chosen = undefined;
        word.value = suggested;
        void refresh();
      });
      return made;
    }),
  );
  choices.addEventListener("click", (event) => {
    const pressed = closest(event, "[data-id]");
    if (!pressed) return;
    chosen = Number(pressed.dataset.id);
    word.value = pressed.dataset.word ?? "";
    void refresh();
  });
}

/**
 * Shows the tokens with the nearest rows as buttons in `list`.
 *
 * @param {HTMLElement} list
 * @param {{ id: number, text: string, cosine: number }[]} near
 */
function showNearest(list, near) {
  const made = keep(list, near.length, () => {
    const item = document.createElement("li");
    item.append(button("choice"));
    return item;
  });
  for (const [index, { id, text, cosine }] of near.entries()) {
    const pressed = /** @type {HTMLButtonElement} */ (made[index].firstElementChild);
    set(pressed.dataset, "id", String(id));
    set(pressed.dataset, "word", visible(text.replace(/^ /, "")));
    set(pressed.dataset, "cosine", cosine.toFixed(4));
    set(pressed, "textContent", `${visible(text)} ${number(cosine, 2)}`);
  }
}
