// Every view and page against axe-core (https://github.com/dequelabs/axe-core), in light and in dark.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { test } from "node:test";
import { lacks, open } from "./harness.mjs";

// Axe reads the document, which is the same in every browser.
const skip = lacks("cdp");
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCHEMES = ["light", "dark"];

/** What axe finds in the page as it is, in both colour schemes: a line for each kind of fault. */
async function faults(page, where) {
  const found = new Set();
  await page.evaluate(axe);
  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    for (const { id, nodes } of violations) {
      for (const { target, failureSummary } of nodes) found.add(`${where}, ${colorScheme}, ${id}: ${target} ${failureSummary}`);
    }
  }
  return [...found];
}

/** In the page: opens all that is folded. */
const unfold = (page) =>
  page.evaluate(() => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });

test("axe finds nothing in the views of the page", { skip }, async () => {
  const { page, close } = await open("/", { reducedMotion: "reduce" });
  const all = [];
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  all.push(...(await faults(page, "before the text")));
  await page.fill("#seed", "1");
  await page.fill("#max_tokens", "12");
  await page.click("#write");
  await page.waitForSelector("#text .token");
  await page.waitForFunction(() => document.querySelector("#stop").disabled, null, { timeout: 60_000 });
  await unfold(page);
  await page.waitForSelector("#inside-result[aria-busy=false]:not([hidden])", { timeout: 60_000 });
  all.push(...(await faults(page, "a text")));

  for (const mode of ["score", "guess", "search", "train", "tune"]) {
    await page.click(`label:has(#mode-${mode})`);
    if (mode === "score") {
      await page.click("#score");
      await page.waitForSelector("#score-result:not([hidden])", { timeout: 60_000 });
    }
    if (mode === "guess") {
      await page.click("#guess-story");
      await page.waitForSelector("#guess-game:not([hidden])", { timeout: 60_000 });
      await page.fill("#guess-word", "the");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#guess-expected li", { timeout: 60_000 });
    }
    if (mode === "search") {
      await page.waitForSelector("#search-found li", { timeout: 60_000 });
    }
    if (mode === "train") {
      await page.fill("#train-text", "The owl saw the fox run to the river, and they played until night. ".repeat(40));
      await page.click("label:has([name=preset][value=tiny])");
      await page.fill("#train-config [name=steps]", "40");
      await page.click("#train");
      await page.waitForSelector("#train-pairs li", { timeout: 60_000 });
      await page.waitForFunction(() => document.querySelector("#train-pause").disabled, null, { timeout: 60_000 });
    }
    if (mode === "tune") {
      await page.waitForFunction(() => document.querySelector("#tune-text").value !== "");
      await page.fill("#tune-text", "The robot counted the stars. Beep! Then it slept. ".repeat(20));
      await page.fill("#tune-config [name=steps]", "4");
      await page.fill("#tune-config [name=context_length]", "32");
      await page.click("#tune");
      await page.waitForFunction(() => document.querySelector("#tune-after").textContent !== "", null, { timeout: 60_000 });
      await page.waitForFunction(() => !document.querySelector("#mode-write").disabled, null, { timeout: 60_000 });
    }
    all.push(...(await faults(page, mode)));
  }
  assert.deepEqual(all, []);
  await close();
});

test("axe finds nothing in a chat", { skip }, async () => {
  const { page, close } = await open("/", { reducedMotion: "reduce" });
  await page.click("#load-sample");
  await page.waitForFunction(() => !document.querySelector("#mode-chat").disabled, null, { timeout: 120_000 });
  await page.click("label:has(#mode-chat)");
  await page.fill("#max_tokens", "12");
  await page.fill("#say", "Hello");
  await page.press("#say", "Enter");
  await page.waitForFunction(() => document.querySelector("#chat-stop").disabled && !document.querySelector("#send").disabled, null, { timeout: 120_000 });
  await unfold(page);
  assert.deepEqual(await faults(page, "a chat"), []);
  await close();
});

test("axe finds nothing in the guided tour", { skip }, async () => {
  const { page, close } = await open("/learn/", { reducedMotion: "reduce" });
  const all = [];
  // What is tried is computed as it comes near, and is paler until then.
  for (const id of await page.evaluate(() => [...document.querySelectorAll(".instrument")].map(({ id }) => id))) {
    await page.evaluate((id) => document.getElementById(id).scrollIntoView({ block: "center" }), id);
    await page.waitForFunction(
      (id) => ["ready", "new"].includes(document.getElementById(id).dataset.state),
      id,
      { timeout: 60_000 },
    );
  }
  for (const language of ["en", "de"]) {
    await page.click(`#languages [lang=${language}]`);
    await page.waitForSelector(`html[lang=${language}]`, { timeout: 60_000 });
    all.push(...(await faults(page, `the tour, ${language}`)));
  }
  assert.deepEqual(all, []);
  await close();
});

test("axe finds nothing in the documentation", { skip }, async () => {
  const { page, close } = await open("/docs/", { reducedMotion: "reduce" });
  const links = await page.evaluate(() => [...document.querySelectorAll("nav a")].map(({ href }) => href));
  assert.ok(links.length > 10, `${links.length} pages`);
  const all = [];
  for (const link of links) {
    await page.goto(link);
    all.push(...(await faults(page, new URL(link).pathname)));
  }
  assert.deepEqual(all, []);
  await close();
});
