// The trainer as it is served: a module of its own, on the page's thread and in a worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lacks, open, PLAIN } from "./harness.mjs";

const text = `The owl saw the fox run to the river. "Hello," said the fox, and they played until night. `.repeat(40);
const config = { preset: "tiny", context_length: 32, steps: 60, learning_rate: 0.01, warmup_steps: 5, seed: 1 };

test("a page that does not train does not load the trainer", async () => {
  const { page, close } = await open("/");
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  assert.deepEqual(loaded.filter((name) => name.includes("trainer")), []);
  await close();
});

test("a model trained in a worker writes in the generator", async () => {
  const { page, close } = await open(PLAIN);
  const result = await page.evaluate(async ({ text, config }) => {
    const { WorkerTrainer } = await import("/pkg/trainer.js");
    const { default: init, Generator } = await import("/pkg/index.js");
    const trainer = await WorkerTrainer.create(text, config);
    const losses = [];
    for (let i = 0; i < 60; i++) losses.push((await trainer.step()).loss);
    const info = await trainer.info();
    const validation = await trainer.validate();
    const greedy = { temperature: 0, max_tokens: 12 };
    const sample = await trainer.sample("The owl", greedy);
    const file = await trainer.to_gguf("f32");
    const saved = await trainer.checkpoint();
    const again = await WorkerTrainer.resume(text, saved);
    const resumed = await again.info();
    const refused = await WorkerTrainer.create("", config).catch(({ code }) => code);
    trainer.free();
    const freed = await trainer.step().catch(({ code }) => code);
    again.free();
    await init();
    const generator = await Generator.load(file);
    generator.start("The owl", greedy);
    while (generator.next_token());
    return { losses, info, validation, sample, written: generator.text, resumed, refused, freed };
  }, { text, config });
  assert.ok(result.losses.at(-1) < result.losses[0] / 3, String(result.losses));
  assert.ok(result.validation.loss < result.info.unigram_loss, JSON.stringify(result));
  assert.equal(result.sample, result.written);
  assert.match(result.sample, /saw the fox/);
  assert.equal(result.resumed.step, 60);
  assert.equal(result.refused, "corpus_too_small");
  assert.equal(result.freed, "freed");
  await close();
});

test("the page's thread can train too", async () => {
  const { page, close } = await open(PLAIN);
  const step = await page.evaluate(async ({ text, config }) => {
    const { default: init, Trainer } = await import("/pkg/trainer.js");
    await init();
    const trainer = new Trainer(text, config);
    const step = trainer.step();
    trainer.free();
    return step;
  }, { text, config });
  assert.equal(step.step, 1);
  assert.ok(step.loss > 3 && step.tokens === 8 * 32, JSON.stringify(step));
  await close();
});

/** In the page: the threads of a trainer, and its state after two steps as text. */
async function train({ text, config, threads, worker }) {
  const { default: init, Trainer, WorkerTrainer } = await import("/pkg/trainer.js");
  if (!worker) await init({ threads });
  const trainer = worker ? await WorkerTrainer.create(text, config, { threads }) : new Trainer(text, config);
  for (let step = 0; step < 2; step += 1) await trainer.step();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await trainer.checkpoint()));
  const { threads: used } = await trainer.info();
  trainer.free();
  return { used, state: hash.join() };
}

test("the same weights, to the bit, on any number of threads", { skip: lacks("threads") }, async () => {
  // A batch of four parts, of which each thread has some.
  const parts = { preset: "tiny", context_length: 128, batch_size: 8, seed: 3 };
  const states = new Set();
  for (const [threads, expected] of [[1, 1], [2, 2], [3, 3], [9, 4]]) {
    for (const worker of [true, false]) {
      const { page, close } = await open("/docs/");
      const { used, state } = await page.evaluate(train, { text, config: parts, threads, worker });
      assert.equal(used, expected);
      states.add(state);
      await close();
    }
  }
  assert.equal(states.size, 1);
});

test("threads that are no number are refused, and unasked there is one for each core", { skip: lacks("threads") }, async () => {
  const { page, close } = await open("/docs/");
  const { codes, threads, cores } = await page.evaluate(async (text) => {
    const { default: init, WorkerTrainer } = await import("/pkg/trainer.js");
    const begin = (threads) => WorkerTrainer.create(text, { preset: "tiny", batch_size: 64, context_length: 256 }, { threads });
    const code = (promise) => promise.then(() => "none", (error) => error.code);
    const codes = [await code(begin(0)), await code(begin("2")), await code(init({ threads: 65 }))];
    const trainer = await begin();
    const { threads } = await trainer.info();
    trainer.free();
    return { codes, threads, cores: navigator.hardwareConcurrency };
  }, text);
  assert.deepEqual(codes, Array(3).fill("invalid_option"));
  assert.equal(threads, Math.min(cores, 16));
  await close();
});
