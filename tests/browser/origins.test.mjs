// The package from another origin, as from a CDN, and on pages with a strict policy.

import assert from "node:assert/strict";
import http from "node:http";
import { after, test } from "node:test";
import { browserName, lacks, open, origin } from "./harness.mjs";

const TYPES = { js: "text/javascript", wasm: "application/wasm" };
const known = new Map();

/** A file of the served site. */
async function site(path) {
  if (!known.has(path)) known.set(path, Buffer.from(await (await fetch(origin + path)).arrayBuffer()));
  return known.get(path);
}

/** Starts a server with the package, open to every origin, and a page of its own with the given policy. */
async function serve() {
  const server = { policy: "" };
  const listener = http.createServer(async (request, response) => {
    const path = request.url.split("?")[0];
    if (path === "/page") {
      const policy = server.policy ? { "content-security-policy": server.policy } : {};
      return response.writeHead(200, { "content-type": "text/html", ...policy }).end("<!doctype html><title>page</title>");
    }
    const type = TYPES[path.split(".").at(-1)] ?? "application/octet-stream";
    const file = await site(path);
    response.writeHead(200, { "content-type": type, "access-control-allow-origin": "*" }).end(file);
  });
  await new Promise((resolve) => listener.listen(0, "127.0.0.1", resolve));
  server.origin = `http://127.0.0.1:${listener.address().port}`;
  server.close = () => (listener.closeAllConnections(), listener.close());
  return server;
}

const [page, cdn] = await Promise.all([serve(), serve()]);
after(() => [page, cdn].forEach((server) => server.close()));

/** In the page: what both kinds of generator write by the package at `base`, with all modules, and a step of training. */
async function everything({ base, model }) {
  const { Generator, WorkerGenerator } = await import(`${base}/pkg/index.js`);
  const { WorkerTrainer } = await import(`${base}/pkg/trainer.js`);
  const chat_template = "{{ messages[0].content }}";
  const greedy = { temperature: 0, max_tokens: 4 };
  const found = [];
  for (const Kind of [Generator, WorkerGenerator]) {
    const generator = await Kind.load(model);
    await generator.chat([{ role: "user", content: "Once upon a time" }], { chat_template, ...greedy });
    for await (const _ of generator);
    found.push(await generator.text);
    await generator.start("Once upon a time", { regex: "[A-Z]+", ...greedy });
    for await (const _ of generator);
    found.push(/^[A-Z]+$/.test(await generator.text));
    generator.free();
  }
  const trainer = await WorkerTrainer.create("once upon a time ".repeat(200), { preset: "small" });
  found.push((await trainer.step()).loss > 0);
  trainer.free();
  return found;
}

const RIGHT = [", there was a", true, ", there was a", true, true];

/** Opens a page with a policy, and has everything done there by the package of a server. */
async function visit(policy, { origin: base }) {
  page.policy = policy;
  const opened = await open(`${page.origin}/page`);
  try {
    return await opened.page.evaluate(everything, { base, model: `${base}/stories.gguf` });
  } finally {
    await opened.context.close();
    // What went wrong in the page shows in what it did.
  }
}

test("the package from another origin does everything, on both threads", async () => {
  assert.deepEqual(await visit("", cdn), RIGHT);
});

const CDN_POLICY = `default-src 'none'; script-src 'unsafe-eval' ${cdn.origin}; connect-src ${cdn.origin}; worker-src ${cdn.origin}`;

test("from another origin, workers need `worker-src blob:` and that origin", { skip: lacks("cdp") }, async () => {
  assert.deepEqual(await visit(`${CDN_POLICY} blob:`, cdn), RIGHT);
  await assert.rejects(visit(CDN_POLICY, cdn), /stopped|worker|Content Security Policy/i);
});

test("under Trusted Types the policy `nexttoken` is enough", { skip: browserName !== "chromium" && "Chromium's" }, async () => {
  const strict = "default-src 'self'; script-src 'self' 'unsafe-eval'; require-trusted-types-for 'script'; trusted-types";
  assert.deepEqual(await visit(`${strict} nexttoken`, page), RIGHT);
  const both = `${CDN_POLICY} blob:; require-trusted-types-for 'script'; trusted-types nexttoken`;
  assert.deepEqual(await visit(both, cdn), RIGHT);
  await assert.rejects(visit(`${strict} other`, page), /TrustedScriptURL/);
});
