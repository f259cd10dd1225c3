// The languages of the tour. A further one is a file with all texts and a line here.

/** @typedef {Record<string, string>} Texts texts by their key */
/** @typedef {{ name: string, load: () => Promise<Texts> }} Language */

/** @type {Record<string, Language>} */
export const LANGUAGES = {
  en: { name: "English", load: async () => ({}) }, // the page itself, and en.js
  de: { name: "Deutsch", load: async () => (await import("./de.js")).default },
};

/**
 * The language to begin with: that of the address, or else the first that the reader prefers.
 *
 * @param {string} search the query of the address
 * @param {readonly string[]} preferred those of the browser
 */
export function chosenLanguage(search, preferred) {
  const asked = new URLSearchParams(search).get("lang");
  const all = [asked ?? "", ...preferred].map((tag) => tag.toLowerCase().split("-")[0]);
  return all.find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";
}
