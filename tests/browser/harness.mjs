// What every page test shares: one Chromium, and pages that remember what went wrong in them.
//
// `cargo verify` sets two variables: NEXTTOKEN_ORIGIN, the address of the served site, and
// CHROMIUM, the browser to drive. To run the tests by hand:
//
//     cargo run --profile tool -p nexttoken-pkg -- serve --port 8080
//     NEXTTOKEN_ORIGIN=http://127.0.0.1:8080 CHROMIUM=$(which chromium) node --test tests/browser/

import assert from "node:assert/strict";
import { after } from "node:test";
import { chromium } from "playwright-core";

const setting = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set; \`cargo verify\` sets it (see harness.mjs)`);
  return value;
};

/** The address of the served site, without a slash at its end. */
export const origin = setting("NEXTTOKEN_ORIGIN").replace(/\/$/, "");

/** The sample model, as the server offers it. */
export const modelUrl = `${origin}/models/SmolLM2-135M-Instruct.Q4_1.gguf`;

let browser;

/** The browser of this test file, started on first use. */
export async function launch() {
  browser ??= chromium.launch({
    executablePath: setting("CHROMIUM"),
    // Chromium refuses its sandbox to root, which continuous integration often is.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  return browser;
}

after(async () => {
  await (await browser)?.close();
});

/**
 * A fresh page in a profile of its own. `problems` collects uncaught errors, console errors and
 * breaches of the Content-Security-Policy; `context` takes Playwright's options (viewport, colour
 * scheme, offline, …).
 */
export async function open(path = "/", context = {}) {
  const profile = await (await launch()).newContext(context);
  const page = await profile.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`uncaught: ${error.stack ?? error}`));
  page.on("console", (message) => {
    if (message.type() === "error") problems.push(`console: ${message.text()}`);
  });
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
