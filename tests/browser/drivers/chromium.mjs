// Drives Chromium, through Playwright.

import { chromium } from "playwright-core";
import { pauseAfter } from "./pause.mjs";

export const abilities = ["requests", "interception", "offline", "downloads", "time", "cdp", "threads"];

/**
 * Features of Chromium that are turned off. The first two are what unfolds from the address bar: for every window two pages
 * in a process of their own, which take more time than most of ours. Of several such lists Chromium heeds the last alone, so
 * that the others are those of Playwright.
 */
const FEATURES_OFF = [
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  "AimEnabled",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsFirstBalancedModeAutoEnable",
  "HttpsUpgrades",
  "LensOverlay",
  "MediaRouter",
  "NetworkTimeServiceQuerying",
  "OptimizationHints",
  "PaintHolding",
  "PreconnectToSearch",
  "ThirdPartyStoragePartitioning",
];

/** How long to wait for something, in milliseconds. */
const PATIENCE = 30_000;

/**
 * Waits until `code` gives a true value in the page, and returns that. Playwright's own function takes a promise for
 * true; here its result counts, as in the other drivers.
 */
async function waitForFunction(code, argument, { timeout = PATIENCE } = {}) {
  const start = performance.now();
  const end = start + timeout;
  const late = new Error(`waited ${timeout} ms in vain for ${code}`);
  for (;;) {
    let timer;
    const passed = new Promise((_, reject) => (timer = setTimeout(reject, Math.max(0, end - performance.now()), late)));
    try {
      const value = await Promise.race([this.evaluate(code, argument), passed]);
      if (value) return value;
    } catch (error) {
      // The page has navigated or reloaded itself.
      if (!/context was destroyed|because of a navigation/.test(error.message)) throw error;
    } finally {
      clearTimeout(timer);
    }
    await this.waitForTimeout(pauseAfter(performance.now() - start));
  }
}

export async function launch(executablePath) {
  const browser = await chromium.launch({
    executablePath,
    args: [
      `--disable-features=${FEATURES_OFF}`,
      // Chromium cannot use its sandbox as root, which continuous integration often is.
      ...(process.getuid?.() === 0 ? ["--no-sandbox"] : []),
    ],
  });
  return {
    /** A profile of its own, whose pages report errors in them. */
    async profile(context, problem) {
      const profile = await browser.newContext({ serviceWorkers: "block", ...context });
      profile.on("page", (page) => {
        page.waitForFunction = waitForFunction;
        page.on("pageerror", (error) => problem(`uncaught: ${error.stack ?? error}`));
        page.on("console", (message) => message.type() === "error" && problem(`console: ${message.text()}`));
      });
      return profile;
    },
    close: () => browser.close(),
  };
}
