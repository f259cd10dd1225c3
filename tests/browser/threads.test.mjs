// Threads in the tab: the same text on any number of them, on the page's thread and in a worker.

import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";
import { can, lacks, open } from "./harness.mjs";

// Where they are lacking the engine has one thread, which the last test holds.
const skip = lacks("threads");

const arch = new URL("../data/arch/", import.meta.url);
const files = readdirSync(arch).filter((name) => name.endsWith(".gguf") && !name.includes("twin"));
/** Without those in floats that are here in `Q8_0` too; natively all of them are run (tests/threads.rs). */
const tiny = files.filter((name) => !(name.endsWith(".f32.gguf") && files.includes(name.replace(".f32.", ".q8_0."))));

/** In the page: what a generator with so many threads writes, and the bits of its last logits. */
async function write({ threads, worker, models }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  if (!worker) await init({ threads });
  const seen = { isolated: crossOriginIsolated };
  for (const [name, source] of models) {
    const bytes = typeof source === "string" && source.startsWith("/") ? source : Uint8Array.fromBase64?.(source) ?? decode(source);
    const generator = await (worker ? WorkerGenerator : Generator).load(bytes, { threads });
    seen.threads = (await generator.info()).threads;
    const texts = [];
    for (const temperature of [0, 1.5]) {
      await generator.start("the hen on the inn", { temperature, seed: 7, max_tokens: 6 });
      for await (const _ of generator);
      const logits = new Uint32Array((await generator.logits()).slice().buffer);
      texts.push([...(await generator.ids)].join(), logits.reduce((sum, bits) => (Math.imul(sum, 31) + bits) | 0, 0));
    }
    seen[name] = texts;
    generator.free();
  }
  return seen;

  function decode(text) {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  }
}

test("the same text, to the bit, on 1, 2, 3 and 8 threads", { skip }, async () => {
  const all = tiny.map((name) => [name, readFileSync(new URL(name, arch)).toString("base64")]);
  all.push(["stories", "/stories.gguf"]);
  let expected;
  // A worker's thread does what the page's does, and starts with each model all of its threads: a few are enough there.
  // Other browsers do what the first does.
  const few = all.slice(-2);
  for (const [worker, models] of [[false, can("time") ? all : few], [true, few]]) {
    for (const threads of [1, 2, 3, 8]) {
      const { page, close } = await open("/docs/");
      const { isolated, threads: used, ...texts } = await page.evaluate(write, { threads, worker, models });
      assert.ok(isolated);
      assert.equal(used, threads);
      expected ??= texts;
      for (const [name, text] of Object.entries(texts)) assert.deepEqual(text, expected[name], `${name}, ${threads} threads`);
      assert.equal(Object.keys(texts).length, models.length);
      await close();
    }
  }
});

test("threads are an option of `init` and of a load, and those that are no number are refused", { skip }, async () => {
  const { page, close } = await open("/docs/");
  const seen = await page.evaluate(async () => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    const outcome = (promise) => promise.then(async (generator) => (await generator.info()).threads, (error) => error.code);
    const seen = [];
    for (const Kind of [Generator, WorkerGenerator]) {
      for (const threads of [0, 65, 1.5, "2", null, NaN]) seen.push(await outcome(Kind.load("/stories.gguf", { threads })));
    }
    seen.push(await init({ threads: -1 }).catch((error) => error.code));
    await init({ threads: 3 });
    // Of those that were started as many as are asked for.
    for (const threads of [undefined, 1, 2, 3, 9]) seen.push(await outcome(Generator.load("/stories.gguf", { threads })));
    return seen;
  });
  assert.deepEqual(seen, [...Array(13).fill("invalid_option"), 3, 1, 2, 3, 3]);
  await close();
});

test("unasked there are as many threads as are fastest, at most one for each core", { skip }, async () => {
  const { page, close } = await open("/docs/");
  const { cores, threads } = await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const generator = await WorkerGenerator.load("/stories.gguf");
    const threads = [(await generator.info()).threads];
    // Enough tokens to choose the kernels, and then the number of threads.
    await generator.start("Once", { max_tokens: 60, temperature: 0 });
    for await (const _ of generator) threads.push((await generator.info()).threads);
    generator.free();
    return { cores: navigator.hardwareConcurrency, threads };
  });
  assert.equal(threads[0], Math.min(cores, 16));
  assert.ok(threads.every((count) => count >= 1 && count <= cores));
  await close();
});

test("a trap in a thread stops the engine, and another worker is as good as new", { skip }, async () => {
  const { page, close } = await open("/docs/");
  const seen = await page.evaluate(async () => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    await init({ threads: 2 });
    const generator = await Generator.load("/stories.gguf");
    const { thread_failed } = await import("/pkg/nexttoken.js");
    // What the worker of a thread calls after a trap in the midst of a piece.
    thread_failed();
    const code = async (call) => {
      try {
        await call();
        return "nothing";
      } catch (error) {
        return error.code;
      }
    };
    const text = () => {
      generator.start("Once upon a time there was", { max_tokens: 200 });
      return Array.from(generator);
    };
    const codes = [await code(text), await code(text)];
    const other = await WorkerGenerator.load("/stories.gguf", { threads: 2 });
    await other.start("Once", { max_tokens: 3 });
    codes.push(await code(() => other.next_token()));
    other.free();
    return codes;
  });
  assert.deepEqual(seen, ["crashed", "crashed", "nothing"]);
  await close();
});

test("threads that sleep keep no service worker from taking over", { skip }, async () => {
  const { page, close } = await open("/docs/", { serviceWorkers: "allow" });
  const seen = await page.evaluate(async () => {
    const { default: init } = await import("/pkg/index.js");
    await init({ threads: 3 });
    const { serviceWorker: workers } = navigator;
    await Promise.all([
      new Promise((resolve) => workers.addEventListener("controllerchange", resolve, { once: true })),
      workers.register("/sw.js"),
    ]);
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, "no answer"));
    return Promise.race([fetch("/stories.gguf").then(({ ok }) => ok), late]);
  });
  assert.equal(seen, true);
  await close();
});

test("who asks for threads where none can be had gets one", async () => {
  const { page, close } = await open("/docs/");
  const seen = await page.evaluate(async () => {
    // As in a frame of another page, where memory cannot be shared.
    Object.defineProperty(globalThis, "crossOriginIsolated", { value: false });
    const { Generator } = await import("/pkg/index.js");
    const generator = await Generator.load("/stories.gguf", { threads: 4 });
    return generator.info().threads;
  });
  assert.equal(seen, 1);
  await close();
});
