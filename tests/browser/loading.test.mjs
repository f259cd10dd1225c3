// Loading a model on the page's thread and in a worker: every kind of source, and every way in which it can fail.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { faults, serve } from "./faulty-server.mjs";
import { open } from "./harness.mjs";

const server = await serve();
after(() => server.close());

/** In the page: the outcome of each source with either kind of generator. */
async function outcomes() {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  await init();
  const url = "/stories.gguf";
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  /** A stream in chunks of odd sizes, each a view of a larger buffer. `end` is called at its end. */
  const stream = (end = (controller) => controller.close(), length = bytes.length) => {
    let at = 0;
    return new ReadableStream({
      pull(controller) {
        if (at >= length) return end(controller);
        controller.enqueue(bytes.subarray(at, (at += 70_001)));
      },
    });
  };
  const locked = () => {
    const locked = stream();
    locked.getReader();
    return locked;
  };
  const sources = {
    address: () => url,
    url: () => new URL(url, location.href),
    request: () => new Request(url),
    response: () => fetch(url),
    stream: () => stream(),
    "response of a stream": () => new Response(stream(), { headers: { "content-length": bytes.length } }),
    "compressed response": () => new Response(stream(), { headers: { "content-length": 5, "content-encoding": "gzip" } }),
    blob: () => new Blob([bytes]),
    buffer: () => bytes.slice().buffer,
    bytes: () => bytes,
    parts: () => [new Blob([bytes])],

    "stream that breaks": () => stream((controller) => controller.error(new Error("the cable is out")), 500_000),
    "stream that breaks at once": () => stream((controller) => controller.error("no cable"), 0),
    "stream that ends early": () => stream(undefined, 500_000),
    "stream of text": () => stream((controller) => controller.enqueue("text"), 500_000),
    "stream of what cannot be posted": () => stream((controller) => controller.enqueue(() => {}), 500_000),
    "stream in use": locked,
    "response in use": async () => {
      const used = await fetch(url);
      used.body.getReader();
      return used;
    },
    "response that failed": () => fetch("/models/none.gguf"),
    "response without a body": () => new Response(null),
    "parts that are streams": () => [stream(), stream()],
    "parts that are responses": async () => [await fetch(url)],
    "no source": () => 5,
  };
  const found = {};
  for (const [name, make] of Object.entries(sources)) {
    found[name] = [];
    for (const kind of [Generator, WorkerGenerator]) {
      let last;
      const told = {};
      try {
        const generator = await kind.load(await make(), { onProgress: (progress) => (last = progress) });
        await generator.start("Once upon a time", { temperature: 0, max_tokens: 4 });
        told.text = "";
        for await (const token of generator) told.text += token.text;
        told.total = last.total;
        generator.free();
      } catch ({ code, message }) {
        told.error = `${code}: ${message}`;
      }
      if (name.includes("stream")) told.layers = await kind.inspect(await make()).then(({ layers }) => layers, ({ code }) => code);
      found[name].push(told);
    }
  }
  return found;
}

test("every source is loaded, or refused in the same words, on and off the page's thread", async () => {
  const { page, context, problems } = await open("/");
  const found = await page.evaluate(outcomes);
  for (const [name, [direct, worker]] of Object.entries(found)) {
    // Each browser has its own words for what cannot be posted.
    if (name === "stream of what cannot be posted") assert.match(worker.error, /^io: /);
    else assert.deepEqual(worker, direct, name);
  }
  const failing = Object.keys(found).indexOf("stream that breaks");
  const names = Object.keys(found);
  for (const name of names.slice(0, failing)) {
    const { text, total, layers = 4 } = found[name][0];
    assert.deepEqual([text, total, layers], [", there was a", 1_766_912, 4], name);
  }
  const errors = {
    "stream that breaks": /^io: .*the cable is out/,
    "stream that breaks at once": /^io: .*no cable/,
    "stream that ends early": /^truncated: /,
    "stream of text": /^io: .*no bytes/,
    "stream of what cannot be posted": /^io: /,
    "stream in use": /^io: .*read already/,
    "response in use": /^io: .*read already/,
    "response that failed": /^http: .*404/,
    "response without a body": /^io: .*no body/,
    "parts that are streams": /^invalid_option: .*"source".*once/,
    "parts that are responses": /^invalid_option: .*"source".*once/,
    "no source": /^invalid_option: /,
  };
  assert.deepEqual(Object.keys(errors), names.slice(failing));
  for (const [name, error] of Object.entries(errors)) assert.match(found[name][0].error, error, name);
  // The browser itself reports the 404; nothing else may have gone wrong.
  assert.deepEqual(problems.filter((problem) => !problem.includes("404")), []);
  await context.close();
});

