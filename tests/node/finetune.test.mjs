// Fine-tuning in the package, on the main thread and in a worker.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Generator } from "../../pkg/index.js";
import { Finetuner, WorkerFinetuner, readConversations } from "../../pkg/trainer.js";

const data = (/** @type {string} */ name) => new URL(`../data/${name}`, import.meta.url);
const { model, config, text, conversations, losses } = JSON.parse(readFileSync(data("finetune/module.json"), "utf8"));
const MODEL = data(model);
const EXAMPLES = { text, conversations };
const code = (/** @type {() => unknown} */ call) => (async () => call())().then(() => "none", (error) => error.code);

/**
 * Takes all steps.
 *
 * @param {any} tuner
 */
async function tuned(tuner) {
  const { base_loss } = await tuner.info();
  const steps = [];
  while (!steps.at(-1)?.complete) steps.push(await tuner.step());
  const best = await tuner.best();
  const adapter = await tuner.to_gguf();
  tuner.free();
  return { steps, best, adapter, losses: [base_loss, ...steps.map(({ loss }) => loss), best.loss] };
}

for (const [name, examples] of Object.entries(EXAMPLES)) {
  test(`the losses are the native ones, and the adapter is the same on any number of threads: ${name}`, async () => {
    const adapters = [];
    for (const load of [
      () => Finetuner.load(MODEL, examples, config),
      ...[1, 2, 3].map((threads) => () => WorkerFinetuner.load(MODEL, examples, config, { threads })),
    ]) {
      const found = await tuned(await load());
      assert.equal(found.losses.length, losses[name].length);
      found.losses.forEach((loss, index) => assert.ok(Math.abs(loss - losses[name][index]) < 1e-5, `${index}: ${loss}`));
      adapters.push(Buffer.from(found.adapter));
    }
    for (const adapter of adapters.slice(1)) assert.ok(adapter.equals(adapters[0]));
  });
}

test("the adapter does what was learnt, and switched off it changes nothing", async () => {
  const many = { ...config, steps: 60 };
  const learnt = await tuned(await WorkerFinetuner.load(new Blob([readFileSync(MODEL)]), conversations, many));
  // The best of what was looked at is what is kept.
  const looks = learnt.steps.flatMap(({ step, validation }) => (validation ? [{ step, loss: validation.loss }] : []));
  assert.equal(looks.length, 10);
  const lowest = looks.reduce((best, look) => (look.loss < best.loss ? look : best));
  assert.deepEqual(learnt.best, lowest);
  assert.ok(learnt.best.loss < 0.3 * learnt.losses[0], JSON.stringify(learnt.best));

  const generator = await Generator.load(MODEL);
  const ask = async (/** @type {Record<string, number> | undefined} */ adapters) => {
    await generator.chat([{ role: "user", content: "the" }], { temperature: 0, max_tokens: 24, adapters });
    generator.peek();
    const logits = generator.logits()?.slice();
    while (generator.next_token());
    return { logits, text: generator.text };
  };
  const base = await ask();
  await generator.load_adapter(learnt.adapter, { name: "pirate" });
  assert.deepEqual(await ask({ pirate: 0 }), base);
  const pirate = await ask({ pirate: 1 });
  assert.notDeepEqual(pirate.logits, base.logits);
  assert.match(pirate.text, /Aye!$/);
  assert.doesNotMatch(base.text, /Aye!/);
  assert.deepEqual(await ask(), base);
  generator.free();
});

test("what it tells of itself", async () => {
  for (const Kind of [Finetuner, WorkerFinetuner]) {
    const tuner = await Kind.load(MODEL, text, config);
    const info = await tuner.info();
    const { threads, ...rest } = info;
    assert.ok(threads >= 1);
    assert.deepEqual(
      { ...rest, base_loss: 0, parameters: 0, training_tokens: 0, held_out_tokens: 0 },
      {
        parameters: 0,
        step: 0,
        steps: 6,
        complete: false,
        learning_rate: Math.fround(0.01),
        weight_decay: 0,
        training_sequences: 19,
        held_out_sequences: 1,
        training_tokens: 0,
        held_out_tokens: 0,
        base_loss: 0,
      },
    );
    assert.ok(info.training_tokens > 18 * info.held_out_tokens && info.parameters > 1000);
    const { step, tokens, validation } = await tuner.step();
    assert.ok(step === 1 && tokens > 100 && validation.tokens === info.held_out_tokens);
    assert.deepEqual(await tuner.validate(), validation);
    assert.equal((await tuner.info()).step, 1);
    tuner.free();
    assert.equal(await code(() => tuner.step()), "freed");
  }
});

