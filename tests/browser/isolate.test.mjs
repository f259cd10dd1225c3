// Cross-origin isolation on a server that sends no header for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { build, faults, serve } from "./faulty-server.mjs";
import { browserName, can, lacks, open } from "./harness.mjs";

const [server, other] = await Promise.all([serve({ isolated: false }), serve({ isolated: false })]);
after(() => Promise.all([server, other].map((each) => each.close())));

/** Counts how often a page was loaded. */
const COUNT = "localStorage.loads = Number(localStorage.loads ?? 0) + 1;";

/** Has the server answer with a page or script of the test's own. */
function serveText(path, text) {
  server.aliases[path] = path.endsWith(".js") ? "/main.js" : "/";
  server.edits[path] = () => text;
}

/** A page that calls `isolate` with the options in its address, after a script. */
const pageWith = (script = "") => `<!doctype html><title>page</title><script>${COUNT}${script}</script>
<button>press</button>
<script type="module">
  import { isolate } from "/pkg/isolate.js";
  globalThis.again = (options) => isolate(options).then((isolation) => (globalThis.isolation = isolation));
  const options = new URLSearchParams(location.search).get("options");
  if (options !== "none") again(JSON.parse(options ?? "{}"));
</script>`;

serveText("/page", pageWith());
serveText("/page-without-workers", pageWith("delete Navigator.prototype.serviceWorker;"));
const FORBID = "Object.defineProperty(globalThis, 'sessionStorage', { get() { throw new DOMException('', 'SecurityError'); } });";
serveText("/page-without-storage", pageWith(FORBID));
serveText("/page-with-frame", `${pageWith()}<iframe src="/page"></iframe>`);
serveText("/deaf-worker.js", `addEventListener("fetch", (event) => event.respondWith(fetch(event.request)));`);
serveText("/own-worker.js", `addEventListener("fetch", (event) => event.request.mode === "navigate" &&
  event.respondWith(fetch(event.request).then((response) => isolated(response, event.request))));
importScripts("/pkg/isolate-worker.js");`);
/** The code on the page about hosting, in the block that begins so. */
function documented(beginning) {
  const page = readFileSync(new URL("../../www/docs/hosting/index.html", import.meta.url), "utf8");
  const blocks = [...page.matchAll(/<pre>(.*?)<\/pre>/gs)].map(([, code]) => code);
  const code = blocks.find((block) => block.startsWith(beginning));
  return code.replaceAll("&gt;", ">").replaceAll("&lt;", "<").replaceAll("&amp;", "&");
}

/** A page with the code of the documentation. */
const documentedPage = (worker) => `<!doctype html><title>page</title><link rel="icon" href="data:," /><script>${COUNT}
  const begin = () => (globalThis.isolation = { state: "begun" });</script>
<script type="module">${documented("import { isolate }")
  .replace('"nexttoken/isolate"', '"/pkg/isolate.js"')
  .replace("isolate-worker.js", worker)}</script>`;
serveText("/documented", documentedPage("isolate-worker.js"));
serveText("/documented-own", documentedPage("documented-worker.js"));
serveText(
  "/documented-worker.js",
  `const answer = (request) => fetch(request);
${documented("addEventListener").replace('"isolate-worker.js"', '"/pkg/isolate-worker.js"')}`,
);
server.aliases["/isolate-worker.js"] = "/pkg/isolate-worker.js";
server.aliases["/below/isolate-worker.js"] = "/pkg/isolate-worker.js";

const addressOf = (path, options) => `${server.origin}${path}?options=${encodeURIComponent(JSON.stringify(options))}`;

/** Goes to an address whose page may load itself again meanwhile. */
const go = (page, address) => page.goto(address).catch(() => {});

async function visit(address) {
  const opened = await open("about:blank", { serviceWorkers: "allow" });
  await go(opened.page, address);
  return opened;
}

/** Evaluates a function in a page. Playwright's own method passes for a click of the visitor, which holds up a reload. */
async function quietly(page, code) {
  if (!can("cdp")) return page.evaluate(code);
  page.session ??= await page.context().newCDPSession(page);
  const settings = { expression: `(${code})()`, awaitPromise: true, returnByValue: true };
  return (await page.session.send("Runtime.evaluate", settings)).result.value;
}

