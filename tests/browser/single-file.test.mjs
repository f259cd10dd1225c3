// The package and the page as one file each, opened from the disk: no server, no network.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { after, test as anywhere } from "node:test";
import { lacks, open } from "./harness.mjs";

const test = (name, body) => anywhere(name, { skip: lacks("cdp") }, body);
const root = (path) => fileURLToPath(new URL(`../../${path}`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "nexttoken-"));
after(() => rmSync(folder, { recursive: true }));

/** Makes one file, and returns its address on the disk. */
function make(name, ...more) {
  const file = join(folder, name);
  execFileSync("node", [root("pkg-config/tools/standalone.mjs"), root("pkg"), file, ...more]);
  return pathToFileURL(file).href;
}

/** Opens an address of the disk, with no network. */
async function visit(address) {
  const opened = await open("about:blank");
  await opened.context.setOffline(true);
  await opened.page.goto(address);
  return opened;
}

test("the storyteller in one file writes by a double click", async () => {
  const { page, close } = await visit(make("storyteller.html", root("www")));
  await page.waitForFunction(() => /million/.test(document.querySelector("#model-status").textContent), undefined, { timeout: 20_000 });
  assert.equal(await page.evaluate(() => document.querySelector("#unstarted")), null);
  await page.fill("#max_tokens", "5");
  await page.click("#write");
  await page.waitForFunction(() => document.querySelectorAll("#text .token").length >= 5, undefined, { timeout: 20_000 });
  await close();
});

test("the page as many files says why it does not start from the disk", async () => {
  const opened = await open("about:blank");
  await opened.page.goto(pathToFileURL(root("www/index.html")).href);
  const seen = () => getComputedStyle(document.querySelector("#unstarted")).visibility === "visible";
  await opened.page.waitForFunction(seen, undefined, { timeout: 10_000 });
  // It is hidden until then, and a page that starts removes it.
  await opened.context.close();
});

test("the standalone package does everything in a page on the disk, on both threads", async () => {
  make("standalone.js");
  // Scripts beside a page on the disk cannot be imported, so that it is in the page.
  writeFileSync(join(folder, "page.html"), "<!doctype html><title>page</title>");
  const { page, close } = await visit(pathToFileURL(join(folder, "page.html")).href);
  const code = execFileSync("cat", [join(folder, "standalone.js")], { maxBuffer: 1e8 }).toString();
  const model = execFileSync("cat", [root("www/stories.gguf")], { maxBuffer: 1e8 }).toString("base64");
  const found = await page.evaluate(
    async ({ code, model }) => {
      const { Generator, WorkerGenerator } = await import(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      const bytes = Uint8Array.from(atob(model), (byte) => byte.charCodeAt(0));
      const found = [];
      for (const Kind of [Generator, WorkerGenerator]) {
        const generator = await Kind.load(bytes);
        const greedy = { temperature: 0, max_tokens: 4 };
        await generator.chat([{ role: "user", content: "Once upon a time" }], { chat_template: "{{ messages[0].content }}", ...greedy });
        for await (const _ of generator);
        found.push(await generator.text);
        await generator.start("Once upon a time", { regex: "[A-Z]+", ...greedy });
        for await (const _ of generator);
        found.push(/^[A-Z]+$/.test(await generator.text));
      }
      return found;
    },
    { code, model },
  );
  assert.deepEqual(found, [", there was a", true, ", there was a", true]);
  await close();
});
