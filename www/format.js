// The formatting of tokens and numbers on the page.

import { percent as rounded, visible } from "./distribution.js";

export { visible };

export const percent = (share) => (share > 0 && share < 0.001 ? "< 0.1 %" : rounded(share));

export const count = (number, thing) => `${number.toLocaleString("en")} ${thing}${number === 1 ? "" : "s"}`;

/** The usual spelling of a sampler stage's name. */
export const stageTitle = (name) => name.replaceAll("_", "-");

/** An element with a class and children; strings become text, never HTML: a model may write anything. */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** A token, set apart from the words around it. */
export const piece = (text) => element("code", "piece", visible(text));
