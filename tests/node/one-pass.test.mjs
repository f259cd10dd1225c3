// What one pass over a text gives without generating any, on the main thread and in a worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Generator, WorkerGenerator } from "../../pkg/index.js";

const MODEL = new URL("../../www/stories.gguf", import.meta.url);
const code = (/** @type {() => unknown} */ call) => (async () => call())().then(() => "none", (error) => error.code);

for (const kind of [Generator, WorkerGenerator]) {
  test(`embeddings: ${kind.name}`, async () => {
    const generator = await kind.load(MODEL);
    const { hidden_size } = await generator.info();
    const texts = ["A fox lived in the wood.", "The rabbit was happy."];
    const vectors = await generator.embed(texts);
    assert.equal(vectors.length, 2);
    for (const vector of vectors) {
      assert.ok(vector instanceof Float32Array && vector.length === hidden_size);
      assert.ok(Math.abs(vector.reduce((sum, x) => sum + x * x, 0) - 1) < 1e-5);
    }
    assert.deepEqual(await generator.embed(texts[1]), [vectors[1]]);
    const [mean] = await generator.embed(texts[0], { pooling: "mean", normalize: false });
    assert.notDeepEqual(mean, vectors[0]);

    const embedder = await generator.embedder(texts);
    const steps = [];
    let progress;
    do steps.push((progress = await embedder.step()).done);
    while (progress.done < progress.total);
    assert.equal(steps.length, 2);
    assert.deepEqual(await embedder.finish(), vectors);
    assert.equal(await code(() => embedder.step()), "freed");

    assert.deepEqual(await generator.embed([]), []);
    assert.equal(await code(() => generator.embed(texts, { pooling: "rank" })), "invalid_option");
    assert.equal(await code(() => generator.embed(5)), "invalid_option");
    assert.equal(await code(() => generator.embed(texts, { size: 5 })), "unknown_option");
    generator.free();
  });

  test(`decisions: ${kind.name}`, async () => {
    const generator = await kind.load(MODEL);
    const [prompt, choices] = ["Once upon a ", ["time", "spreadsheet"]];
    await generator.start("Once upon a time", { temperature: 0, max_tokens: 5 });
    const decision = await generator.decide(prompt, { choices });
    assert.equal(decision.best, "time");
    assert.deepEqual(decision.choices.map(({ text }) => text), choices);
    assert.ok(decision.choices[0].probability > 0.9);
    assert.ok(Math.abs(decision.choices[0].probability + decision.choices[1].probability - 1) < 1e-9);
    assert.equal("expected" in decision, false);
    const { ids, logprob } = decision.choices[1];
    const score = await generator.score("Once upon a spreadsheet");
    const nll = score.nll.slice(-ids.length).reduce((sum, nll) => sum + nll, 0);
    assert.ok(Math.abs(nll + logprob) < 1e-4, `${nll} ${logprob}`);
    assert.deepEqual(await (await generator.decider(prompt, { choices })).finish(), decision);
    // The text in progress goes on as if nothing had been.
    assert.ok((await generator.next_token()).text);

    const yes = await generator.decide("Is it?");
    assert.deepEqual(yes.choices.map(({ text }) => text), ["yes", "no"]);
    const numbers = await generator.decide("He had", { choices: ["1", "2", "3"] });
    const expected = numbers.choices.reduce((sum, { text, probability }) => sum + Number(text) * probability, 0);
    assert.ok(Math.abs(numbers.expected - expected) < 1e-9);
    assert.equal(await code(() => generator.decide(prompt, { choices: ["one"] })), "invalid_option");
    assert.equal(await code(() => generator.decide(prompt, { choices: 5 })), "invalid_option");
    assert.equal(await code(() => generator.decide(prompt, { answers: choices })), "unknown_option");
    generator.free();
  });

  test(`rankings: ${kind.name}`, async () => {
    const generator = await kind.load(MODEL);
    const documents = ["a fox", "a rabbit", "a ball"];
    const template = "{query} {document}? {instruction}";
    const ranking = await generator.rerank("What runs?", documents, { template, instruction: "Say" });
    assert.deepEqual(ranking.map(({ index }) => index).sort(), [0, 1, 2]);
    for (const { index, score } of ranking) {
      const { choices } = await generator.decide(`What runs? ${documents[index]}? Say`);
      assert.equal(score, choices[0].probability);
    }
    assert.ok(ranking[0].score >= ranking[1].score && ranking[1].score >= ranking[2].score);
    const reranker = await generator.reranker("What runs?", documents, { template, instruction: "Say" });
    assert.deepEqual(await reranker.finish(), ranking);
    assert.equal((await generator.rerank("What runs?", documents)).length, 3);
    assert.equal(await code(() => generator.rerank("x", documents, { template: "{query}" })), "invalid_option");
    generator.free();
  });
}
