// LoRA adapters in the package, on the main thread and in a worker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Generator, WorkerGenerator } from "../../pkg/index.js";

const data = (/** @type {string} */ name) => new URL(`../data/${name}.gguf`, import.meta.url);
const ADAPTER = new Uint8Array(readFileSync(data("lora/llama-all")));
const code = (/** @type {() => unknown} */ call) => (async () => call())().then(() => "none", (error) => error.code);

/** Bytes that come one by one, and stop after `count`. */
const slow = (count = Infinity) => {
  let sent = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (sent < count) controller.enqueue(ADAPTER.subarray(sent, (sent += 1000)));
      if (sent >= ADAPTER.length) controller.close();
    },
  });
};

for (const kind of [Generator, WorkerGenerator]) {
  test(`texts choose their adapters: ${kind.name}`, async () => {
    const generator = await kind.load(data("arch/llama.f32"));
    const text = async (options = {}) => {
      await generator.start("what next", { temperature: 0, max_tokens: 12, ...options });
      while (await generator.next_token());
      return [...(await generator.ids)].join();
    };
    const plain = await text();
    assert.equal(await code(() => text({ adapters: { all: 1 } })), "invalid_option");
    const progress = [];
    const onProgress = (/** @type {unknown} */ event) => progress.push(event);
    assert.equal(await generator.load_adapter(slow(), { name: "all", onProgress }), undefined);
    assert.deepEqual(progress.at(-1), { loaded: ADAPTER.length, total: ADAPTER.length });
    await generator.load_adapter(data("lora/llama-some"), { name: "some" });
    const all = await text({ adapters: { all: 1 } });
    const both = await text({ adapters: { all: 1, some: 0.7 } });
    assert.equal(new Set([plain, all, both]).size, 3);
    assert.equal(await text({ adapters: { all: 0, some: null } }), plain);
    // A text goes on while an adapter is read, and keeps its own.
    await generator.start("what next", { temperature: 0, max_tokens: 12, adapters: { all: 1 } });
    await generator.next_token();
    const reading = generator.load_adapter(ADAPTER, { name: "again" });
    await generator.next_token();
    await reading;
    assert.equal(await generator.remove_adapter("all"), true);
    assert.equal(await generator.remove_adapter("all"), false);
    assert.equal(await code(() => generator.configure({ adapters: {} })), "invalid_option");
    assert.equal(await code(() => generator.snapshot()), "invalid_option");
    const fork = await generator.fork();
    for (const one of [generator, fork]) {
      while (await one.next_token());
      assert.equal([...(await one.ids)].join(), all);
    }
    fork.free();
    assert.equal(await text({ adapters: { again: 1 } }), all);
    assert.equal(await text(), plain);
    generator.free();
  });

  test(`what cannot be loaded changes nothing: ${kind.name}`, async () => {
    const generator = await kind.load(data("arch/llama.f32"));
    const load = (/** @type {unknown} */ source, /** @type {any} */ options) =>
      code(() => generator.load_adapter(/** @type {any} */ (source), options));
    assert.equal(await load(data("arch/llama.f32"), { name: "x" }), "missing_metadata");
    assert.equal(await load(data("lora/phi3"), { name: "x" }), "bad_metadata");
    assert.equal(await load(ADAPTER.subarray(0, 5000), { name: "x" }), "truncated");
    assert.equal(await load(ADAPTER, undefined), "invalid_option");
    assert.equal(await load(ADAPTER, { name: 7 }), "invalid_option");
    assert.equal(await load(ADAPTER, { name: "x", cache_type: "q8" }), "unknown_option");
    assert.equal(await load(7, { name: "x" }), "invalid_option");
    const aborted = AbortSignal.abort();
    assert.equal(await load(ADAPTER, { name: "x", signal: aborted }), "aborted");
    const controller = new AbortController();
    const loading = load(slow(3000), { name: "x", signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    assert.equal(await loading, "aborted");
    assert.equal(await load(slow(3000), { name: "x", timeout: 100 }), "timeout");
    assert.equal(await generator.remove_adapter("x"), false);
    for (const bad of [7, "x", [["x", 1]], { x: "1" }, { x: NaN }]) {
      const start = () => generator.start("what next", { adapters: /** @type {any} */ (bad) });
      assert.equal(await code(start), "invalid_option");
    }
    generator.free();
  });
}
