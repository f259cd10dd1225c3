// The AI SDK's `useChat` in a page with React (tests/clients/use-chat.jsx), over a model in a worker.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { open } from "./harness.mjs";

const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const { build } = createRequire(root("pkg-config/tools/package.json"))("esbuild");

/** How long an answer may take, in milliseconds. */
const PATIENCE = { timeout: 120_000 };

/** The page's script, as a bundler makes it of the packages. */
async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [root("tests/clients/use-chat.jsx")],
    bundle: true,
    write: false,
    minify: true,
    jsx: "automatic",
    // The SDK checks messages with zod, which tries `eval` unless it is told not to: the page's policy would report it.
    banner: { js: "globalThis.__zod_globalConfig = { jitless: true };" },
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputFiles[0].text;
}

/** In the page: loads the model, shows the chat, and remembers how each answer ended. */
async function start() {
  const { WorkerGenerator } = await import("/pkg/index.js");
  const { createNextToken } = await import("/pkg/clients/ai-sdk.js");
  const chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %} {% endif %}";
  const generator = await WorkerGenerator.load("/stories.gguf");
  globalThis.ends = [];
  globalThis.expected = async (...contents) => {
    const messages = contents.map((content, index) => ({ role: index % 2 ? "assistant" : "user", content }));
    await generator.chat(messages, { chat_template, temperature: 0, max_tokens: 30 });
    let text = "";
    for await (const token of generator) text += token.text;
    return text;
  };
  const settings = { temperature: 0, maxOutputTokens: 30, maxRetries: 0 };
  const onFinish = ({ isAbort, isError }) => globalThis.ends.push(isError ? "error" : isAbort ? "stopped" : "finished");
  globalThis.showChat(createNextToken(generator, { chat_template })(), settings, onFinish);
}

/** A page that shows the chat, and what a visitor does with it. */
async function openChat() {
  // Without scripts, and with a policy that allows less than most pages do.
  const opened = await open("/docs/clients/");
  const { page } = opened;
  await page.evaluate(new Function(await bundle()));
  await page.evaluate(start);
  const type = async (text) => {
    await page.locator("input").evaluate((field) => field.focus());
    for (const key of text) await page.keyboard.press(key);
    await page.keyboard.press("Enter");
  };
  const ended = (count) => page.waitForFunction((count) => globalThis.ends.length === count, count, PATIENCE);
  const shown = () => page.locator("li").allTextContents();
  return { ...opened, type, ended, shown };
}

test("useChat shows an answer as it is written, and what is asked then knows of it", async () => {
  const { page, type, ended, shown, close } = await openChat();
  await page.evaluate(() => {
    const seen = (globalThis.seen = []);
    const look = () => seen.push(document.querySelector("li.assistant")?.textContent ?? "");
    new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true });
  });
  await type("Once");
  await ended(1);
  const first = await page.evaluate(() => globalThis.expected("Once"));
  assert.deepEqual(await shown(), ["Once", first]);
  const seen = new Set(await page.evaluate(() => globalThis.seen));
  assert.ok(seen.size > 3, `it was seen in ${seen.size} states`);
  for (const text of seen) assert.ok(first.startsWith(text), text);
  await type("Then");
  await ended(2);
  const second = await page.evaluate((first) => globalThis.expected("Once", first, "Then"), first);
  assert.deepEqual(await shown(), ["Once", first, "Then", second]);
  await page.click("#again");
  await ended(3);
  assert.deepEqual(await shown(), ["Once", first, "Then", second]);
  assert.deepEqual(await page.evaluate(() => globalThis.ends), ["finished", "finished", "finished"]);
  await close();
});

test("useChat stops an answer, tells an error, and goes on", async () => {
  const { page, type, ended, shown, close } = await openChat();
  // Pressed as soon as the first words are shown.
  await page.evaluate(() => {
    const watch = new MutationObserver(() => {
      if (!document.querySelector("li.assistant")?.textContent) return;
      watch.disconnect();
      document.querySelector("#stop").click();
    });
    watch.observe(document.body, { childList: true, characterData: true, subtree: true });
  });
  await type("Once");
  await ended(1);
  const [, stopped] = await shown();
  const whole = await page.evaluate(() => globalThis.expected("Once"));
  assert.ok(whole.startsWith(stopped) && stopped.length < whole.length, `${stopped} of ${whole}`);
  assert.deepEqual(await page.evaluate(() => [...globalThis.ends, document.querySelector("output").value]), [
    "stopped",
    "ready",
  ]);
  await type("Then");
  await ended(2);
  const next = await page.evaluate((stopped) => globalThis.expected("Once", stopped, "Then"), stopped);
  assert.deepEqual(await shown(), ["Once", stopped, "Then", next]);
  await page.evaluate(() => {
    const field = document.querySelector("input");
    // React takes a value that is set on the element itself for its own.
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set.call(field, "fox ".repeat(400));
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
  await page.keyboard.press("Enter");
  await ended(3);
  assert.match(await page.textContent("[role=alert]"), /prompt .*tokens/);
  assert.deepEqual(await page.evaluate(() => globalThis.ends), ["stopped", "finished", "error"]);
  await close();
});