/** In the page: loads that end before their stream does. */
async function abandoned() {
  const { WorkerGenerator } = await import("/pkg/index.js");
  const bytes = new Uint8Array(await (await fetch("/stories.gguf")).arrayBuffer());
  const seen = {};
  const attempt = async (name, call, chunk) => {
    let pulled = 0;
    let cancelled = false;
    const source = new ReadableStream({
      pull(controller) {
        pulled++;
        return chunk(controller, pulled);
      },
      cancel: () => void (cancelled = true),
    });
    const outcome = await call(source).then(() => "done", ({ code }) => code);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const before = pulled;
    await new Promise((resolve) => setTimeout(resolve, 300));
    seen[name] = { outcome, cancelled, still: pulled === before, pulled };
  };
  const aborted = (method) => (source) => {
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 500);
    return WorkerGenerator[method](source, { signal: abort.signal });
  };
  const never = () => new Promise(() => {});
  const piece = (number) => bytes.subarray(1000 * (number - 1), 1000 * number);
  await attempt("stalls", aborted("load"), (controller, pulled) => (pulled > 3 ? never() : controller.enqueue(piece(pulled))));
  await attempt("stalls at once", aborted("load"), never);
  await attempt("inspection stalls", aborted("inspect"), never);
  await attempt("no model", (source) => WorkerGenerator.load(source), (controller) => controller.enqueue(new Uint8Array(9000)));
  await attempt("header is enough", (source) => WorkerGenerator.inspect(source), (controller, pulled) =>
    controller.enqueue(pulled === 1 ? bytes.subarray(0, 1_000_000) : new Uint8Array(1000)));
  await attempt("no engine", (source) => WorkerGenerator.load(source, { wasm_url: "/none.wasm" }), (controller) => controller.enqueue(piece(1)));
  return seen;
}

test("a stream whose load ends is cancelled, and asked for no more", async () => {
  const { page, context, problems } = await open("/");
  const seen = await page.evaluate(abandoned);
  const expected = {
    stalls: "aborted",
    "stalls at once": "aborted",
    "inspection stalls": "aborted",
    "no model": "not_gguf",
    "header is enough": "done",
    "no engine": "wasm_unavailable",
  };
  assert.deepEqual(Object.keys(seen), Object.keys(expected));
  for (const [name, { outcome, cancelled, still, pulled }] of Object.entries(seen)) {
    assert.equal(outcome, expected[name], name);
    assert.ok(cancelled && still, `${name} is read on`);
    // The stream is read one chunk ahead of what is needed, or a few at most.
    assert.ok(pulled < 10, `${name}: ${pulled} chunks`);
  }
  assert.deepEqual(problems.filter((problem) => !problem.includes("404")), []);
  await context.close();
});

