// Links that were made in Chromium, opened in each browser: the same tokens. `tests/links.rs` writes them natively.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { open } from "./harness.mjs";

const links = readFileSync(new URL("../data/links.txt", import.meta.url), "utf8").trim().split("\n");

for (const link of links.filter((link) => link.startsWith("model=stories&"))) {
  const { seed, shown = "0" } = Object.fromEntries(new URLSearchParams(link));
  test(`a link gives the text of another browser: seed ${seed}, branch ${shown}`, async () => {
    const { page, close } = await open(`/#${link}`);
    await page.waitForFunction(() => /^Written again/.test(document.querySelector("#shared").textContent), undefined, { timeout: 60_000 });
    assert.match(await page.textContent("#shared"), /the same text as there/);
    await close();
  });
}
