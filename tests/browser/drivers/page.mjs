// The part of Playwright's `Page` and `Locator` that the tests use, built on what every driver can do: go to an
// address, run an expression, and press keys and buttons.

import { setTimeout as sleep } from "node:timers/promises";
import { pauseAfter } from "./pause.mjs";

const PATIENCE = 60_000;

/** Keys as WebDriver names them. */
const KEYS = {
  Tab: "\uE004", Enter: "\uE007", Control: "\uE009", Escape: "\uE00C", Home: "\uE011",
  ArrowLeft: "\uE012", ArrowUp: "\uE013", ArrowRight: "\uE014", ArrowDown: "\uE015",
};

/** In the page: packs a value as JSON, including values that JSON does not have. */
function packed(_, value) {
  if (value === undefined) return { $: "undefined" };
  if (typeof value === "number" && !Number.isFinite(value)) return { $: "number", of: String(value) };
  if (ArrayBuffer.isView(value)) return { $: value.constructor.name, of: [...value] };
  return value;
}

/** Unpacks such a value. */
function unpacked(value) {
  if (typeof value !== "object" || value === null) return value;
  for (const key of Object.keys(value)) value[key] = unpacked(value[key]);
  if (!value.$) return value;
  if (value.$ === "undefined") return undefined;
  return value.$ === "number" ? Number(value.of) : globalThis[value.$].from(value.of);
}

/** In the page: records the errors in it, which a driver need not report. */
function watch() {
  if (globalThis.nexttokenProblems) return;
  const problems = (globalThis.nexttokenProblems = []);
  addEventListener("error", ({ message, error }) => message && problems.push(`uncaught: ${message}\n${error?.stack}`));
  addEventListener("unhandledrejection", ({ reason }) => problems.push(`uncaught: ${reason}\n${reason?.stack}`));
  addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
    problems.push(`content security policy: ${violatedDirective} ${blockedURI}`));
}

/**
 * In the page: the place to press an element, once it is in view, at rest and not covered; else the reason why it
 * cannot be pressed.
 */
async function target(element, force) {
  if (!element) return "not there";
  if (element.getClientRects().length === 0) return "not visible";
  if (!force && element.matches(":disabled")) return "disabled";
  const place = () => {
    const { x, y, width, height } = element.getClientRects()[0] ?? {};
    return { x: x + width / 2, y: y + height / 2 };
  };
  // Where this scrolls it is moving: WebKit takes a press for the place that was there before.
  const before = place();
  element.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
  await new Promise(requestAnimationFrame);
  const now = place();
  if (before.x !== now.x || before.y !== now.y) return "moving";
  const hit = document.elementFromPoint(now.x, now.y);
  const label = hit?.closest("label")?.control;
  if (!force && !element.contains(hit) && label !== element) return `covered by ${hit?.outerHTML.slice(0, 80)}`;
  return { x: Math.floor(now.x), y: Math.floor(now.y) };
}