/** In the page: the requests that either kind of generator sends. */
async function requested({ url, silent }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  await init();
  document.cookie = "known=1";
  const kinds = ["Generator", "WorkerGenerator"];
  const outcome = (call) => call.then((made) => (made.free?.(), "done"), ({ code }) => code);
  const found = [];
  const asked = [
    {},
    { headers: { authorization: "Bearer me", "x-model": "small" } },
    { credentials: "omit" },
    { method: "POST", body: "which model?", headers: { "content-type": "text/x-question" } },
    { method: "POST", body: new Uint8Array([0, 255, 10]) },
    { integrity: "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
  ];
  for (const [index, kind] of [Generator, WorkerGenerator].entries()) {
    const address = (name) => `${url}?${kinds[index]} ${name}`;
    for (const [number, init] of asked.entries()) found.push([kinds[index], number, await outcome(kind.load(new Request(address(number), init)))]);
    found.push([kinds[index], "inspected", await outcome(kind.inspect(new Request(address("inspected"), asked[1])))]);
    found.push([kinds[index], "part", await outcome(kind.load([new Request(address("part"), asked[1])]))]);
    const used = new Request(url, asked[3]);
    await used.text();
    found.push([kinds[index], "used", await outcome(kind.load(used))]);
    const abort = new AbortController();
    found.push([kinds[index], "aborted", await outcome(kind.load(new Request(url, { signal: AbortSignal.abort() })))]);
    setTimeout(() => abort.abort(), 500);
    found.push([kinds[index], "aborted later", await outcome(kind.load(new Request(silent, { signal: abort.signal })))]);
  }
  return found;
}

test("a request is sent as it was made, on and off the page's thread", async () => {
  const seen = {};
  const [path, silent] = ["/stories.gguf", "/models/silent.gguf"];
  server.aliases[silent] = path;
  server.faults[silent] = faults.stall;
  server.faults[path] = async ({ status, headers, body }, response) => {
    const { url, method, headers: sent } = response.req;
    let text = "";
    for await (const chunk of response.req) text += chunk.toString("latin1");
    const about = { method, text, authorization: sent.authorization, model: sent["x-model"], cookie: sent.cookie, type: sent["content-type"] };
    seen[decodeURI(url.split("?")[1] ?? "page")] = about;
    response.writeHead(status, headers).end(body);
  };
  const { page, context } = await open(`${server.origin}/alice.txt`);
  const found = await page.evaluate(requested, { url: path, silent });
  const half = found.length / 2;
  const outcomes = ["done", "done", "done", "done", "done", "io", "done", "done", "io", "aborted", "aborted"];
  assert.deepEqual(found.slice(0, half).map(([, , outcome]) => outcome), outcomes);
  assert.deepEqual(found.slice(half).map(([, , outcome]) => outcome), outcomes);
  for (const kind of ["Generator", "WorkerGenerator"]) {
    const of = (name) => seen[`${kind} ${name}`];
    assert.deepEqual([of(0).method, of(0).cookie, of(0).authorization], ["GET", "known=1", undefined]);
    for (const name of [1, "inspected", "part"]) assert.deepEqual([of(name).authorization, of(name).model], ["Bearer me", "small"], `${kind} ${name}`);
    assert.equal(of(2).cookie, undefined);
    assert.deepEqual([of(3).method, of(3).text, of(3).type], ["POST", "which model?", "text/x-question"]);
    assert.equal(of(4).text, "\0\u00ff\n");
  }
  await context.close();
});

test("addresses are meant against the page's base, as the browser's own are, on and off its thread", async () => {
  const { page, context } = await open("/alice.txt");
  const found = await page.evaluate(async () => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    const { WorkerTrainer } = await import("/pkg/trainer.js");
    const base = document.createElement("base");
    base.href = "/none/";
    document.head.append(base);
    const message = (call) => call.then(() => "done", ({ message }) => message);
    const wasm_url = "engine.wasm";
    const messages = [await message(init({ wasm_url })), await message(WorkerGenerator.load("/stories.gguf", { wasm_url }))];
    messages.push(await message(WorkerTrainer.create("text", {}, { wasm_url })));
    await init();
    for (const kind of [Generator, WorkerGenerator]) messages.push(await message(kind.load("model.gguf")));
    base.href = "/";
    for (const kind of [Generator, WorkerGenerator]) messages.push(await message(kind.load("stories.gguf")));
    return messages;
  });
  for (const message of found.slice(0, 3)) assert.match(message, /\/none\/engine\.wasm/);
  for (const message of found.slice(3, 5)) assert.match(message, /404.*\/none\/model\.gguf/);
  assert.deepEqual(found.slice(5), ["done", "done"]);
  await context.close();
});

