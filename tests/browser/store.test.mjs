// The store of models: whatever ends a download, it goes on where it was, and nothing is kept that is not right.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, beforeEach, test } from "node:test";
import { faults, serve } from "./faulty-server.mjs";
import { browserName, lacks, open, origin } from "./harness.mjs";

const server = await serve();
after(() => server.close());

const MODEL = "/models/story.gguf";
const bytes = Buffer.from(await (await fetch(`${origin}/stories.gguf`)).arrayBuffer());
const TOTAL = bytes.length;
const hash = (content) => createHash("sha256").update(content).digest("hex");
const SHA256 = hash(bytes);
/** What the model writes. */
const TEXT = ", there was a";
/** The most that can be lost where a download breaks off: a segment that is not full, and one that is being written. */
const LOSS = 2 * 65_536;

beforeEach(() => {
  server.faults = {};
  server.edits = {};
  server.versions = {};
  server.aliases = { [MODEL]: "/stories.gguf" };
  server.answers = {};
});

const answers = () => server.answers[MODEL] ?? [];
const sent = () => answers().reduce((total, answer) => total + answer.sent, 0);

/** A tab, which is on a page of the server without a model. */
async function tab(context) {
  if (!context) {
    const { page, context } = await open(`${server.origin}/alice.txt`);
    return { page, context };
  }
  const page = await context.newPage();
  await page.goto(`${server.origin}/alice.txt`);
  return { page, context };
}

/** In the page: loads the model through the store, lets it write, and tells how it went. */
async function loadIn({ kind, url, options, list }) {
  const { default: init, [kind]: Kind } = await import("/pkg/index.js");
  if (kind === "Generator") await init();
  const abort = (globalThis.abort = new AbortController());
  const told = (globalThis.told = { states: [], last: undefined });
  const onProgress = (progress) => {
    if (told.states.at(-1) !== progress.state) told.states.push(progress.state);
    told.last = { ...progress, not_kept: progress.not_kept?.code };
    if (progress.speed) told.speed = progress.speed;
    if (progress.remaining !== undefined) told.remaining = progress.remaining;
  };
  try {
    const generator = await Kind.load(list ? [url] : url, {
      store: true,
      onProgress,
      signal: abort.signal,
      ...options,
    });
    await generator.start("Once upon a time", { temperature: 0, max_tokens: 4 });
    told.text = "";
    for await (const token of generator) told.text += token.text;
    generator.free();
  } catch ({ code, message }) {
    Object.assign(told, { code, message });
  }
  return told;
}

const load = (page, options = { sha256: SHA256 }, kind = "WorkerGenerator", list = false) =>
  page.evaluate(loadIn, { kind, url: MODEL, options, list });

const stored = (page) =>
  page.evaluate(async () => {
    const { store } = await import("/pkg/store.js");
    return (await store.list()).map(({ url, ...about }) => ({
      path: new URL(url).pathname,
      ...about,
      used: undefined,
    }));
  });

const KEPT = { path: MODEL, kept: true, size: TOTAL, total: TOTAL, sha256: SHA256, used: undefined };

/** Waits until the bytes before `position` are stored; resolves to how many are. */
async function untilStored(page, position) {
  for (let wait = 0; wait < 500; wait += 1) {
    const [{ size = 0 } = {}] = await stored(page);
    if (size >= position - LOSS) return size;
    await page.waitForTimeout(20);
  }
  throw new Error(`nothing is stored before ${position}`);
}

/**
 * Begins a load of which the server sends only the bytes before `position`, and waits until these are stored and the
 * engine has begun to read.
 */
async function begin(page, position, options, ...rest) {
  server.faults[MODEL] = faults.until(position);
  const loading = load(page, options, ...rest).catch(() => "closed");
  const size = await untilStored(page, position);
  await page.waitForFunction(() => globalThis.told.last);
  return { loading, size };
}

