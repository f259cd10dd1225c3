// The texts of the tour in the reader's language. The English ones of the page stand in the page.

import { closest, element } from "../dom.js";
import { visible } from "../format.js";
import en from "./en.js";
import { LANGUAGES } from "./languages.js";

/** @typedef {import("./languages.js").Texts} Texts */

let language = "en";
/** @type {Texts} */
let texts = en;
/** @type {Set<() => void>} */
const listeners = new Set();
/** What the page says in English: the contents of an element, or an attribute of it, by the key. */
const original = {
  /** @type {Map<Element, Node[]>} */
  contents: new Map(),
  /** @type {Map<Element, Record<string, string>>} */
  attributes: new Map(),
};

/**
 * The text of a key, with values in the place of `{name}`.
 *
 * @param {string} key
 * @param {Record<string, string | number>} [values]
 */
export const t = (key, values = {}) => filled(texts[key] ?? en[key] ?? key, values);

/**
 * @param {string} text
 * @param {Record<string, string | number>} values
 */
export const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ""));

/**
 * A number as the language writes it.
 *
 * @param {number} value
 * @param {number} [digits] after the point
 */
export const number = (value, digits = 0) =>
  value.toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits }).replace(/^-/, "−");

/** @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.001) return `< ${number(0.1, 1)} %`;
  return `${number(100 * share, share < 0.9995 ? 1 : 0)} %`;
}

/**
 * A token within a sentence.
 *
 * @param {string} token
 */
export const quoted = (token) => t("quoted", { token: visible(token) });

/**
 * Calls `show` whenever the language has changed.
 *
 * @param {() => void} show
 */
export const onLanguage = (show) => void listeners.add(show);

/**
 * The pieces of a text, of which those between stars are terms: `["A ", "*token*", " is …"]`.
 *
 * @param {string} text
 */
export const pieces = (text) => text.split(/(\*[^*]+\*)/).filter(Boolean);

/** @param {string} text */
const nodes = (text) => pieces(text).map((part) => (part[0] === "*" ? element("b", "", part.slice(1, -1)) : part));

/** How often a language was chosen. */
let choices = 0;

/**
 * Shows the page in a language. Resolves to false where another was chosen before its texts had come.
 *
 * @param {string} chosen
 */
export async function setLanguage(chosen) {
  const own = (choices += 1);
  const loaded = await LANGUAGES[chosen].load();
  if (own !== choices) return false;
  language = chosen;
  texts = { ...en, ...loaded };
  document.documentElement.lang = chosen;
  for (const found of document.querySelectorAll("*")) translate(/** @type {HTMLElement} */ (found), loaded);
  for (const show of listeners) {
    try {
      show();
    } catch (error) {
      reportError(error); // the others are shown all the same
    }
  }
  return true;
}

/**
 * @param {HTMLElement} found
 * @param {Texts} loaded
 */
function translate(found, loaded) {
  const keys = Object.entries(found.dataset ?? {}).filter(([name]) => name.startsWith("text"));
  for (const [name, key = ""] of keys) {
    if (name === "text") {
      const english = original.contents.get(found) ?? [...found.childNodes];
      original.contents.set(found, english);
      found.replaceChildren(...(loaded[key] === undefined ? english : nodes(loaded[key])));
      continue;
    }
    const attribute = name.slice(4).replace(/[A-Z]/g, (letter, at) => (at ? "-" : "") + letter.toLowerCase());
    const english = original.attributes.get(found) ?? {};
    english[attribute] ??= found.getAttribute(attribute) ?? "";
    original.attributes.set(found, english);
    found.setAttribute(attribute, loaded[key] ?? english[attribute]);
  }
}

/**
 * Fills the switch of languages, and tells which is chosen.
 *
 * @param {HTMLElement} list
 */
export function setUpSwitch(list) {
  const show = () => {
    const links = Object.entries(LANGUAGES).map(([tag, { name }]) => {
      const link = element("a", "", name);
      Object.assign(link, { href: `?lang=${tag}`, lang: tag, hreflang: tag });
      if (tag === language) link.setAttribute("aria-current", "true");
      return element("li", "", link);
    });
    list.replaceChildren(...links);
  };
  list.addEventListener("click", async (event) => {
    const link = closest(event, "a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const { lang } = link;
    // Where its texts cannot be loaded, the page stays as it is.
    if (!(await setLanguage(lang).catch(() => false))) return;
    history.replaceState(null, "", `?lang=${lang}${location.hash}`);
    /** @type {HTMLElement | null} */ (list.querySelector("[aria-current]"))?.focus();
  });
  onLanguage(show);
}