/** Waits until a function gives a true value in a page that may load itself again meanwhile. */
async function until(page, condition) {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    const value = await quietly(page, condition).catch(() => undefined);
    if (value) return value;
    await page.waitForTimeout(50);
  }
  assert.fail(`waited in vain for ${condition}`);
}

/** Waits until a page knows what it has come to; resolves to that, and how often it was loaded. */
const outcome = (page) =>
  until(page, () => {
    const { state, reason = "" } = globalThis.isolation ?? {};
    return state && state !== "reloading" && { state, reason, loads: Number(localStorage.loads), isolated: crossOriginIsolated };
  });

const ISOLATED = { state: "isolated", reason: "", isolated: true };

/** Whether a page shows that nothing more happens to it: it is not loaded again within a moment. */
async function assertAtRest(page, loads) {
  await page.waitForTimeout(300);
  assert.equal(await page.evaluate(() => Number(localStorage.loads)), loads);
}

test("the page is isolated after one reload, and writes", async () => {
  await build(server, ["/main.js"], `\n;${COUNT}\n`);
  const { page, close } = await visit(`${server.origin}/`);
  const written = () => crossOriginIsolated && /million/.test(document.querySelector("#model-status")?.textContent);
  await until(page, written);
  await assertAtRest(page, 2);
  await page.fill("#max_tokens", "3");
  await page.click("#write");
  await page.waitForFunction(() => document.querySelectorAll("#text .token").length >= 3);
  await go(page, `${server.origin}/`);
  await until(page, written);
  await assertAtRest(page, 3);
  await close();
});

test("a kept page is isolated without a server", { skip: lacks("cdp") }, async () => {
  const { page, close } = await visit(`${server.origin}/`);
  await until(page, async () => {
    const name = crossOriginIsolated && (await caches.keys()).find((name) => name.startsWith("nexttoken-page"));
    return name && (await (await caches.open(name)).keys()).length > 20;
  });
  server.faults["*"] = faults.error;
  await go(page, `${server.origin}/`);
  await until(page, () => crossOriginIsolated && /million/.test(document.querySelector("#model-status")?.textContent));
  server.faults = {};
  await close();
});

/** In the page: what both kinds of generator write by a model, and whether an image is shown. */
async function fromElsewhere({ model, image }) {
  const { Generator, WorkerGenerator } = await import("/pkg/index.js");
  const found = [];
  for (const Kind of [Generator, WorkerGenerator]) {
    const generator = await Kind.load(model);
    await generator.start("Once upon a time", { temperature: 0, max_tokens: 4 });
    for await (const _ of generator);
    found.push(await generator.text);
    generator.free();
  }
  const shown = await new Promise((resolve) => {
    const element = new Image();
    element.onload = () => resolve(true);
    element.onerror = () => resolve(false);
    element.src = image;
  });
  return { found, shown };
}

const TEXT = ", there was a";

test("an isolated page loads a model, and where it can an image, from another origin", async () => {
  // A model is open to every origin; the image is sent without any header.
  other.faults["/stories.gguf"] = ({ status, headers, body }, response) =>
    response.writeHead(status, { ...headers, "access-control-allow-origin": "*" }).end(body);
  const { page, context } = await visit(`${server.origin}/page`);
  assert.deepEqual(await outcome(page), { ...ISOLATED, loads: 2 });
  const elsewhere = { model: `${other.origin}/stories.gguf`, image: `${other.origin}/docs/page.webp` };
  const { found, shown } = await page.evaluate(fromElsewhere, elsewhere);
  assert.deepEqual(found, [TEXT, TEXT]);
  assert.equal(shown, browserName !== "webkit", "WebKit knows only require-corp");
  await context.close();
});

test("a service worker of the site's own isolates by `isolated`", async () => {
  const { page, close } = await visit(addressOf("/page", { worker: "own-worker.js" }));
  assert.deepEqual(await outcome(page), { ...ISOLATED, loads: 2 });
  await assertAtRest(page, 2);
  await close();
});

test("the code on the page about hosting isolates a page, and begins after the reload", async () => {
  for (const path of ["/documented", "/documented-own"]) {
    const { page, close } = await visit(`${server.origin}${path}`);
    assert.deepEqual(await outcome(page), { state: "begun", reason: "", loads: 2, isolated: true }, path);
    await assertAtRest(page, 2);
    await close();
  }
});