for (const percent of [10, 50, 99]) {
  test(`a tab that closes at ${percent} % loses little of the download`, { skip: lacks("cdp") }, async () => {
    const position = Math.floor((TOTAL * percent) / 100);
    const { page, context } = await tab();
    const { size } = await begin(page, position);
    await page.close();
    const again = await tab(context);
    assert.deepEqual(
      (await stored(again.page)).map(({ kept, total }) => [kept, total]),
      [[false, TOTAL]],
    );
    server.faults = {};
    server.answers = {};
    const { text, last, states } = await load(again.page);
    assert.equal(text, TEXT);
    assert.ok(last.resumed >= size, `${last.resumed} of ${size}`);
    assert.deepEqual(states, ["stored", "downloading"].slice(states[0] === "stored" ? 0 : 1));
    assert.deepEqual(
      answers().map(({ asked, status }) => [asked, status]),
      [[`bytes=${last.resumed}-`, 206]],
    );
    assert.equal(sent(), TOTAL - last.resumed);
    assert.deepEqual(await stored(again.page), [KEPT]);
    await context.close();
  });
}

test("a line that drops at 10, 50 and 99 % is taken up again in the same load", async () => {
  const { page, context } = await tab();
  const ends = [10, 50, 99].map((percent) => Math.floor((TOTAL * percent) / 100));
  server.faults[MODEL] = (right, response) => {
    const end = ends[answers().length - 1];
    return (end === undefined ? faults.slow : faults.until(end))(right, response);
  };
  const loading = load(page);
  for (const end of ends) {
    await untilStored(page, end);
    server.open.forEach((response) => response.destroy());
  }
  const { text, states, speed, remaining } = await loading;
  assert.equal(text, TEXT);
  const drop = ["reconnecting", "downloading"];
  assert.deepEqual(states.slice(states[0] === "downloading" ? 1 : 0), [...drop, ...drop, ...drop]);
  assert.ok(speed > 0 && remaining >= 0, `${speed}, ${remaining}`);
  // Each request goes on where the line dropped, and names the version that it goes on with. Little is sent twice.
  const etag = `"${SHA256.slice(0, 16)}"`;
  assert.deepEqual(
    answers().map(({ condition, status }) => [condition, status]),
    [[undefined, 200], ...ends.map(() => [etag, 206])],
  );
  for (const [index, end] of ends.entries()) {
    const start = Number(/^bytes=(\d+)-$/.exec(answers()[index + 1].asked)[1]);
    assert.ok(start > end - LOSS && start <= end, `${start} of ${end}`);
  }
  assert.ok(sent() >= TOTAL && sent() < TOTAL + 3 * LOSS, `${sent()} sent`);
  assert.deepEqual(await stored(page), [KEPT]);
  await context.close();
});

test("a kept model needs no server", async () => {
  const { page, context } = await tab();
  for (const kind of ["WorkerGenerator", "Generator"]) {
    assert.equal((await load(page, undefined, kind)).text, TEXT);
    const before = answers().length;
    server.faults[MODEL] = faults.error;
    const { text, states, last } = await load(page, { sha256: SHA256.toUpperCase() }, kind);
    assert.deepEqual([text, states, last.loaded, last.resumed], [TEXT, ["stored"], TOTAL, 0]);
    assert.equal(answers().length, before);
    // With the wrong hash it is asked for, and none of it is lost.
    assert.equal((await load(page, { sha256: "0".repeat(64) }, kind)).code, "http");
    assert.deepEqual(await stored(page), [KEPT]);
    server.faults = {};
    // Firefox asks the user, and waits for the answer.
    const asks = browserName === "firefox";
    const managed = await page.evaluate(
      async ({ url, asks }) => {
        const { store } = await import("/pkg/store.js");
        const { models, backend } = await store.estimate();
        const has = [await store.has(url), await store.has("/other.gguf")];
        await store.delete(url);
        return { models, backend, has, left: await store.list(), persisted: asks || typeof (await store.persist()) };
      },
      { url: MODEL, asks },
    );
    assert.deepEqual(managed, {
      models: TOTAL,
      backend: managed.backend,
      has: [true, false],
      left: [],
      persisted: asks || "boolean",
    });
    assert.ok(["opfs", "cache"].includes(managed.backend), managed.backend);
    if (browserName !== "webkit") assert.equal(managed.backend, "opfs");
  }
  await context.close();
});

test("an abort keeps what came", async () => {
  const { page, context } = await tab();
  for (const kind of ["WorkerGenerator", "Generator"]) {
    const { loading } = await begin(page, Math.floor(TOTAL / 2), undefined, kind);
    await page.evaluate(() => globalThis.abort.abort());
    const { code, last: before } = await loading;
    assert.equal(code, "aborted");
    server.faults = {};
    server.answers = {};
    const { text, last } = await load(page, undefined, kind);
    assert.equal(text, TEXT);
    // All that came, because an abort leaves the time to write it.
    assert.ok(last.resumed >= before.loaded, `${last.resumed} of ${before.loaded}`);
    assert.equal(sent(), TOTAL - last.resumed);
    await page.evaluate(async () => (await import("/pkg/store.js")).store.clear());
  }
  await context.close();
});