for (const Kind of [Finetuner, WorkerFinetuner]) {
  const load = (/** @type {any[]} */ ...args) => code(() => Kind.load(.../** @type {[any, any]} */ (args)));

  test(`what cannot be learnt is an error with a code: ${Kind.name}`, async () => {
    const silent = [{ messages: [{ role: "user", content: "a" }] }];
    const [one] = conversations;
    const named = { messages: [{ role: "user", content: "a", name: "b" }, ...one.messages.slice(1)] };
    for (const [expected, examples, options] of [
      ["corpus_too_small", ""],
      ["invalid_option", []],
      ["invalid_option", [one]],
      ["invalid_option", [one, silent[0]]],
      ["invalid_option", [one, named]],
      ["invalid_option", undefined],
      ["invalid_option", [one, { messages: "a" }]],
      ["prompt_too_long", conversations, { context_length: 8 }],
      ["invalid_option", text, { context_length: 1 }],
      ["invalid_option", text, { rank: 0 }],
      ["invalid_option", text, { targets: ["head"] }],
      ["invalid_option", text, { learning_rate: "1" }],
      ["invalid_option", text, { seed: -1 }],
      ["unknown_option", text, { typo: 1 }],
      ["invalid_option", text, 5],
    ]) {
      assert.equal(await load(MODEL, examples, options), expected, JSON.stringify([examples, options]).slice(0, 200));
    }
    // A config is refused before the model is looked for.
    assert.equal(await load("nothing.gguf", text, { rank: 0 }), "invalid_option");
    assert.equal(await load("nothing.gguf", text), "io");
    assert.equal(await load(MODEL, text, {}, { context_length: 5 }), "unknown_option");
    assert.equal(await load(data("arch/llama.f32.gguf"), conversations), "chat_template");
    assert.equal(await load(data("arch/qwen3.f32.gguf"), "ABCD EFG HIJ ".repeat(40), { context_length: 32 }), "bad_metadata");
    await assert.rejects(Kind.load(MODEL, [one, one, named]), { message: /^conversations\[2\]: .*"name"/ });
  });

  test(`a load tells how far it is, and can be called off: ${Kind.name}`, async () => {
    const file = readFileSync(MODEL);
    const progress = [];
    const onProgress = (/** @type {unknown} */ event) => progress.push(event);
    (await Kind.load(file, text, config, { onProgress })).free();
    assert.deepEqual(progress.at(-1), { loaded: file.length, total: file.length });
    assert.equal(await load(file, text, config, { signal: AbortSignal.abort() }), "aborted");
    let sent = 0;
    const slow = new ReadableStream({
      pull: (controller) => (sent < 3000 ? controller.enqueue(file.subarray(sent, (sent += 1000))) : undefined),
    });
    const controller = new AbortController();
    const loading = load(slow, text, config, { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    assert.equal(await loading, "aborted");
  });
}

test("a worker's finetuner is made by loading alone", () => {
  assert.throws(() => new WorkerFinetuner(), { code: "invalid_option" });
});

test("conversations are read as JSON lines, and what is none is named", () => {
  const line = JSON.stringify(conversations[0]);
  const extra = JSON.stringify({ id: 1, ...conversations[1] });
  assert.deepEqual(readConversations(`${line}\r\n\n${extra}\n`), [conversations[0], conversations[1]]);
  for (const bad of [
    "{}",
    "[",
    "1",
    "null",
    '{"messages": "a"}',
    '{"messages": [{"role": "user"}]}',
    '{"messages": [{"role": "user", "content": "a", "name": "b"}]}',
    '{"messages": [{"role": "user", "content": 1}]}',
  ]) {
    assert.throws(() => readConversations(`${line}\n${bad}\n`), { code: "invalid_option", message: /"line 2"/ }, bad);
  }
  assert.throws(() => readConversations(/** @type {any} */ (7)), { code: "invalid_option" });
});
