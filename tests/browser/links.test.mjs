// Links that were made in Chromium, opened in each browser: the same tokens. `tests/links.rs` writes them natively.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { browserName, open } from "./harness.mjs";

const links = readFileSync(new URL("../data/links.txt", import.meta.url), "utf8").trim().split("\n");

for (const link of links) {
  const { model, seed, shown = "0" } = Object.fromEntries(new URLSearchParams(link));
  // The larger model takes its time: where its link was made, the storyteller's are enough.
  const skip = model === "sample" && browserName === "chromium" && "it was made there";
  test(`a link gives the text of another browser: ${model}, seed ${seed}, branch ${shown}`, { skip }, async () => {
    const { page, close } = await open(`/#${link}`);
    if (model === "sample") {
      // The page has begun with another model, and asks for this one.
      await page.waitForFunction(() => !document.querySelector("#write").disabled, undefined, { timeout: 60_000 });
      assert.match(await page.textContent("#shared"), /a text by SmolLM2-135M: load it/);
      await page.click("#load-sample");
    }
    await page.waitForFunction(() => /^Written again/.test(document.querySelector("#shared").textContent), undefined, { timeout: 120_000 });
    assert.match(await page.textContent("#shared"), /the same text as there/);
    await close();
  });
}
