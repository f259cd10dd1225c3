// The formatting of tokens and numbers on the page.

import { element } from "./dom.js";

/**
 * Makes white space visible.
 *
 * @param {string} text
 */
export const visible = (text) => text.replaceAll(" ", "␣").replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";

/** @param {number} share */
export function percent(share) {
  if (share > 0 && share < 0.001) return "< 0.1 %";
  return `${share >= 0.0995 ? (100 * share).toFixed(0) : (100 * share).toFixed(1)} %`;
}

/**
 * @param {number} number
 * @param {string} thing
 */
export const count = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

/**
 * The usual spelling of a sampler stage's name.
 *
 * @param {string} name
 */
export const stageTitle = (name) => name.replaceAll("_", "-");

/**
 * A token, set apart from the words around it.
 *
 * @param {string} text
 */
export const piece = (text) => element("code", "piece", visible(text));
