// The page's own files from a server that misbehaves, and its builds. One rule: whatever has happened, it works again
// after a reload.

import assert from "node:assert/strict";
import { test as anywhere } from "node:test";
import { build, faults } from "./faulty-server.mjs";
import { active, assertWell, behave, keptModels, loadModel, misbehave, reload, server, until, visit } from "./faulty-visits.mjs";
import { lacks, open, runsRelaxed } from "./harness.mjs";

const test = (name, body) => anywhere(name, { skip: lacks("cdp") }, body);

/** The files of the engine, of which the browser picks one. */
const ENGINES = ["/pkg/nexttoken_relaxed.wasm", "/pkg/nexttoken_simd128.wasm"];

/**
 * Waits until this build of the page is cached, or was refused. Browsers look for a new build by themselves, but not at
 * once.
 */
async function settled(page) {
  // The update is rejected if the new service worker cannot be read.
  await page.evaluate(() => navigator.serviceWorker.getRegistration().then((registration) => registration?.update())).catch(() => {});
  await until(page, async () => {
    const registration = await navigator.serviceWorker.getRegistration();
    return registration && !registration.installing && !(registration.waiting && !navigator.serviceWorker.controller);
  });
}

/** The contents of the browser's caches: addresses by the name of the cache, without a build's name. */
const kept = (page) =>
  page.evaluate(async () => {
    const found = {};
    for (const name of await caches.keys()) {
      const keys = await (await caches.open(name)).keys();
      found[name.split(" ")[0]] = keys.map(({ url }) => new URL(url).pathname + new URL(url).search).sort();
    }
    return found;
  });

// --- the page's own files ---

for (const [path, ...names] of [
  ["/", "login", "drop"],
  ["/main.js", "login", "error", "drop", "short"],
  ["/pkg/worker.js", "short"],
  ["/stories.gguf", "login", "drop"],
  ["/sw.js", "login", "short"],
  [ENGINES[0], "error", "short"],
]) {
  test(`a first visit with faults at ${path}`, async () => {
    for (const name of names) {
      misbehave(faults[name], path === ENGINES[0] ? ENGINES : [path]);
      const { page, context } = await visit();
      await page.waitForTimeout(200);
      behave();
      await reload(page);
      await assertWell(page);
      await active(page);
      await context.close();
    }
  });
}

test("once it is kept, the page needs no server", async () => {
  behave();
  const { page, context } = await visit();
  await active(page);
  for (const name of ["login", "error", "drop", "short", "silence"]) {
    misbehave(faults[name], ["*"]);
    await reload(page);
    await assertWell(page);
  }
  await context.close();
});

test("query strings lead to the same files", async () => {
  behave();
  const { page, context } = await visit();
  await active(page);
  const { "nexttoken-page": before } = await kept(page);
  const own = (await runsRelaxed(page)) ? "relaxed" : "simd128";
  const engines = before.filter((path) => /_(relaxed|simd128)/.test(path));
  const variants = (module) => [`/pkg/${module}_${own}.wasm`, `/pkg/${module}_${own}_threads.wasm`];
  const expected = ["nexttoken_encoder", "nexttoken"].flatMap(variants);
  assert.deepEqual(engines, expected, "the engines and encoders of this browser");
  for (const query of ["?a=1", "?b=2&c", "?a=1#there"]) await page.goto(`${server.origin}/${query}`);
  await assertWell(page);
  await page.evaluate(() => Promise.all(["main.js?1", "main.js?2", "pkg/index.js?x"].map((path) => fetch(path))));
  assert.deepEqual((await kept(page))["nexttoken-page"], before);
  assert.ok(before.includes("/pkg/worker.js") && before.includes("/") && !before.some((path) => path.includes("?")), before.join(" "));
  // Every module the page imports is among them.
  misbehave(faults.silence, ["*"]);
  const imported = await page.evaluate(async (paths) => {
    const modules = paths.filter((path) => path.endsWith(".js") && !/\/(main|sw|learn)\.js$|worker\.js$/.test(path));
    return (await Promise.all(modules.map((path) => import(path)))).length;
  }, before);
  assert.ok(imported > 20);
  await context.close();
});

// --- builds ---

