// Models from a server that misbehaves. One rule: whatever has happened, it works again after a reload.

import assert from "node:assert/strict";
import { test as anywhere } from "node:test";
import { faults } from "./faulty-server.mjs";
import { assertWell, behave, keptModels, loadModel, misbehave, MODEL, reload, server, until, visit, wellVisit } from "./faulty-visits.mjs";
import { lacks } from "./harness.mjs";

const test = (name, body) => anywhere(name, { skip: lacks("cdp") }, body);

/** Where the page looks for the sample model. */
const SAMPLE = "/models/SmolLM2-135M-Instruct.Q4_1.gguf";

/** Waits until as many models are kept. */
async function keptAre(page, count) {
  for (let wait = 0; (await keptModels(page)).length !== count; wait += 1) {
    assert.ok(wait < 200, `there are not ${count} models kept`);
    await page.waitForTimeout(50);
  }
}

const oneKept = (page) => keptAre(page, 1);

/** Waits until these models are kept, and no others. */
async function keeps(page, models) {
  await keptAre(page, models.length);
  assert.deepEqual((await keptModels(page)).sort(), [...models].sort());
}

/** Makes a page wait less before it connects again. */
const hurry = (page) =>
  page.evaluate(() => {
    const plain = globalThis.setTimeout;
    globalThis.setTimeout = (act, time, ...rest) => plain(act, time >= 500 && time <= 4000 ? time / 20 : time, ...rest);
  });

const ofModels = {
  login: /not a GGUF file/,
  error: /answered 503/,
  drop: /could not be read/,
  dropUnannounced: /could not be read/,
  short: /cut short/,
  long: /damaged/,
  noRanges: /million/,
  gzip: /million/,
  gzipRanges: /million/,
  gzipEach: /million/,
};

test("a model from a server with any fault", async (t) => {
  // One visit for all, each with a model of its own.
  const { page, context } = await wellVisit();
  const before = [];
  for (const [name, outcome] of Object.entries(ofModels)) {
    await t.test(name, async () => {
      const model = `/models/${name}.gguf`;
      server.aliases[model] = "/stories.gguf";
      await hurry(page);
      misbehave(faults[name], [model]);
      const said = await loadModel(page, model);
      assert.match(said, outcome);
      const loaded = /million/.test(said);
      // Nothing more is downloaded. Only a correct model is kept.
      for (let wait = 0; server.open.size > 0 && wait < 50; wait += 1) await page.waitForTimeout(100);
      assert.equal(server.open.size, 0);
      if (loaded) await keeps(page, [...before, model]);
      else assert.deepEqual((await keptModels(page)).sort(), [...before].sort());
      behave();
      await reload(page);
      await assertWell(page);
      assert.match(await loadModel(page, model), /million/);
      before.push(model);
      await keeps(page, before);
      // From now on the model needs no server.
      misbehave(faults.silence, ["*"]);
      assert.match(await loadModel(page, model), /million/);
      // The page may be waiting for an answer still.
      server.open.forEach((response) => response.destroy());
      behave();
    });
  }
  await context.close();
});

test("an error of the server leaves the model that is loaded", async () => {
  const { page, context } = await wellVisit();
  assert.match(await loadModel(page, "/models/none.gguf"), /answered 404/);
  assert.match(await page.textContent("#model-status"), /million/);
  assert.ok(await page.isEnabled("#write"));
  await context.close();
});

/** In the page: damages the first segment of each model, or removes it. */
async function changeModels(damage) {
  const models = await (await navigator.storage.getDirectory()).getDirectoryHandle("nexttoken-models-3");
  for await (const folder of models.values()) {
    const file = await folder.getFileHandle("0");
    if (!damage) await folder.removeEntry("0");
    else {
      const stream = await file.createWritable({ keepExistingData: true });
      await stream.write("no model");
      await stream.close();
    }
  }
}

test("a kept model that was damaged is downloaded again", async () => {
  const { page, context } = await wellVisit();
  await loadModel(page);
  await oneKept(page);
  await page.evaluate(changeModels, true);
  assert.match(await loadModel(page), /not a GGUF file/);
  assert.match(await loadModel(page), /million/);
  await context.close();
});

test("another model in the sample's place is not kept as the sample", async () => {
  behave();
  server.aliases[SAMPLE] = "/stories.gguf";
  const { page, context } = await visit();
  await assertWell(page);
  await page.click("#load-sample");
  await until(page, () => document.querySelector("#progress").hidden);
  assert.match(await page.textContent("#model-status"), /1\.\d million/);
  assert.match(await page.textContent("#model-status"), /not kept: .*SHA-256/);
  assert.deepEqual(await keptModels(page), []);
  delete server.aliases[SAMPLE];
  await context.close();
});

