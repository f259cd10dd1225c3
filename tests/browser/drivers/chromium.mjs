// Chromium, over Playwright.

import { chromium } from "playwright-core";

export const abilities = ["requests", "interception", "offline", "downloads", "time", "cdp"];

export async function launch(executablePath) {
  const browser = await chromium.launch({
    executablePath,
    // Chromium refuses its sandbox to root, which continuous integration often is.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  });
  return {
    /** A profile of its own, whose pages report what goes wrong in them. */
    async profile(context, problem) {
      const profile = await browser.newContext(context);
      profile.on("page", (page) => {
        page.on("pageerror", (error) => problem(`uncaught: ${error.stack ?? error}`));
        page.on("console", (message) => message.type() === "error" && problem(`console: ${message.text()}`));
      });
      return profile;
    },
    close: () => browser.close(),
  };
}
