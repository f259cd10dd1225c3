// What every page test shares: one browser, and pages that remember what went wrong in them.
//
// The tests run in Chromium, Firefox and WebKitGTK. Chromium is driven by Playwright, the others by
// their own drivers through the part of Playwright's interface that the tests use (drivers/page.mjs).
//
// `cargo verify` sets three variables: NEXTTOKEN_ORIGIN, the address of the served site,
// NEXTTOKEN_BROWSER, one of the names below, and the program to start, under the name that `engines`
// gives. To run the tests by hand:
//
//     cargo run --profile tool -p nexttoken-pkg -- serve --port 8080
//     export NEXTTOKEN_ORIGIN=http://127.0.0.1:8080
//     NEXTTOKEN_BROWSER=chromium CHROMIUM=$(which chromium) node --test tests/browser/
//     NEXTTOKEN_BROWSER=firefox FIREFOX=$(which firefox-esr) node --test tests/browser/
//     NEXTTOKEN_BROWSER=webkit WEBKIT_DRIVER=$(which WebKitWebDriver) node --test tests/browser/

import assert from "node:assert/strict";
import { after } from "node:test";

const setting = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; \`cargo verify\` sets it (see harness.mjs)`);
  return value;
};

/** The address of the served site, without a slash at its end. */
export const origin = setting("NEXTTOKEN_ORIGIN").replace(/\/$/, "");

/** The sample model, as the server offers it. */
export const modelUrl = `${origin}/models/SmolLM2-135M-Instruct.Q4_1.gguf`;

/** A page that does nothing by itself: for tests of the package, which need no more. */
export const PLAIN = "/docs/errors/";

/** Each browser: the variable with its program, and what drives it. */
const engines = {
  chromium: ["CHROMIUM", () => import("./drivers/chromium.mjs")],
  firefox: ["FIREFOX", () => import("./drivers/firefox.mjs")],
  webkit: ["WEBKIT_DRIVER", () => import("./drivers/webkit.mjs")],
};

/** The browser that is driven. */
export const browserName = setting("NEXTTOKEN_BROWSER");
if (!Object.hasOwn(engines, browserName)) throw new Error(`NEXTTOKEN_BROWSER is none of ${Object.keys(engines)}`);
const [variable, driver] = engines[browserName];
const { abilities, launch } = await driver();

/** Whether this browser's driver has an ability; see `lacks`. */
export const can = (ability) => abilities.includes(ability);

/**
 * The reason to skip a test that needs abilities which this browser's driver lacks; false if it lacks none. Abilities
 * are:
 *
 * - `requests`: the test sees the page's network requests
 * - `interception`: the test can answer requests
 * - `offline`: the network can be turned off
 * - `downloads`: the test sees downloads
 * - `time`: there is time for a slow test that finds no more here than in another browser
 * - `threads`: the browser is built with memory that threads can share
 * - `cdp`: all of Playwright, and what only the Chrome DevTools Protocol offers
 */
export function lacks(...needed) {
  const missing = needed.filter((ability) => !can(ability));
  return missing.length > 0 && `${browserName} lacks ${missing.join(", ")} here`;
}

let browser;

after(async () => {
  await (await browser)?.close();
});

/**
 * Opens a page in a profile of its own. `problems` collects uncaught errors, console errors and violations of the
 * Content-Security-Policy. `context` takes Playwright's options (viewport, colour scheme, …), of which the other
 * browsers support only the viewport.
 *
 * In Chromium the page's service worker is installed only where a test asks for it, by `serviceWorkers: "allow"`: it
 * fetches the whole build once more, which takes as long as a test.
 */
export async function open(path = "/", context = {}) {
  const problems = [];
  // One browser for the whole file, started on first use.
  browser ??= launch(setting(variable));
  const profile = await (await browser).profile(context, (problem) => problems.push(problem));
  const page = await profile.newPage();
  await page.goto(new URL(path, `${origin}/`).href);
  return {
    page,
    context: profile,
    problems,
    /** Closes the page, and fails where something went wrong in it. */
    async close() {
      await profile.close();
      assert.deepEqual(problems, []);
    },
  };
}

/** Unfolds the place for a model of one's own. Not by a press, because the page may still be moving. */
export function unfoldOwnModel(page) {
  return page.evaluate(() => void (document.querySelector("#own-model").open = true));
}

/** Whether the browser can run the module with relaxed SIMD. */
export function runsRelaxed(page) {
  return page.evaluate(async () => (await import("/pkg/features.js")).bestVariant() === "relaxed");
}
