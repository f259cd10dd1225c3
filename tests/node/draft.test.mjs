// Draft models in the package, on the main thread and in a worker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { catalogue } from "../../pkg/catalogue.js";
import { Generator, WorkerGenerator } from "../../pkg/index.js";

const data = (/** @type {string} */ name) => new URL(`../data/arch/${name}.gguf`, import.meta.url);
const STORIES = new URL("../../www/stories.gguf", import.meta.url);
const DRAFT = new Uint8Array(readFileSync(data("llama.q8_0")));
const code = (/** @type {() => unknown} */ call) => (async () => call())().then(() => "none", (error) => error.code);

/** Bytes that come one by one, and stop after `count`. */
const slow = (count = Infinity) => {
  let sent = 0;
  return new ReadableStream({
    pull: (controller) => {
      if (sent < count) controller.enqueue(DRAFT.subarray(sent, (sent += 1000)));
      if (sent >= DRAFT.length) controller.close();
    },
  });
};

test("a draft model is loaded by a name of the catalogue", async (context) => {
  const { url } = catalogue.find(({ name }) => name === "smollm2-135m");
  const asked = [];
  context.mock.method(globalThis, "fetch", async (/** @type {unknown} */ address) => {
    asked.push(String(address));
    return new Response(DRAFT);
  });
  const generator = await Generator.load(readFileSync(data("llama.f32")));
  await generator.load_draft("smollm2-135m");
  assert.deepEqual(asked, [url]);
  assert.equal(await generator.remove_draft(), true);
  generator.free();
});

for (const kind of [Generator, WorkerGenerator]) {
  test(`a draft model changes no text: ${kind.name}`, async () => {
    const generator = await kind.load(data("llama.f32"));
    const text = async (temperature = 0, speculation = true) => {
      await generator.reset();
      await generator.start("what next", { temperature, seed: 3, max_tokens: 60, speculation });
      while (await generator.next_token());
      return [...(await generator.ids)].join();
    };
    const plain = [await text(0, false), await text(1.5, false)];
    const progress = [];
    const onProgress = (/** @type {unknown} */ event) => progress.push(event);
    assert.equal(await generator.load_draft(slow(), { onProgress }), undefined);
    assert.deepEqual(progress.at(-1), { loaded: DRAFT.length, total: DRAFT.length });
    assert.deepEqual([await text(0), await text(1.5)], plain);
    // A text goes on while another one is read, and a fork has it too.
    await generator.start("what next", { temperature: 1.5, seed: 3, max_tokens: 60 });
    await generator.next_token();
    const reading = generator.load_draft(data("llama.q8_0"));
    await generator.next_token();
    await reading;
    const fork = await generator.fork();
    for (const one of [generator, fork]) {
      while (await one.next_token());
      assert.equal([...(await one.ids)].join(), plain[1]);
      assert.equal(await one.remove_draft(), true);
      assert.equal(await one.remove_draft(), false);
    }
    fork.free();
    assert.deepEqual([await text(0), await text(1.5)], plain);
    generator.free();
  });

  test(`what cannot be loaded leaves the draft model as it was: ${kind.name}`, async () => {
    const generator = await kind.load(data("llama.f32"));
    await generator.load_draft(DRAFT);
    const load = (/** @type {unknown} */ source, /** @type {any} */ options) =>
      code(() => generator.load_draft(/** @type {any} */ (source), options));
    assert.equal(await load(STORIES), "invalid_option");
    assert.equal(await load(DRAFT.subarray(0, 5000)), "truncated");
    assert.equal(await load(new Blob(["no model"])), "not_gguf");
    assert.equal(await load(DRAFT, { cache_type: "q8" }), "unknown_option");
    assert.equal(await load(7), "invalid_option");
    assert.equal(await load(DRAFT, { signal: AbortSignal.abort() }), "aborted");
    const controller = new AbortController();
    const loading = load(slow(3000), { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    assert.equal(await loading, "aborted");
    assert.equal(await load(slow(3000), { timeout: 100 }), "timeout");
    assert.equal(await generator.remove_draft(), true);
    generator.free();
    assert.equal(await load(DRAFT), "freed");
  });
}
