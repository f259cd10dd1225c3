// Makes `tests/data/links.txt` with the page in Chromium: texts with the reader's choices, branches and moved sliders. To be
// run as the tests are by hand (harness.mjs), without `--test`, where the model or its arithmetic changes.

import { writeFileSync } from "node:fs";
import { open } from "./harness.mjs";

const TOKENS = "#text .token:not(.end-of-text)";

/** A text of the storyteller, or of the sample model, that is changed by `change`, as a link. */
async function link({ sample = false, prompt, values }, change = async () => {}) {
  const { page, close } = await open("/", { reducedMotion: "reduce" });
  const loaded = () => page.waitForFunction(() => document.querySelector("#step").getAttribute("aria-disabled") === "false");
  await loaded();
  if (sample) {
    await page.click("#load-sample");
    await page.waitForFunction(() => /SmolLM2/.test(document.querySelector("#model-status").textContent), null, { timeout: 60_000 });
    await loaded();
  }
  await page.fill("#prompt", prompt);
  for (const [name, value] of Object.entries(values)) await page.fill(`#${name}`, value);
  const rest = () => page.waitForFunction(() => document.querySelector("#stop").disabled, null, { timeout: 60_000 });
  await page.click("#write");
  await page.waitForSelector(TOKENS);
  await rest();
  await change(page, rest);
  await page.click("#share summary");
  await page.click("#link");
  await page.waitForFunction(() => /^The link is in the address bar/.test(document.querySelector("#shared").textContent));
  const { hash } = new URL(page.url());
  await close();
  return hash.slice(1);
}

/** Puts another token in place of the sixth, on a branch of its own, and goes on with other sliders. */
async function branch(page, rest) {
  await page.fill("#temperature", "0.3");
  await page.click(`${TOKENS}:nth-child(7)`);
  await page.waitForSelector("#bars .candidate:not(:disabled)");
  await page.locator("#bars li:not(.taken) .candidate").first().click();
  await page.waitForFunction(() => document.querySelectorAll("#branches li").length === 2);
  await rest();
  await page.fill("#temperature", "1.2");
  for (let count = 0; count < 5; count += 1) {
    await page.click("#step");
    await rest();
  }
}

const warm = { seed: "1", max_tokens: "40", temperature: "1.5", top_k: "0", top_p: "1", min_p: "0" };
const usual = { seed: "3", max_tokens: "60", temperature: "0.8", top_k: "40", top_p: "0.9", min_p: "0.05" };
const links = [
  await link({ prompt: "Once upon a time, there was", values: warm }, branch),
  await link({ prompt: "", values: { ...usual, seed: "7" } }),
  await link({ sample: true, prompt: "The capital of France", values: usual }, branch),
];
writeFileSync(new URL("../data/links.txt", import.meta.url), `${links.join("\n")}\n`);
process.exit();
