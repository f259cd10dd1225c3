// The store of models where a disk is full, or nothing can be stored: the model is used all the same, and a notice says so.

import assert from "node:assert/strict";
import { test } from "node:test";
import { faults } from "./faulty-server.mjs";
import { lacks } from "./harness.mjs";
import { KEPT, MODEL, TEXT, TOTAL, answers, load, sent, server, stored, tab } from "./stored-models.mjs";

/** Sets how much a page's origin may store, or as much as usual. */
async function quotaOf({ page, context }) {
  const devtools = await context.newCDPSession(page);
  return (quotaSize) => devtools.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize });
}

for (const percent of [10, 50, 99]) {
  test(`a disk that is full at ${percent} % keeps no model from being used`, { skip: lacks("cdp") }, () =>
    fill(percent),
  );
}

/** Loads a model where the disk has room for so much of it, then again, and once more in another tab when there is room. */
async function fill(percent) {
  const { page, context } = await tab();
  const quota = await quotaOf({ page, context });
  await quota(Math.floor((TOTAL * percent) / 100));
  server.faults[MODEL] = faults.slow;
  const { text, last } = await load(page);
  assert.deepEqual([text, last.not_kept, last.loaded], [TEXT, "storage_full", TOTAL]);
  assert.equal((await stored(page)).filter(({ kept }) => kept).length, 0);
  // The page still has what the disk did not take.
  server.answers = {};
  const held = await load(page);
  assert.deepEqual([held.text, held.last.not_kept, held.last.loaded, sent()], [TEXT, "storage_full", TOTAL, 0]);
  assert.equal((await stored(page)).filter(({ kept }) => kept).length, 0);
  // Another tab goes on from where the disk was full, once there is room.
  await quota();
  const second = await tab(context);
  const again = await load(second.page);
  assert.equal(again.text, TEXT);
  assert.ok(again.last.resumed > 0 && sent() === TOTAL - again.last.resumed, `${again.last.resumed}, ${sent()}`);
  assert.deepEqual(await stored(page), [KEPT]);
  server.answers = {};
  const kept = await load(page);
  assert.deepEqual([kept.text, kept.last.not_kept, sent()], [TEXT, undefined, 0]);
  await context.close();
}

test(
  "once there is room, what a page holds in memory is stored without the server",
  { skip: lacks("cdp") },
  async () => {
    const { page, context } = await tab();
    const quota = await quotaOf({ page, context });
    await quota(900_000);
    assert.equal((await load(page)).last.not_kept, "storage_full");
    await quota();
    server.answers = {};
    const { text, last, states } = await load(page);
    assert.deepEqual([text, last.not_kept, states, sent()], [TEXT, undefined, ["stored"], 0]);
    assert.deepEqual(await stored(page), [KEPT]);
    // It is the disk's from here on.
    const second = await tab(context);
    assert.equal((await load(second.page)).text, TEXT);
    assert.equal(sent(), 0);
    await context.close();
  },
);

/** In the page: loads with a store whose files go wrong, or that there is none for. */
async function withBackends(url) {
  const { default: init, Generator } = await import("/pkg/index.js");
  const { ModelStore, memoryBackend } = await import("/pkg/store.js");
  await init();
  const seen = {};
  const attempt = async (name, backend, prepare = () => {}) => {
    const store = new ModelStore({ backend });
    await prepare(store);
    let last;
    const generator = await Generator.load(url, { store, onProgress: (progress) => (last = progress) });
    generator.free();
    const { models } = await store.estimate();
    seen[name] = { notice: last.not_kept?.code, kept: await store.has(url), models };
    return store;
  };
  const memory = memoryBackend();
  await attempt("memory", memory);
  await attempt("memory again", memory);
  const [folder] = await memory.folders();
  await attempt("a segment is gone", memory, () => memory.remove(folder, "1"));
  await attempt("after that", memory);
  const refuses = () => Promise.reject(new DOMException("the handle was revoked", "NotAllowedError"));
  await attempt("refuses", { ...memoryBackend(), write: refuses });
  await attempt("no folders", { ...memoryBackend(), read: refuses, remove: refuses });
  let writes = 0;
  const late = memoryBackend();
  await attempt("revoked later", { ...late, write: (...args) => (++writes > 9 ? refuses() : late.write(...args)) });
  return seen;
}

test("where nothing can be stored, the model is used and a notice says so", async () => {
  const { page, context } = await tab();
  server.faults[MODEL] = faults.slow;
  const seen = await page.evaluate(withBackends, MODEL);
  const kept = { notice: undefined, kept: true, models: TOTAL };
  const lost = { notice: "storage_unavailable", kept: false };
  assert.deepEqual(seen.memory, kept);
  assert.deepEqual(seen["memory again"], kept);
  assert.deepEqual(seen["a segment is gone"], { ...lost, models: 0 });
  assert.deepEqual(seen["after that"], kept);
  assert.deepEqual(seen.refuses, { ...lost, models: 0 });
  assert.deepEqual(seen["no folders"], { ...lost, models: 0 });
  assert.equal(seen["revoked later"].notice, "storage_unavailable");
  assert.ok(!seen["revoked later"].kept && seen["revoked later"].models > 0);
  await context.close();
});

test("without a file system of its own, the browser keeps models in Cache Storage; without that, none", async () => {
  const { page, context } = await tab();
  await page.evaluate(() => {
    delete globalThis.FileSystemFileHandle?.prototype.createWritable;
  });
  assert.equal((await load(page)).text, TEXT);
  assert.deepEqual(await stored(page), [KEPT]);
  assert.ok(await page.evaluate(() => caches.has("nexttoken-models-3")));
  server.faults[MODEL] = faults.error;
  assert.equal((await load(page)).text, TEXT);
  const emptied = await page.evaluate(async () => {
    const { store } = await import("/pkg/store.js");
    await store.clear();
    return [await store.list(), (await (await caches.open("nexttoken-models-3")).keys()).length];
  });
  assert.deepEqual(emptied, [[], 0]);
  await context.close();
  server.faults = {};
  const none = await tab();
  await none.page.evaluate(() => {
    delete globalThis.FileSystemFileHandle?.prototype.createWritable;
    caches.open = () => Promise.reject(new DOMException("not in this window", "SecurityError"));
  });
  // Two loads at once, and a third one: the page downloads it once.
  server.answers = {};
  for (const loads of [await Promise.all([load(none.page), load(none.page)]), [await load(none.page)]]) {
    for (const { text, last } of loads) assert.deepEqual([text, last.not_kept], [TEXT, "storage_unavailable"]);
  }
  assert.deepEqual([answers().length, sent()], [1, TOTAL]);
  assert.deepEqual(await stored(none.page), []);
  await none.context.close();
});
