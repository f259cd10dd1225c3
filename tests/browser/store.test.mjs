// The store of models: whatever ends a download, it goes on where it was, and nothing is kept that is not right.

import assert from "node:assert/strict";
import { test } from "node:test";
import { faults } from "./faulty-server.mjs";
import { browserName, lacks } from "./harness.mjs";
import {
  KEPT,
  LOSS,
  MODEL,
  SHA256,
  TEXT,
  TOTAL,
  answers,
  begin,
  bytes,
  hash,
  load,
  sent,
  server,
  stored,
  tab,
  untilStored,
} from "./stored-models.mjs";

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

test(
  "a service worker loads from the store where it imports that, and else is told to",
  { skip: lacks("cdp") },
  async () => {
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
  },
);

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
