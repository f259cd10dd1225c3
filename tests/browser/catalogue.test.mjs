// Models by name, with the model hub's answers made here: no file comes from the network.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { lacks, open } from "./harness.mjs";
import { catalogue } from "../../src/js/catalogue-models.js";

const skip = lacks("interception");
/** What the hub gives for every address that it knows: a small model. */
const stories = readFileSync(new URL("../../www/stories.gguf", import.meta.url));
const sha256 = createHash("sha256").update(stories).digest("hex");

/** A page for which the hub has a file at one address, and the addresses that were asked for. */
async function openWithHub(path, known) {
  // The page's service worker would send the requests itself.
  const opened = await open(path, { viewport: { width: 390, height: 844 } });
  const asked = [];
  await opened.context.route("https://huggingface.co/**", (route) => {
    const url = route.request().url();
    asked.push(url);
    const headers = { "access-control-allow-origin": "*", "access-control-expose-headers": "*" };
    return url === known ? route.fulfill({ body: stories, headers }) : route.fulfill({ status: 404, headers });
  });
  return { ...opened, asked };
}

const named = (name) => catalogue.find((model) => model.name === name);

/** In the page: what comes of loads by a name, for which the hub has a file with the hash `sha256`. */
async function loads({ name, sha256 }) {
  const { Generator, WorkerGenerator } = await import("/pkg/index.js");
  const { store } = await import("/pkg/store.js");
  const found = {};
  const outcome = (promise) => promise.then((value) => value, ({ code, message }) => `${code}: ${message}`);
  const parameters = async (generator) => {
    const { parameters } = await generator.info();
    generator.free();
    return parameters;
  };
  for (const [kind, Kind] of Object.entries({ Generator, WorkerGenerator })) {
    const load = (source, options) => outcome(Kind.load(source, options).then(parameters));
    found[kind] = {
      wrong: await load(name, { store: true }),
      right: await load(name, { store: true, sha256 }),
      kept: (await store.list()).map(({ url, kept, sha256 }) => ({ url, kept, sha256 })),
      unchecked: await load(name),
      inspected: await outcome(Kind.inspect(name).then(({ parameters }) => parameters)),
      none: await load("no-such-name"),
      file: await load(`./${name}`),
    };
    await store.clear();
  }
  return found;
}

test("a name is loaded, checked and kept, on and off the page's thread", { skip }, async () => {
  const { name, url } = named("gemma-3-270m");
  const { page, context, asked } = await openWithHub("/alice.txt", url);
  const found = await page.evaluate(loads, { name, sha256 });
  assert.deepEqual(found.WorkerGenerator, found.Generator);
  const { right, kept, wrong, unchecked, inspected, none, file } = found.Generator;
  assert.match(wrong, /^hash_mismatch: .*gemma-3-270m/);
  assert.deepEqual(kept, [{ url, kept: true, sha256 }]);
  assert.ok(right > 1e5, String(right));
  assert.deepEqual([unchecked, inspected], [right, right]);
  assert.match(none, /^http: .*404.*\/no-such-name/);
  assert.match(file, /^http: .*404.*\/gemma-3-270m/);
  assert.deepEqual(new Set(asked), new Set([url]));
  await context.close();
});

const status = (page, text) =>
  page.waitForFunction((text) => document.querySelector("#model-status").textContent.includes(text), text, { timeout: 60_000 });

test("a visitor chooses a model of the catalogue, on a phone", { skip }, async () => {
  const { url } = named("qwen3-0.6b");
  const { page, close, asked } = await openWithHub("/", url);
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  // Those that write, but for the one with a button of its own.
  const texts = await page.locator("#catalogue option").evaluateAll((options) => options.map((option) => option.textContent));
  assert.equal(texts.length, catalogue.filter(({ architecture }) => architecture !== "bert").length - 1);
  assert.ok(texts.includes("Qwen3 0.6B (397 MB, Apache-2.0)"), texts.join());
  assert.match(await page.textContent("#catalogue-about"), / is good at .*\. Context of [\d,]+ tokens, licence .+\.$/);
  await page.selectOption("#catalogue", "qwen3-0.6b");
  assert.match(await page.textContent("#catalogue-about"), /thinking/);
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await page.evaluate(() => {
    const status = document.querySelector("#model-status");
    globalThis.said = [];
    new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true, characterData: true });
  });
  await page.click("#load-catalogue");
  // The answer is not the file that was meant: it is used, and not kept.
  await status(page, "another SHA-256");
  // Its header is read first, and tells what it takes.
  assert.deepEqual(asked, [url, url]);
  const forecast = /^Loading Qwen3 0\.6B … It needs \d+ MB of memory and should write about [\d.]+ tokens\/s here\.$/;
  const said = await page.evaluate(() => globalThis.said);
  assert.ok(said.some((text) => forecast.test(text)), said.join("\n"));

  // A link names its address, and chooses it where it is opened.
  await page.fill("#max_tokens", "4");
  await page.click("#write");
  await page.waitForSelector("#text .token");
  await page.waitForFunction(() => document.querySelector("#stop").disabled, null, { timeout: 60_000 });
  await page.click("#share summary");
  await page.click("#link");
  const { hash } = new URL(page.url());
  const link = new URLSearchParams(hash.slice(1));
  assert.deepEqual([link.get("model"), link.get("sha256")], [url, null]);
  await close();
  const linked = await openWithHub(`/${hash}`, url);
  await linked.page.waitForFunction(() => document.querySelector("#shared").textContent.includes("a text by Qwen3 0.6B"));
  assert.equal(await linked.page.inputValue("#catalogue"), "qwen3-0.6b");
  await linked.page.click("#load-catalogue");
  await linked.page.waitForFunction(() => /the same text as there/.test(document.querySelector("#shared").textContent), null, { timeout: 60_000 });
  await linked.close();
});