/** Another version of the file, which loads as well. */
const changed = (content) => Buffer.concat([content.subarray(0, -1), Buffer.from([content.at(-1) ^ 1])]);
const other = changed(bytes);

const versions = {
  "a strong ETag": { strong: true },
  "a weak ETag alone": { headers: { etag: 'W/"1"' } },
  "a date": {
    headers: { "last-modified": "Wed, 25 Nov 2026 21:36:58 GMT" },
    then: { "last-modified": "Thu, 26 Nov 2026 00:00:00 GMT" },
    dated: true,
  },
  nothing: { headers: {} },
};
for (const [name, { headers, then = headers, strong = false, dated = false }] of Object.entries(versions)) {
  // The script decides, as it does in every browser.
  const skip = dated ? false : lacks("time");
  test(`a file that changed is loaded anew, where the server tells its version by ${name}`, { skip }, async () => {
    const { page, context } = await tab();
    const half = Math.floor(TOTAL / 2);
    for (const isChanged of [true, false]) {
      server.edits = {};
      if (headers) server.versions[MODEL] = headers;
      const { loading } = await begin(page, half, {});
      await page.evaluate(() => globalThis.abort.abort());
      await loading;
      server.faults = {};
      server.answers = {};
      if (isChanged) server.edits[MODEL] = changed;
      if (isChanged && then) server.versions[MODEL] = then;
      const { text, last } = await load(page, {});
      assert.equal(text, TEXT);
      // Only a strong tag may be a condition.
      assert.equal(Boolean(answers()[0].condition), strong);
      assert.equal(last.resumed > 0, !isChanged && (strong || dated), `resumed ${last.resumed}`);
      const [model] = await stored(page);
      assert.deepEqual([model.kept, model.size], [true, TOTAL]);
      // The hash of what is stored.
      const expected = isChanged ? hash(other) : SHA256;
      assert.equal((await load(page, { sha256: expected })).text, TEXT);
      assert.deepEqual(await stored(page), [{ ...KEPT, sha256: expected }]);
      await page.evaluate(async () => (await import("/pkg/store.js")).store.clear());
    }
    await context.close();
  });
}

test("a server without ranges sends the file again, and what is there is not stored twice", async () => {
  const { page, context } = await tab();
  const { loading } = await begin(page, Math.floor(TOTAL / 2));
  await page.evaluate(() => globalThis.abort.abort());
  await loading;
  server.faults[MODEL] = faults.noRanges;
  const { text, last } = await load(page);
  assert.equal(text, TEXT);
  assert.ok(last.resumed > 0);
  assert.deepEqual(await stored(page), [KEPT]);
  await context.close();
});

test("what is no model is not stored, and replaces nothing", async () => {
  const { page, context } = await tab();
  server.faults[MODEL] = faults.login;
  assert.equal((await load(page, {})).code, "not_gguf");
  assert.deepEqual(await stored(page), []);
  const { loading } = await begin(page, Math.floor(TOTAL / 2));
  await page.evaluate(() => globalThis.abort.abort());
  await loading;
  const before = await stored(page);
  server.faults[MODEL] = faults.login;
  assert.equal((await load(page, {})).code, "not_gguf");
  assert.deepEqual(await stored(page), before);
  // A file that is cut short, or that is another than was asked for.
  server.faults = {};
  server.edits[MODEL] = (content) => content.subarray(0, -1000);
  assert.equal((await load(page, {})).code, "truncated");
  assert.deepEqual(await stored(page), []);
  server.edits[MODEL] = changed;
  assert.equal((await load(page)).code, "hash_mismatch");
  assert.deepEqual(await stored(page), []);
  await context.close();
});

test("two tabs that load one model download it once", { skip: lacks("cdp") }, async () => {
  const { page, context } = await tab();
  const second = await tab(context);
  server.faults[MODEL] = faults.slow;
  const [one, two] = await Promise.all([load(page), load(second.page), load(page)]);
  assert.deepEqual([one.text, two.text, sent(), answers().length], [TEXT, TEXT, TOTAL, 1]);
  assert.ok(two.states.includes("waiting") || one.states.includes("waiting"), `${one.states}; ${two.states}`);
  assert.deepEqual(await stored(page), [KEPT]);
  await context.close();
});

