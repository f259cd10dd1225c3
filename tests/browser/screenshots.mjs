// Pictures of the page for people to look at, in a folder that the tests share.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";

export const screenshots = new URL("../../target/screenshots/", import.meta.url).pathname;
mkdirSync(screenshots, { recursive: true });

/** In light colours, in dark ones, and at the width of a phone. */
export async function shots(page, name) {
  const shot = async (name) => {
    await page.waitForTimeout(200); // until the new size is painted
    await page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });
  };
  await shot(`${name}-light`);
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(`${name}-dark`);
  await page.setViewportSize({ width: 390, height: 800 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await shot(`${name}-phone`);
}
