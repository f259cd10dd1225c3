// The page, used as a visitor uses it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lacks, open, origin, unfoldOwnModel } from "./harness.mjs";
import { screenshots } from "./screenshots.mjs";

const shot = (page, name) => page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true });

async function loadSample(page) {
  await page.click("#load-sample");
  await page.waitForFunction(() => document.querySelector("#model-status").textContent.includes("135 million"), null, {
    timeout: 120_000,
  });
}

async function write(page, { temperature = "0", max = "24", seed = "1" } = {}) {
  await page.fill("#max_tokens", max);
  await page.fill("#seed", seed);
  await page.fill("#temperature", temperature);
  await page.click("#write");
  await page.waitForFunction(() => document.querySelector("#stop").disabled, null, { timeout: 120_000 });
}

test("a visitor reads a story at once", async () => {
  const { page, close } = await open("/");
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await write(page, { max: "60" });
  const text = await page.textContent("#text");
  const given = "Once upon a time, there lived a little fox named";
  assert.ok(text.startsWith(given) && text.length > given.length + 100, text);
  await shot(page, "story");
  await close();
});

test("a visitor loads the sample model and reads what it writes", async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await loadSample(page);
  await write(page);
  const text = await page.textContent("#text");
  assert.ok(text.startsWith("Once upon a time, there lived a little fox named Max who had a special"), text);
  assert.equal(await page.locator("#bars li.taken").count(), 1);
  assert.ok((await page.locator("#bars li").count()) >= 16);
  // A token of the text shows its own distribution.
  await page.hover("#text .token");
  assert.match(await page.textContent("#bars li.taken"), /␣Max/);
  await shot(page, "light");
  await page.emulateMedia({ colorScheme: "dark" });
  await shot(page, "dark");
  // A link names the model, and says which file it was.
  await page.click("#share summary");
  await page.click("#link");
  const hash = await page.evaluate(() => location.hash);
  assert.match(hash, /^#model=sample&sha256=b179c9523d0e[0-9a-f]{52}&/);
  await close();
});

test("a visitor chats with the model", async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  assert.ok(await page.isDisabled("#mode-chat"));
  await loadSample(page);
  await page.check("#mode-chat", { force: true }); // its label covers it
  assert.ok((await page.isHidden("#prompt")) && (await page.isVisible("#say")));
  await page.fill("#temperature", "0");
  await page.fill("#max_tokens", "40");
  const say = async (text) => {
    await page.fill("#say", text);
    await page.press("#say", "Enter");
    await page.waitForFunction(() => document.querySelector("#chat-stop").disabled && !document.querySelector("#send").disabled, null, { timeout: 120_000 });
  };
  await say("What color is the sky?");
  assert.equal(await page.inputValue("#say"), "");
  assert.deepEqual(await page.locator("#messages li").evaluateAll((items) => items.map((item) => item.classList[0])), ["user", "assistant"]);
  assert.match(await page.textContent("#messages .assistant"), /^The sky is a beautiful shade of blue/);
  await say("<b>What is 2 + 2?</b>");
  assert.equal(await page.locator("#messages b").count(), 0);
  assert.equal(await page.locator("#messages li").count(), 4);
  assert.ok((await page.textContent("#messages li:last-child")).length > 3);
  // A token of an answer shows its own distribution.
  await page.hover("#messages .token");
  assert.equal(await page.locator("#bars li.taken").count(), 1);
  await shot(page, "chat-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 360, height: 740 });
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await page.waitForTimeout(300); // until the new size is painted
  await shot(page, "chat-phone-dark");

  // After a stop the answer so far stays.
  await page.fill("#max_tokens", "4000");
  await page.fill("#say", "Count to a thousand.");
  await page.press("#say", "Enter");
  await page.waitForFunction(() => document.querySelectorAll("#messages li:last-child .token").length > 2);
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("#chat-stop").disabled);
  assert.equal(await page.locator("#messages li").count(), 6);
  await page.click("#new-chat");
  assert.equal(await page.locator("#messages li").count(), 0);

  // The system message has an effect, and the other view still works.
  await page.click("#chat summary");
  await page.fill("#system", "x ".repeat(9000));
  await say("Hello");
  assert.match(await page.textContent("#error"), /context holds/);
  assert.equal(await page.inputValue("#say"), "Hello");
  assert.equal(await page.locator("#messages li").count(), 0);
  await page.check("#mode-write", { force: true });
  await write(page, { max: "3" });
  assert.match(await page.textContent("#text"), /named Max who had/);
  await close();
});

test("everything works by keyboard, and a text can be stopped", async () => {
  const { page, close } = await open("/");
  await loadSample(page);
  await page.fill("#max_tokens", "4000");
  await page.focus("#prompt");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("#text .token");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.querySelector("#stop").disabled);
  const length = (await page.textContent("#text")).length;
  await page.waitForTimeout(300);
  assert.equal((await page.textContent("#text")).length, length);
  await close();
});

test("errors are sentences, and the page goes on working", async () => {
  const { page, problems, context } = await open("/");
  await unfoldOwnModel(page);
  await page.fill("#url", `${origin}/models/none.gguf`);
  await page.click("#load-url");
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /answered 404/);

  const file = (name, buffer) => ({ name, mimeType: "application/octet-stream", buffer });
  await page.setInputFiles("#file", file("notes.gguf", Buffer.from("hello, this is no model at all")));
  await page.waitForFunction(() => document.querySelector("#error").textContent.includes("not a GGUF file"));
  await page.setInputFiles("#file", file("short.gguf", Buffer.from("GGUF\x03\0\0\0", "latin1")));
  await page.waitForFunction(() => document.querySelector("#error").textContent.includes("cut short"));

  await loadSample(page);
  assert.ok(await page.isHidden("#error"));
  await page.fill("#prompt", "");
  await page.click("#write");
  await page.waitForFunction(() => document.querySelector("#error").textContent.includes("prompt is empty"));
  await page.fill("#prompt", "The capital of France is");
  await write(page, { max: "1" });
  assert.match(await page.textContent("#text"), /Paris/);
  // The browser itself reports the 404; nothing else may have gone wrong.
  assert.deepEqual(problems.filter((problem) => !problem.includes("404")), []);
  await context.close();
});

test("a load can be cancelled and begun again", async () => {
  const { page, close } = await open("/");
  await page.click("#load-sample");
  await page.click("#cancel");
  await page.waitForFunction(() => document.querySelector("#model-status").textContent.includes("cancelled"));
  await loadSample(page);
  await close();
});

test("what looks like HTML stays text", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/");
  await loadSample(page);
  await page.fill("#prompt", '<img src=x onerror="alert(1)"><script>alert(2)</script>');
  await write(page, { max: "4" });
  assert.equal(await page.locator("#text img, #text script").count(), 0);
  assert.ok((await page.textContent("#text")).startsWith("<img src=x"));
  await close();
});

test("nothing is wider than a phone", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { page, close } = await open("/", { viewport: { width: 360, height: 740 }, colorScheme });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0, `${overflow} px too wide`);
    await shot(page, `phone-${colorScheme}`);
    await close();
  }
});

test("after one visit the page and the model work offline", { skip: lacks("offline") }, async () => {
  const { page, context } = await open("/", { serviceWorkers: "allow" });
  await loadSample(page);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(async () => {
    const { store } = await import("/pkg/store.js");
    return (await store.list()).filter(({ kept }) => kept).length === 1;
  });
  await context.setOffline(true);
  await page.reload();
  await loadSample(page);
  await write(page, { max: "3" });
  assert.match(await page.textContent("#text"), /named Max who had/);
  await context.close();
});