test("where no header comes the page is loaded again once, and works", async () => {
  const { page, context, close } = await visit(addressOf("/page", { worker: "deaf-worker.js" }));
  const { reason, ...rest } = await outcome(page);
  assert.deepEqual(rest, { state: "unavailable", loads: 2, isolated: false });
  assert.match(reason, /was loaded again/);
  await assertAtRest(page, 2);
  if (can("cdp")) {
    const second = await context.newPage();
    await go(second, addressOf("/page", { worker: "deaf-worker.js" }));
    assert.match((await outcome(second)).reason, /without the headers/);
    await assertAtRest(second, 3);
  }
  // A service worker that the site has already is not replaced.
  const replaced = await page.evaluate(() => {
    sessionStorage.clear();
    return globalThis.again({});
  });
  assert.match(replaced.reason, /has a service worker of its own, .*deaf-worker\.js/);
  await close();
});

test("nothing is lost where a page cannot be isolated", async () => {
  const { page, context } = await visit(`${server.origin}/page-without-workers`);
  const { state, reason, loads } = await outcome(page);
  assert.deepEqual([state, loads], ["unavailable", 1]);
  assert.match(reason, /no service workers/);
  const here = { model: `${server.origin}/stories.gguf`, image: `${server.origin}/docs/page.webp` };
  assert.deepEqual(await page.evaluate(fromElsewhere, here), { found: [TEXT, TEXT], shown: true });

  await go(page, `${server.origin}/page-without-storage`);
  assert.match((await outcome(page)).reason, /stores nothing/);

  for (const [options, expected] of [
    [{ worker: "none.js" }, /could not be registered/],
    [{ worker: "below/isolate-worker.js" }, /only for what is below/],
    [{ worker: `${other.origin}/isolate-worker.js` }, /only for what is below/],
    [{ worker: "http://" }, /is not an address/],
    [{ worker: "silent-worker.js", timeout: 200 }, /not ready within 200 ms/],
  ]) {
    server.faults["/silent-worker.js"] = faults.silence;
    await go(page, addressOf("/page", options));
    const { state, reason } = await outcome(page);
    assert.equal(state, "unavailable");
    assert.match(reason, expected);
  }
  server.faults = {};
  await context.close();
});

test("a frame is left to the page around it", async () => {
  const { page, close } = await visit(addressOf("/page-with-frame", { reload: false }));
  const inFrame = () => globalThis.frames[0]?.isolation;
  const { state, reason } = await until(page, inFrame);
  assert.equal(state, "unavailable");
  assert.match(reason, /with the page around it/);
  await close();
});

test("the page says when it is loaded again", async () => {
  const { page, close } = await visit(addressOf("/page", { reload: false }));
  const { state, loads } = await outcome(page);
  assert.deepEqual([state, loads], ["needs_reload", 1]);
  // Somebody who has begun something is not disturbed.
  await page.click("button");
  assert.equal((await page.evaluate(() => globalThis.again({}))).state, "needs_reload");
  await page.evaluate(() => void globalThis.again({ reload: true }));
  await until(page, () => crossOriginIsolated);
  assert.deepEqual(await outcome(page), { ...ISOLATED, loads: 2 });
  await close();
});

test("options that are not usable are errors", async () => {
  const { page, close } = await visit(addressOf("/page", undefined).replace("undefined", "none"));
  const codes = await page.evaluate(async () => {
    const { isolate } = await import("/pkg/isolate.js");
    const refused = [{ worker: 1 }, { reload: "yes" }, { require_corp: 0 }, { timeout: 0 }, { timeout: 1.5 }, { wrong: 1 }, 5];
    return Promise.all(refused.map((options) => isolate(options).then(() => "none", ({ code }) => code)));
  });
  assert.deepEqual(codes, [...Array(5).fill("invalid_option"), "unknown_option", "invalid_option"]);
  await close();
});

test("the page works where there are no service workers", { skip: lacks("cdp") }, async () => {
  const { page, context, close } = await open("about:blank");
  await context.addInitScript(() => delete globalThis.Navigator.prototype.serviceWorker);
  await page.goto(`${server.origin}/`);
  await until(page, () => !crossOriginIsolated && /million/.test(document.querySelector("#model-status")?.textContent));
  await assertAtRest(page, 1);
  await close();
});