export class Page {
  #tab;
  #problem;
  #url;
  #listeners = [];
  /** Until requests are reported, once somebody listens. */
  #watching = Promise.resolve();
  keyboard = { press: (keys) => this.#press(keys) };
  mouse = { move: (x, y) => this.#point({ x, y }) };

  /**
   * @param {(hooks: { request: Function, problem: Function }) => object | Promise<object>} openTab
   * @param {(problem: string) => void} problem
   * @param {{ width: number, height: number }} [viewport]
   */
  static async open(openTab, problem, viewport = { width: 1280, height: 720 }) {
    const page = new Page();
    page.#problem = problem;
    page.#tab = await openTab({ request: (request) => page.#asked(request), problem });
    await page.setViewportSize(viewport);
    return page;
  }

  // --- the address ---

  async goto(url) {
    this.#url = url;
    await this.#watching;
    await this.#tab.goto(url);
    await this.#loaded();
  }

  async reload() {
    await this.#tab.reload();
    await this.#loaded();
  }

  /** A driver may return before the page's modules have run. */
  async #loaded() {
    await this.evaluate(watch);
    await this.waitForFunction(() => document.readyState === "complete", undefined, { timeout: 120_000 });
  }

  url() {
    return this.#url;
  }

  async setViewportSize(size) {
    await this.#tab.resize(size);
  }

  async close() {
    await this.#tab.close();
  }

  /** Does nothing: screenshots are for people, who look at Chromium's. */
  async screenshot() {}
  async emulateMedia() {}

  on(event, listener) {
    if (event !== "request") throw new Error(`there is no event ${event} here`);
    if (this.#listeners.push(listener) > 1) return;
    this.#watching = this.#tab.watchRequests().catch((error) => this.#problem(error.message));
  }

  #asked({ url, headers }) {
    const names = Object.fromEntries(headers.map(({ name, value }) => [name.toLowerCase(), value.value]));
    for (const listener of this.#listeners) listener({ url: () => url, headers: () => names });
  }

  // --- running code ---

  async evaluate(code, argument) {
    const call = `(${code})(${argument === undefined ? "" : JSON.stringify(argument)})`;
    const expression = `(async () => {
      const packed = (${packed});
      const problems = () => globalThis.nexttokenProblems?.splice(0) ?? [];
      try {
        const value = await ${call};
        return JSON.stringify({ value, problems: problems() }, packed);
      } catch (error) {
        return JSON.stringify({ thrown: String(error) + "\\n" + error?.stack, problems: problems() });
      }
    })()`;
    await this.#watching;
    const { value, thrown, problems } = unpacked(JSON.parse(await this.#tab.run(expression)));
    problems.forEach(this.#problem);
    if (thrown !== undefined) throw new Error(`in the page: ${thrown}`);
    return value;
  }

  async waitForFunction(code, argument, { timeout = PATIENCE } = {}) {
    const start = performance.now();
    for (;;) {
      const value = await this.evaluate(code, argument);
      if (value) return value;
      const waited = performance.now() - start;
      if (waited > timeout) throw new Error(`waited ${timeout} ms in vain for ${code}`);
      await sleep(pauseAfter(waited));
    }
  }

  waitForTimeout(milliseconds) {
    return sleep(milliseconds);
  }

  waitForSelector(selector, { state = "visible" } = {}) {
    const seen = ({ selector, state }) => {
      const shown = (document.querySelector(selector)?.getClientRects().length ?? 0) > 0;
      return shown === (state === "visible");
    };
    return this.waitForFunction(seen, { selector, state });
  }

  // --- what a visitor does ---

  async click(selector, options) {
    await this.locator(selector).click(options);
  }

  async hover(selector) {
    await this.#point(await this.locator(selector).place());
  }

  async check(selector, options) {
    if (!(await this.evaluate((selector) => document.querySelector(selector).checked, selector))) await this.click(selector, options);
  }

  async focus(selector) {
    await this.locator(selector).evaluate((element) => element.focus());
  }

  async press(selector, keys) {
    await this.focus(selector);
    await this.#press(keys);
  }

  async fill(selector, value) {
    await this.waitForFunction((selector) => document.querySelector(selector)?.matches(":enabled"), selector);
    await this.evaluate(([selector, value]) => {
      const field = document.querySelector(selector);
      field.focus();
      field.value = value;
      for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
    }, [selector, value]);
  }

  selectOption(selector, value) {
    return this.fill(selector, value);
  }

  async setInputFiles(selector, { name, mimeType, buffer }) {
    await this.evaluate(([selector, name, type, bytes]) => {
      const files = new DataTransfer();
      files.items.add(new File([Uint8Array.from(bytes)], name, { type }));
      const field = document.querySelector(selector);
      field.files = files.files;
      for (const type of ["input", "change"]) field.dispatchEvent(new Event(type, { bubbles: true }));
    }, [selector, name, mimeType, [...buffer]]);
  }

  async #point(place, ...then) {
    const move = { type: "pointerMove", duration: 0, ...place };
    await this.#tab.act([{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions: [move, ...then] }]);
  }

  /** @param {{ x: number, y: number }} place */
  pressAt(place) {
    return this.#point(place, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 });
  }

  async #press(keys) {
    const values = keys.split("+").map((key) => KEYS[key] ?? key);
    const down = values.map((value) => ({ type: "keyDown", value }));
    const up = values.toReversed().map((value) => ({ type: "keyUp", value }));
    await this.#tab.act([{ type: "key", id: "keyboard", actions: [...down, ...up] }]);
  }

  // --- what a visitor sees ---

  locator(selector) {
    return new Locator(this, all("document", selector), 0);
  }

  textContent(selector) {
    return this.locator(selector).textContent();
  }

  getAttribute(selector, name) {
    return this.locator(selector).getAttribute(name);
  }

  inputValue(selector) {
    return this.locator(selector).evaluate((field) => field.value);
  }

  isDisabled(selector) {
    return this.locator(selector).evaluate((element) => element.matches(":disabled"));
  }

  isVisible(selector) {
    return this.evaluate((selector) => (document.querySelector(selector)?.getClientRects().length ?? 0) > 0, selector);
  }

  async isHidden(selector) {
    return !(await this.isVisible(selector));
  }
}

/** The expression for all elements that a selector finds in another. */
const all = (within, selector) => `[...(${within}?.querySelectorAll(${JSON.stringify(selector)}) ?? [])]`;

/** One of the elements that an expression gives; it is evaluated anew each time. */
class Locator {
  #page;
  #elements;
  #index;

  constructor(page, elements, index) {
    this.#page = page;
    this.#elements = elements;
    this.#index = index;
  }

  get #element() {
    return `${this.#elements}.at(${this.#index})`;
  }

  nth(index) {
    return new Locator(this.#page, this.#elements, index);
  }

  first() {
    return this.nth(0);
  }

  last() {
    return this.nth(-1);
  }

  locator(selector) {
    return new Locator(this.#page, all(this.#element, selector), 0);
  }

  count() {
    return this.evaluateAll((elements) => elements.length);
  }

  async click({ force = false } = {}) {
    await this.#page.pressAt(await this.place(force));
  }

  /** Waits until the element can be pressed; resolves to the place. */
  async place(force = false) {
    const start = performance.now();
    for (;;) {
      const found = await this.#page.evaluate(`() => (${target})(${this.#element}, ${force})`);
      if (typeof found !== "string") return found;
      const waited = performance.now() - start;
      if (waited > PATIENCE) throw new Error(`${this.#element} cannot be pressed: it is ${found}`);
      await sleep(pauseAfter(waited));
    }
  }

  textContent() {
    return this.evaluate((element) => element.textContent);
  }

  allTextContents() {
    return this.evaluateAll((elements) => elements.map(({ textContent }) => textContent));
  }

  getAttribute(name) {
    return this.evaluate(`(element) => element.getAttribute(${JSON.stringify(name)})`);
  }

  boundingBox() {
    return this.evaluate((element) => {
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x, y, width, height };
    });
  }

  /** Waits for the element, and runs `code` on it. */
  async evaluate(code) {
    await this.#page.waitForFunction(`() => Boolean(${this.#element})`);
    return this.#page.evaluate(`() => (${code})(${this.#element})`);
  }

  /** Runs `code` on all elements. */
  evaluateAll(code) {
    return this.#page.evaluate(`() => (${code})(${this.#elements})`);
  }
}
