// The page with a server that misbehaves. One rule: whatever has happened, it works again after a reload.

import assert from "node:assert/strict";
import { after, test as anywhere } from "node:test";
import { build, faults, serve } from "./faulty-server.mjs";
import { lacks, open, runsRelaxed } from "./harness.mjs";

const test = (name, body) => anywhere(name, { skip: lacks("cdp") }, body);

const server = await serve();
after(() => server.close());

/** The model of stories, under a name that is not one of the page's own files. */
const MODEL = "/models/story.gguf";
server.aliases[MODEL] = "/stories.gguf";
const SAMPLE = "/models/SmolLM2-135M-Instruct.Q4_1.gguf";
/** The files of the engine, of which the browser picks one. */
const ENGINES = ["/pkg/nexttoken_relaxed.wasm", "/pkg/nexttoken_simd128.wasm"];

/** Makes the server misbehave at these paths, and only there. */
function misbehave(fault, paths) {
  server.faults = Object.fromEntries(paths.map((path) => [path, fault]));
}
const behave = () => misbehave(undefined, []);

/** Opens the page from the misbehaving server, which may fail. */
async function visit() {
  const { page, context } = await open("about:blank");
  await page.goto(`${server.origin}/`, { waitUntil: "load" }).catch(() => {});
  return { page, context };
}

const reload = (page) => page.goto(`${server.origin}/`, { waitUntil: "load" });

/** Waits until a condition holds in the page. */
const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: 30_000 });

/** Checks that the page works: the model of stories is loaded and generates a text. */
async function assertWell(page) {
  await until(page, () => /million/.test(document.querySelector("#model-status")?.textContent) && !document.querySelector("#write").disabled);
  await page.fill("#max_tokens", "3");
  await page.click("#write");
  await until(page, () => document.querySelectorAll("#text .token").length >= 3 && document.querySelector("#stop").disabled);
}

/** A visit of the page while nothing is wrong with the server. */
async function wellVisit() {
  behave();
  const visited = await visit();
  await assertWell(visited.page);
  return visited;
}

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

const active = (page) => until(page, () => navigator.serviceWorker.ready.then((ready) => ready.active.state === "activated"));

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

/** The addresses of the models that are kept. */
const keptModels = (page) =>
  page.evaluate(async () => {
    const { store } = await import("/pkg/store.js");
    return (await store.list()).filter(({ kept }) => kept).map(({ url }) => new URL(url).pathname + new URL(url).search);
  });

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

// --- models ---

/** Loads the model by its address. Resolves to what the page then says. */
async function loadModel(page, path = MODEL) {
  await until(page, () => !document.querySelector("#load-url").disabled);
  await page.fill("#url", server.origin + path);
  await page.click("#load-url");
  await until(page, () => document.querySelector("#progress").hidden);
  const error = await page.textContent("#error");
  return error || (await page.textContent("#model-status"));
}

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
  const { page, context } = await open("about:blank");
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
