// The page's document without a browser, for tests of single views.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

// The packages of the checks lie beside their settings.
const require = createRequire(new URL("../../pkg-config/javascript/package.json", import.meta.url));
const { parseHTML } = require("linkedom");

/** Makes `www/index.html` the document of this process. */
export function openPage() {
  const window = parseHTML(readFileSync(new URL("../../www/index.html", import.meta.url), "utf8"));
  const { document, Element, HTMLElement, Event } = window;
  Object.assign(globalThis, { document, Element, HTMLElement, Event, matchMedia: () => ({ matches: true }) });
  // There is nothing to scroll.
  HTMLElement.prototype.scrollIntoView = () => {};
  return document;
}

/** A click on an element, as the browser reports it. */
export const click = (element) => element.dispatchEvent(new Event("click", { bubbles: true }));

/** A key pressed in an element. */
export function press(element, key) {
  const event = Object.assign(new Event("keydown", { bubbles: true, cancelable: true }), { key });
  element.dispatchEvent(event);
  return event;
}

/** The texts of elements. */
export const texts = (elements) => [...elements].map((element) => element.textContent);
