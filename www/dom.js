// What every view of the page needs of the DOM.

/**
 * Finds the parts of a view by their id.
 *
 * @typedef {{ (id: string): HTMLElement;
 *   <Tag extends keyof HTMLElementTagNameMap>(id: string, tag: Tag): HTMLElementTagNameMap[Tag] }} Find
 */

/**
 * A function that finds the parts of `root` by their id. With a tag, the part must be such an element. One that is
 * missing is a fault of the page, and an error.
 *
 * @param {ParentNode} root
 * @returns {Find}
 */
export function finder(root) {
  return (/** @type {string} */ id, tag = "") => {
    const found = root.querySelector(`${tag}#${id}`);
    if (!found) throw new Error(`the page has no ${tag}#${id}`);
    return /** @type {any} */ (found);
  };
}

/**
 * An element with a class and children; strings become text, never HTML: a model may write anything.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} [className]
 * @param {(Node | string)[]} children
 */
export function element(tag, className, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/**
 * A button with a class and children.
 *
 * @param {string} className
 * @param {(Node | string)[]} children
 */
export function button(className, ...children) {
  const made = element("button", className, ...children);
  made.type = "button";
  return made;
}

/**
 * Offers a file to download.
 *
 * @param {string} name
 * @param {Blob} file
 */
export function download(name, file) {
  const link = element("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The browser reads it after the click.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

/**
 * Sets a property, unless it has the value already: the browser would do the work for it all the same.
 *
 * @template {object} Of
 * @template {keyof Of} Name
 * @param {Of} of
 * @param {Name} name
 * @param {Of[Name]} value
 */
export function set(of, name, value) {
  if (of[name] !== value) of[name] = value;
}

/**
 * The children of `parent`, of which it has `count` now: those that were there stay, and others are made or removed.
 *
 * @param {Element} parent
 * @param {number} count
 * @param {() => Element} make
 */
export function keep(parent, count, make) {
  while (parent.children.length > count) parent.lastElementChild?.remove();
  while (parent.children.length < count) parent.append(make());
  return /** @type {HTMLElement[]} */ ([...parent.children]);
}

/**
 * An element of a drawing; numbers are rounded to a tenth.
 *
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {string[]} text
 */
export function svgElement(tag, attributes, ...text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) {
    made.setAttribute(key, String(typeof value === "number" ? Math.round(10 * value) / 10 : value));
  }
  made.append(...text);
  return made;
}

/**
 * The element an event came from, or the nearest around it, that `selector` matches.
 *
 * @param {Event} event
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export const closest = ({ target }, selector) => (target instanceof Element ? target.closest(selector) : null);