/** Two files of a build, one of the page and one of the package. Each of them tells the page which build it is of. */
const MARKED = ["/main.js", "/pkg/index.js"];
const mark = (text) => `\n;globalThis.parts = { ...globalThis.parts, [import.meta.url.split("/").at(-1)]: "${text}" };\n`;
const parts = (page) => {
  const both = (names) => names.every((name) => globalThis.parts?.[name]) && names.map((name) => globalThis.parts[name]);
  return until(page, both, ["main.js", "index.js"]);
};

/** Makes the server serve this build. */
async function publish(text) {
  await build(server, MARKED, mark(text));
}

/** Makes the server serve half of this build: the page's own file but not the package's. */
async function publishHalf(text) {
  const before = server.edits["/pkg/index.js"];
  await publish(text);
  server.edits["/pkg/index.js"] = before;
}

/** Loads the page again until it is of another build; it may change during a visit. */
async function renewed(page, text) {
  for (let visits = 0; visits < 4; visits += 1) {
    // The page may reload itself while it is loading.
    await reload(page).catch(() => {});
    await settled(page);
    const of = (text) => Object.values(globalThis.parts ?? {}).includes(text);
    await page.waitForFunction(of, text, { timeout: 3000 }).catch(() => {});
    const seen = await parts(page);
    assert.equal(seen[0], seen[1], "half a build and half another");
    if (seen[0] === text) return;
  }
  assert.fail(`the page did not become ${text}`);
}

test("half an update is not mixed with the build before", async () => {
  behave();
  await publish("A");
  const { page, context } = await visit();
  await active(page);
  assert.deepEqual(await parts(page), ["A", "A"]);
  await publishHalf("B");
  for (let visits = 0; visits < 3; visits += 1) {
    await reload(page);
    assert.deepEqual(await parts(page), ["A", "A"]);
    await settled(page);
  }
  await publish("B");
  await renewed(page, "B");
  assert.equal((await page.evaluate(() => caches.keys())).filter((name) => name.startsWith("nexttoken-page")).length, 1);
  await assertWell(page);
  await context.close();
});

test("a tab that is open stays of its build", async () => {
  behave();
  await publish("A");
  const { page, context } = await visit();
  await active(page);
  const other = await context.newPage();
  await reload(other);
  await publish("B");
  await reload(other);
  await other.waitForSelector("#newer:not([hidden])");
  await reload(other);
  await other.waitForTimeout(500);
  assert.deepEqual(await parts(other), ["A", "A"]);
  assert.deepEqual(await parts(page), ["A", "A"]);
  await page.close();
  await renewed(other, "B");
  await context.close();
});

test("a full storage keeps nobody from an update, nor from a model", async () => {
  behave();
  await publish("A");
  const { page, context } = await visit();
  await active(page);
  const browser = await context.newCDPSession(page);
  const room = (quotaSize) => browser.send("Storage.overrideQuotaForOrigin", { origin: server.origin, ...(quotaSize === undefined ? {} : { quotaSize }) });
  await room(1000);
  await publishHalf("B");
  for (let visits = 0; visits < 3; visits += 1) {
    await reload(page);
    assert.deepEqual(await parts(page), ["A", "A"]);
    await settled(page);
    // Now there is not even room for an empty cache.
    const { "/sw.js": worker } = server.edits;
    server.edits["/sw.js"] = (bytes) => `caches.open = () => Promise.reject(new DOMException("", "QuotaExceededError"));${worker(bytes)}`;
  }
  await publish("B");
  await renewed(page, "B");
  await assertWell(page);
  assert.match(await loadModel(page), /million/);
  assert.deepEqual(await keptModels(page), []);
  await reload(page);
  await assertWell(page);
  // With room again, the page is cached at the next visit.
  await room();
  await reload(page);
  await until(page, async () => {
    const name = (await caches.keys()).find((name) => name.startsWith("nexttoken-page"));
    return name && (await (await caches.open(name)).keys()).length > 20;
  });
  misbehave(faults.silence, ["*"]);
  await reload(page);
  await assertWell(page);
  assert.deepEqual(await parts(page), ["B", "B"]);
  await context.close();
});

test("a first visit with a full storage", async () => {
  behave();
  server.edits = {};
  const { page, context } = await open("about:blank", { serviceWorkers: "allow" });
  const browser = await context.newCDPSession(page);
  await browser.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize: 1000 });
  await reload(page);
  await assertWell(page);
  await active(page);
  await reload(page);
  await assertWell(page);
  assert.match(await loadModel(page), /million/);
  await context.close();
});