/** In the page: the number of listeners that a signal has after each way in which a load can end. */
async function listeners({ url, silent }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  await init();
  let added = 0;
  let here = 0;
  const { addEventListener, removeEventListener } = EventTarget.prototype;
  AbortSignal.prototype.addEventListener = function (...args) {
    added += 1;
    here += 1;
    return addEventListener.apply(this, args);
  };
  AbortSignal.prototype.removeEventListener = function (...args) {
    here -= 1;
    return removeEventListener.apply(this, args);
  };
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const wrong = new Blob(["no model at all, but long enough to be looked at"]);
  const sources = {
    address: () => url,
    request: (signal) => new Request(url, { signal }),
    response: () => fetch(url),
    blob: () => new Blob([bytes]),
    bytes: () => bytes,
    parts: () => [url],
    "not there": () => "/models/none.gguf",
    "no model": () => wrong,
    "no server": () => "http://127.0.0.1:1/",
    silent: () => silent,
  };
  const found = {};
  for (const kind of [Generator, WorkerGenerator]) {
    for (const method of ["load", "inspect"]) {
      for (const [name, source] of Object.entries(sources)) {
        for (const early of name === "silent" ? [false, true] : [false]) {
          const abort = new AbortController();
          const own = new AbortController();
          added = here = 0;
          if (early) setTimeout(() => abort.abort(), 200);
          const options = { signal: abort.signal, timeout: 400 };
          const outcome = await kind[method](await source(own.signal), options).then((made) => (made.free?.(), "done"), ({ code }) => code);
          found[`${kind === Generator ? "Generator" : "WorkerGenerator"} ${method} ${name}${early ? " aborted" : ""}`] = { outcome, added, here };
        }
      }
    }
  }
  return found;
}

test("a signal that lives on keeps nothing of a load that ended", async () => {
  server.faults = { "/models/silent.gguf": faults.silence };
  const { page, context } = await open(`${server.origin}/alice.txt`);
  const found = await page.evaluate(listeners, { url: "/stories.gguf", silent: "/models/silent.gguf" });
  const outcomes = { "not there": "http", "no model": "not_gguf", "no server": "io", silent: "timeout", "silent aborted": "aborted" };
  for (const [name, { outcome, added, here }] of Object.entries(found)) {
    const [, method, source] = /^\w+ (\w+) (.*)$/.exec(name);
    assert.equal(outcome, outcomes[source] ?? "done", name);
    assert.equal(here, 0, `${name} left ${here} of ${added}`);
    // Inspecting bytes in memory takes no time in which to abort.
    if (!name.startsWith("Generator") || (method === "load" && source !== "bytes")) assert.ok(added > 0, name);
  }
  await context.close();
});

test("a model is inspected on a server that compresses, or that knows no ranges", async () => {
  const path = "/stories.gguf";
  server.faults = {};
  const { page, context } = await open(`${server.origin}/alice.txt`);
  const inspected = (url) =>
    page.evaluate(async (url) => {
      const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
      await init();
      return Promise.all([Generator, WorkerGenerator].map((kind) => kind.inspect(url)));
    }, url);
  const [expected, same] = await inspected(path);
  assert.deepEqual(same, expected);
  assert.equal(expected.supported, true);
  for (const name of ["gzip", "gzipRanges", "gzipEach", "noRanges"]) {
    server.faults = { [path]: faults[name] };
    for (const found of await inspected(`${path}?${name}`)) assert.deepEqual(found, expected, name);
  }
  await context.close();
});
