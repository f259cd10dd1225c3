// Text encoders as they are served, and the view of the page that searches by meaning.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { open } from "./harness.mjs";

const json = async (name) => JSON.parse(await readFile(new URL(`../data/encoder/${name}`, import.meta.url), "utf8"));

test("vectors are those of the native encoder to the bit, on both threads and in both variants", async () => {
  const { sentences } = await json("reference.json");
  const expected = (await json("bits.json"))["tiny.q8_0.gguf"].map((vector) => vector.map(Math.fround));
  const { page, close } = await open("/docs/");
  const found = await page.evaluate(async (sentences) => {
    const { Encoder, WorkerEncoder } = await import("/pkg/encoder.js");
    const { bestVariant } = await import("/pkg/features.js");
    const results = [];
    for (const [Kind, options] of [[Encoder], [WorkerEncoder, { variant: bestVariant() }], [WorkerEncoder, { variant: "simd128" }]]) {
      const encoder = await Kind.load("/docs/examples/encoder.gguf", options);
      results.push((await encoder.embed(sentences, { truncate: true })).map((vector) => Array.from(vector)));
      encoder.free();
    }
    return results;
  }, sentences);
  for (const vectors of found) assert.deepEqual(vectors, expected);
  await close();
});

test("a text is searched by the language model, and by an encoder once it is loaded", async () => {
  const { page, close } = await open("/", { viewport: { width: 390, height: 844 } });
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await page.click("label:has(#mode-search)");
  await page.waitForSelector("#search-found li", { timeout: 60_000 });
  assert.match(await page.textContent("#search-by"), /language model/);
  const loaded = () => performance.getEntriesByType("resource").filter(({ name }) => name.includes("/pkg/encoder")).length;
  assert.equal(await page.evaluate(loaded), 0);

  await page.fill("#search-url", "docs/examples/encoder.gguf");
  await page.click("#search-load-url");
  await page.waitForFunction(() => document.querySelector("#search-by").textContent === "Searched by encoder.gguf, a text encoder.", null, { timeout: 60_000 });
  // The encoder has random weights: what it is sure of is that a sentence means what it says.
  await page.fill("#search-query", "In autumn the maple trees turn red.");
  await page.waitForFunction(() => document.querySelector("#search-found .passage")?.textContent.includes("maple"), null, { timeout: 60_000 });
  await page.waitForFunction(() => document.querySelector("#search-status").textContent === "25 passages", null, { timeout: 60_000 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);

  // A language model is no encoder, and the one that is there goes on.
  await page.fill("#search-url", "stories.gguf");
  await page.click("#search-load-url");
  await page.waitForFunction(() => document.querySelector("#error").textContent.includes("no text encoder"), null, { timeout: 60_000 });
  await page.fill("#search-query", "A kitten fell asleep in the laundry basket.");
  await page.waitForFunction(() => document.querySelector("#search-found .passage").textContent.includes("basket"), null, { timeout: 60_000 });
  assert.equal(await page.textContent("#search-found .cosine"), "1.00");
  await close();
});

test("an encoder that is called off once it is read, or cannot tell what it is, gives its memory back", async () => {
  const { page, close } = await open("/docs/");
  const outcomes = await page.evaluate(async () => {
    const { WorkerEncoder } = await import("/pkg/encoder.js");
    const { LoadedEncoder } = await import("/search-encoder.js");
    const { info, free } = WorkerEncoder.prototype;
    let freed = 0;
    WorkerEncoder.prototype.free = function () {
      freed += 1;
      return free.call(this);
    };
    const load = async (meanwhile) => {
      const abort = new AbortController();
      freed = 0;
      WorkerEncoder.prototype.info = function () {
        meanwhile(abort);
        return info.call(this);
      };
      const url = new URL("/docs/examples/encoder.gguf", location.href).href;
      const outcome = await LoadedEncoder.load(url, abort.signal, () => {}).then((loaded) => (loaded.free(), "loaded"), String);
      return [outcome.split(":")[0], freed];
    };
    const broken = () => {
      throw new Error("it cannot tell");
    };
    return [await load((abort) => abort.abort()), await load(broken), await load(() => {})];
  });
  assert.deepEqual(outcomes, [["AbortError", 1], ["Error", 1], ["loaded", 1]]);
  await close();
});
