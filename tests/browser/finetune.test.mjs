// Fine-tuning: the view, used as a visitor uses it, and the trainer's module in a worker of a browser.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { can, lacks, open, unfoldOwnModel } from "./harness.mjs";
import { shots } from "./screenshots.mjs";

const answers = (page) => Promise.all(["#tune-before", "#tune-after"].map((id) => page.textContent(id)));

test("a visitor fine-tunes the storyteller, sees both answers, and switches the adapter", async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await page.click("label:has(#mode-tune)");
  await page.waitForFunction(() => document.querySelector("#tune-text").value.includes("matey"));
  assert.ok((await page.isHidden("#prompt")) && (await page.isHidden("#temperature")) && (await page.isHidden("#adapter")));
  // The storyteller has no chat template: it is offered a plain text, and does not read conversations.
  assert.doesNotMatch(await page.inputValue("#tune-text"), /"role"/);
  await page.fill("#tune-text", '{"messages": [{"role": "user", "content": "Ahoy!"}, {"role": "assistant", "content": "Arr!"}]}');
  await page.click("#tune");
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /no chat template.*SmolLM2-135M/);
  assert.ok(await page.isHidden("#tune-result"));

  await page.fill("#tune-text", "The robot counted the stars. Beep! Then it slept. ".repeat(20));
  await page.click("#tuning summary");
  for (const [name, value] of Object.entries({ steps: "20", learning_rate: "0.01", context_length: "64", patience: "0" })) {
    await page.fill(`#tune-config [name=${name}]`, value);
  }
  await page.click("#tune");
  await page.waitForFunction(() => !document.querySelector("#tune").disabled, null, { timeout: 120_000 });
  assert.match(await page.textContent("#tune-status"), /^The best state is kept, that after step \d+: held-out loss [\d.]+\.$/);
  assert.equal(await page.textContent("#tune-step"), "20");
  assert.equal((await page.getAttribute("#tune-curve .loss", "d")).split("L").length, 20);
  assert.equal(await page.locator("#tune-curve .held-out").count(), 11);
  // It has answered by itself, and now another prompt.
  const answered = () => page.waitForFunction(() => !document.querySelector("#mode-write").disabled, null, { timeout: 60_000 });
  await answered();
  const first = await answers(page);
  assert.ok(first[0] !== first[1] && first.every((text) => text !== ""), first.join("|"));
  await page.fill("#tune-prompt", "The robot");
  await page.click("#tune-ask");
  await answered();
  const [before, after] = await answers(page);
  assert.match(after, /counted the stars\. Beep!/);
  assert.doesNotMatch(before, /Beep!/);
  await shots(page, "tune");
  if (can("downloads")) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#tune-download")]);
    assert.equal(download.suggestedFilename(), "adapter.gguf");
  }

  // In the writing view the switch decides.
  await page.click("label:has(#mode-write)");
  await page.fill("#prompt", "The robot");
  await page.fill("#seed", "1");
  await page.fill("#max_tokens", "60");
  const write = async () => {
    await page.click("#write");
    await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
    return (await page.textContent("#text")).replace("The robot", "");
  };
  assert.equal(await write(), after);
  // A slider that moves later does not hide that.
  const temperature = await page.inputValue("#temperature");
  for (const value of ["0.5", temperature]) await page.fill("#temperature", value);
  await page.click("#share summary");
  await page.click("#link");
  await page.waitForFunction(() => /written with an adapter/.test(document.querySelector("#shared").textContent));
  await page.click("#adapter-on");
  assert.equal(await write(), before);
  await page.click("#load-stories");
  await page.waitForSelector("#adapter", { state: "hidden", timeout: 60_000 });
  await close();
});

test("a text that is too short to be learnt leaves the stored model where it is", async () => {
  const { page, close } = await open("/");
  const ready = () => page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await ready();
  await unfoldOwnModel(page);
  await page.fill("#url", "stories.gguf");
  await page.click("#load-url");
  const isKept = async () => {
    const { store } = await import("/pkg/store.js");
    return store.has(new URL("stories.gguf", location.href).href);
  };
  await page.waitForFunction(isKept, null, { timeout: 60_000 });
  await ready();
  await page.click("label:has(#mode-tune)");
  await page.waitForFunction(() => document.querySelector("#tune-text").value !== "");
  await page.fill("#tune-text", "a");
  await page.click("#tune");
  await page.waitForSelector("#error:not([hidden])", { timeout: 60_000 });
  assert.match(await page.textContent("#error"), /training needs at least 40/);
  assert.equal(await page.evaluate(isKept), true);
  await close();
});

/** In the page: the codes of what cannot be, and the hash of the adapter on each number of threads. */
async function tune({ model, conversations, config, all }) {
  const { WorkerFinetuner } = await import("/pkg/trainer.js");
  const source = Uint8Array.from(atob(model), (byte) => byte.charCodeAt(0));
  const load = (...args) => WorkerFinetuner.load(new Blob([source]), ...args);
  const hashes = [];
  for (const threads of all) {
    const tuner = await load(conversations, config, { threads });
    while (!(await tuner.step()).complete);
    const hash = await crypto.subtle.digest("SHA-256", await tuner.to_gguf());
    tuner.free();
    hashes.push(new Uint8Array(hash).join());
  }
  const codes = [];
  for (const args of [[[], config], [conversations, { rank: 0 }], ["", config]]) {
    codes.push(await load(...args).then(() => "none", (error) => error.code));
  }
  return { hashes, codes };
}

test("conversations are learnt in a worker, and the adapter is the same on any number of threads", async () => {
  const data = (name) => readFileSync(new URL(`../data/${name}`, import.meta.url));
  const { model, conversations, config } = JSON.parse(data("finetune/module.json"));
  const { page, close } = await open("/docs/");
  const all = lacks("threads") ? [1] : [1, 2, 3];
  const { hashes, codes } = await page.evaluate(tune, { model: data(model).toString("base64"), conversations, config, all });
  assert.equal(hashes.length, all.length);
  assert.equal(new Set(hashes).size, 1);
  assert.deepEqual(codes, ["invalid_option", "invalid_option", "corpus_too_small"]);
  await close();
});