/** Sets how much a page's origin may store, or as much as usual. */
async function quotaOf({ page, context }) {
  const devtools = await context.newCDPSession(page);
  return (quotaSize) => devtools.send("Storage.overrideQuotaForOrigin", { origin: server.origin, quotaSize });
}

test("a full disk does not keep a model from being used, nor has it be downloaded again", { skip: lacks("cdp") }, async () => {
  const { page, context } = await tab();
  const quota = await quotaOf({ page, context });
  await quota(900_000);
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
});

test("once there is room, what a page holds in memory is stored without the server", { skip: lacks("cdp") }, async () => {
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
});

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

test("a model in parts is stored part by part", async () => {
  const { page, context } = await tab();
  const options = { sha256: [SHA256] };
  const { loading } = await begin(page, TOTAL >> 1, options, "WorkerGenerator", true);
  await page.evaluate(() => globalThis.abort.abort());
  assert.equal((await loading).code, "aborted");
  server.faults = {};
  server.answers = {};
  const { text, last } = await load(page, options, "WorkerGenerator", true);
  assert.equal(text, TEXT);
  assert.ok(last.resumed > 0);
  assert.equal(sent(), TOTAL - last.resumed);
  assert.deepEqual(await stored(page), [KEPT]);
  await context.close();
});

/** In the page: what a service worker answers. */
async function askServiceWorker(path) {
  const registration = await navigator.serviceWorker.register(path, { type: "module", scope: path });
  const said = new Promise((resolve) => (navigator.serviceWorker.onmessage = ({ data }) => resolve(data)));
  (registration.installing ?? registration.waiting ?? registration.active).postMessage("");
  return said;
}

test("a service worker loads from the store where it imports that, and else is told to", { skip: lacks("cdp") }, async () => {
  const { page, context } = await tab();
  const said = [];
  for (const [path, more] of [
    ["/without-store.js", ""],
    ["/with-store.js", 'import "/pkg/store.js";'],
  ]) {
    server.aliases[path] = "/main.js";
    server.edits[path] = () => `import { Generator } from "/pkg/index.js"; ${more}
onmessage = ({ source }) => Generator.load("${MODEL}", { store: true })
  .then(() => "loaded", ({ code, message }) => code + ": " + message)
  .then((said) => source.postMessage(said));`;
    said.push(await page.evaluate(askServiceWorker, path));
  }
  assert.match(said[0], /^invalid_option: .*"store".*import "nexttoken\/store"/);
  assert.equal(said[1], "loaded");
  assert.deepEqual(await stored(page), [{ ...KEPT, sha256: undefined }]);
  await context.close();
});

test("what cannot be stored is refused in words", async () => {
  const { page, context } = await tab();
  const messages = await page.evaluate(async (url) => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const message = (source, options) =>
      WorkerGenerator.load(source, options).then(
        () => "loaded",
        ({ code, message }) => `${code}: ${message}`,
      );
    return [
      await message(new Blob(["GGUF"]), { store: true }),
      await message("data:,GGUF", { store: true }),
      await message(new Request(url, { method: "POST", body: "x" }), { store: true }),
      await message(url, { store: "yes" }),
      await message(url, { store: true, sha256: "abc" }),
      await message([url], { store: true, sha256: "0".repeat(64) }),
      await message(url, { sha256: "0".repeat(64) }),
      await message(url, { store: true, typo: 1 }),
      await message(url, { store: true, signal: AbortSignal.abort() }),
    ];
  }, MODEL);
  const expected = [
    /invalid_option: .*"source".*has an address/,
    /invalid_option: .*"source".*http/,
    /invalid_option: .*"source".*POST/,
  ];
  expected.push(/invalid_option: .*"store"/, /invalid_option: .*"sha256".*64/, /invalid_option: .*"sha256".*list of 1/);
  expected.push(/invalid_option: .*"sha256".*store/, /unknown_option: .*"typo"/, /^aborted/);
  assert.equal(messages.length, expected.length);
  for (const [index, pattern] of expected.entries()) assert.match(messages[index], pattern);
  await context.close();
});