test("an address that differs in its query alone takes the place of the one before", async () => {
  const { page, context } = await wellVisit();
  for (const query of ["?signed=1", "?signed=2", "", "?signed=1#there"]) {
    assert.match(await loadModel(page, MODEL + query), /million/);
    const expected = MODEL + query.split("#")[0];
    for (let wait = 0; !(await keptModels(page)).includes(expected); wait += 1) {
      assert.ok(wait < 200, `${expected} is not kept`);
      await page.waitForTimeout(50);
    }
    await oneKept(page);
    await reload(page);
    await assertWell(page);
    await oneKept(page);
  }
  misbehave(faults.silence, ["*"]);
  assert.match(await loadModel(page, `${MODEL}?signed=1`), /million/);
  await context.close();
});

test("a kept model whose bytes are gone is downloaded again, and kept the next time", async () => {
  const { page, context } = await wellVisit();
  await loadModel(page);
  await oneKept(page);
  await page.evaluate(changeModels, false);
  assert.match(await loadModel(page), /million.*not kept: a part of the stored model is gone/);
  assert.deepEqual(await keptModels(page), []);
  assert.match(await loadModel(page), /million/);
  await oneKept(page);
  await context.close();
});

test("a model that cannot tell what it is gives its memory back, and stays kept", async () => {
  const { page, context } = await wellVisit();
  await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const [info, free] = [WorkerGenerator.prototype.info, WorkerGenerator.prototype.free];
    globalThis.living = new Set();
    WorkerGenerator.prototype.info = async function () {
      globalThis.living.add(this);
      if (globalThis.broken) throw new Error("it cannot tell");
      return info.call(this);
    };
    WorkerGenerator.prototype.free = function () {
      globalThis.living.delete(this);
      return free.call(this);
    };
    globalThis.broken = true;
  });
  assert.equal(await loadModel(page), "It cannot tell.");
  assert.equal(await page.evaluate(() => globalThis.living.size), 0);
  assert.equal(await page.textContent("#model-status"), "No model is loaded.");
  await oneKept(page);
  misbehave(faults.silence, [MODEL]);
  await page.evaluate(() => (globalThis.broken = false));
  assert.match(await loadModel(page), /million/);
  assert.equal(await page.evaluate(() => globalThis.living.size), 1);
  await oneKept(page);
  await context.close();
});

test("what an older version kept unchecked is removed", async () => {
  const { page, context } = await wellVisit();
  await page.evaluate(async () => {
    await (await caches.open("nexttoken-models-1")).put("/models/old.gguf", new Response("<h1>Welcome!"));
    await (await caches.open("nexttoken-models-2")).put("/models/x.gguf?nexttoken-copy=1", new Response("half decided"));
  });
  await reload(page);
  await until(page, async () => !(await caches.has("nexttoken-models-1")) && !(await caches.has("nexttoken-models-2")));
  await context.close();
});

for (const kind of ["Generator", "WorkerGenerator"]) {
  test(`${kind}: a server that stalls is given up`, async () => {
    const { page, context } = await wellVisit();
    const attempt = (method, options) =>
      page.evaluate(
        async ({ kind, method, url, options }) => {
          const package_ = await import("/pkg/index.js");
          if (kind === "Generator") await package_.default();
          const begun = performance.now();
          const outcome = await package_[kind][method](url, options).then(() => "done", (error) => `${error.code}: ${error.message}`);
          return { outcome, took: performance.now() - begun };
        },
        { kind, method, url: server.origin + MODEL, options },
      );
    for (const fault of ["stall", "silence"]) {
      misbehave(faults[fault], [MODEL]);
      for (const method of fault === "stall" ? ["load"] : ["load", "inspect"]) {
        const { outcome, took } = await attempt(method, { timeout: 700 });
        assert.equal(outcome, "timeout: nothing came from the source for 700 ms", `${fault} ${method}`);
        assert.ok(took >= 690, `${took}`);
      }
    }
    behave();
    for (const timeout of [0, 10_000, 2 ** 31, 2 ** 32 - 1, undefined]) assert.equal((await attempt("load", { timeout })).outcome, "done");
    for (const timeout of [-1, 2 ** 32, 0.5, "1", NaN]) {
      assert.match((await attempt("load", { timeout })).outcome, /^invalid_option: .*"timeout"/, `${timeout}`);
    }
    await context.close();
  });
}
