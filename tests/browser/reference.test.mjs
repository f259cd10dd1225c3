// Compares the package in a real browser with outputs of llama.cpp, for every module, and every browser with Chromium,
// which runs first and keeps its outcomes.

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { browserName, lacks, modelUrl, open, origin, PLAIN, runsRelaxed } from "./harness.mjs";

const modules = {
  relaxed: { url: "/pkg/nexttoken_relaxed.wasm", backend: "relaxed-simd" },
  simd128: { url: "/pkg/nexttoken_simd128.wasm", backend: "simd128" },
  // Several threads run these; how many, changes in the course of a text.
  relaxed_threads: { url: "/pkg/nexttoken_relaxed_threads.wasm", backend: "relaxed-simd", skip: lacks("time") },
  simd128_threads: { url: "/pkg/nexttoken_simd128_threads.wasm", backend: "simd128", skip: lacks("time") },
};
const models = {
  "smollm2-135m-instruct-q4_1": { modelUrl, variants: Object.keys(modules) },
  // This model is twice as large, so only the shipped modules run it.
  "gemma-3-270m-q4_k_m": {
    modelUrl: `${origin}/models/gemma-3-270m-q4_k_m.gguf`,
    variants: ["relaxed", "simd128", "relaxed_threads"],
    skip: lacks("time"),
  },
};

for (const [name, { modelUrl, variants, skip }] of Object.entries(models)) {
  const reference = JSON.parse(readFileSync(new URL(`../data/reference/${name}.json`, import.meta.url)));
  const outcomes = [];

  for (const variant of variants) {
    const { url, backend, skip: moduleSkip } = modules[variant];
    const options = { timeout: 300_000, skip: skip || moduleSkip };
    test(`${name}: the ${variant} module agrees with the reference`, options, async (t) => {
      const { page, close } = await open("/");
      if (variant.startsWith("relaxed") && !(await runsRelaxed(page))) {
        await close();
        return t.skip(`${browserName} has no relaxed SIMD`);
      }
      const found = await page.evaluate(run, { reference, modelUrl, url });
      outcomes.push({ sample: found.sample, greedy: found.greedy, nll: found.score.nll });
      assert.equal(found.backend, backend);
      reference.tokenize.forEach(({ text, ids }, i) => assert.deepEqual(found.tokenized[i], ids, JSON.stringify(text)));
      reference.greedy.forEach((greedy, i) => checkGreedy(greedy, found.greedy[i]));
      assert.deepEqual(found.score.ids, reference.score.ids);
      reference.score.nll.forEach((theirs, i) => checkToken(found.score.nll[i], theirs));
      await close();
    });
  }

  test(`${name}: all modules in all browsers give the same tokens and scores, bit for bit`, { skip }, () => {
    const folder = new URL("../../target/outcomes/", import.meta.url);
    const file = new URL(`${name}.json`, folder);
    if (browserName === "chromium") {
      assert.equal(outcomes.length, variants.length);
      mkdirSync(folder, { recursive: true });
      writeFileSync(file, JSON.stringify(outcomes[0]));
    }
    assert.ok(outcomes.length > 0);
    const expected = JSON.parse(readFileSync(file));
    for (const outcome of outcomes) {
      assert.deepEqual(outcome, expected);
    }
  });
}

/** A step may differ only where the reference's two best candidates are nearly tied; after it the texts differ. */
function checkGreedy({ prompt, ids, top2 }, found) {
  const step = ids.findIndex((id, i) => id !== found[i]);
  if (step < 0) return;
  const ratio = top2[step][0] / top2[step][1];
  assert.ok(ratio < 1.15, `another token at step ${step} of ${JSON.stringify(prompt)}, ratio ${ratio}`);
}

/** Compares losses in nats. For the tolerance, and for the error of the reference itself, see tests/reference.rs. */
function checkToken(ours, theirs) {
  assert.ok(Math.abs(ours - theirs) < 0.3 + 0.02 * theirs, `${ours} nats where the reference has ${theirs}`);
}

test("leaving the loop stops the worker's computation", async () => {
  const { page, close } = await open(PLAIN);
  const counts = await page.evaluate(async (modelUrl) => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const generator = await WorkerGenerator.load(modelUrl);
    await generator.start("Once upon a time", { max_tokens: 500, temperature: 0 });
    let seen = 0;
    for await (const token of generator) if (token && ++seen === 5) break;
    const { text, finish_reason } = await generator.state();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const later = (await generator.state()).text;
    generator.free();
    const freed = await generator.info().catch((error) => error.code);
    return { seen, finish_reason, grown: later.length - text.length, freed };
  }, modelUrl);
  assert.deepEqual(counts, { seen: 5, finish_reason: "abort", grown: 0, freed: "freed" });
  await close();
});

/** In the page: the outcomes of the package. */
async function run({ reference, modelUrl, url }) {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init({ wasm_url: url });
  const generator = await Generator.load(modelUrl);
  const ids = (prompt, options) => {
    generator.start(prompt, options);
    return Array.from(generator, (token) => token.id);
  };
  const score = generator.score(reference.score.text);
  return {
    backend: generator.info().backend,
    tokenized: reference.tokenize.map(({ text, special }) => [...generator.tokenize(text, { special })]),
    greedy: reference.greedy.map((greedy) => ids(greedy.prompt, { temperature: 0, max_tokens: greedy.ids.length })),
    sample: ids("Once upon a time", { temperature: 0.8, seed: 42, max_tokens: 40 }),
    score: { ids: [...score.ids], nll: [...score.nll], mean_nll: score.mean_nll },
  };
}
