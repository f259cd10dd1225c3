// A generator in a worker, used step by step. It must give the results of one on the page's thread, although the worker
// computes a step ahead.

import assert from "node:assert/strict";
import { test } from "node:test";
import { browserName, modelUrl, open, PLAIN } from "./harness.mjs";

/** In the page: the same calls on either kind of generator. */
async function run({ modelUrl, worker }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  if (!worker) await init();
  const generator = await (worker ? WorkerGenerator : Generator).load(modelUrl);
  const take = async (of, count) => {
    const ids = [];
    while (ids.length < count) ids.push((await of.next_token()).id);
    return ids;
  };
  const pause = () => new Promise((resolve) => setTimeout(resolve, 50));
  const seen = {};

  await generator.start("Once upon a time", {
    seed: 42, temperature: 0.9, repetition_penalty: 1.1, dry_multiplier: 0.8, max_tokens: 12,
  });
  seen.ids = await take(generator, 8);
  await pause();
  seen.text = await generator.text;
  // A property of one kind is a promise of the other.
  for (const name of ["ids", "prompt_ids", "finish_reason", "seed", "context_length"]) {
    const value = await generator[name];
    seen[`property ${name}`] = value?.constructor === Uint32Array ? [...value] : (value ?? "none");
  }
  const { step, candidates, stages } = await generator.peek({ top: 3 });
  seen.peek = { step, candidates, stages };
  const logits = await generator.logits();
  seen.logits = { length: logits.length, best: logits[candidates[0].id] };
  seen.samplers = await generator.samplers;

  await generator.rewind(5);
  seen.again = await take(generator, 5);
  await pause();
  const fork = await generator.fork();
  seen.rest = await take(generator, 4);
  seen.fork = await take(fork, 4);
  seen.end = (await generator.next_token()) ?? "none";

  // A snapshot can be continued in another generator. Bytes that are no snapshot leave the text as it is.
  await fork.rewind(3);
  const snapshot = await fork.snapshot();
  const begun = (await fork.snapshot()) instanceof Blob;
  await fork.restore(snapshot);
  seen.restored = [begun, await take(fork, 3)];
  seen.damaged = await (async () => fork.restore(snapshot.slice(0, 5000)))().catch((error) => error.code);

  await fork.rewind(4);
  await fork.configure({ temperature: 0, record: { top: 2 } });
  const forced = await fork.accept(candidates[2].id);
  seen.forced = { id: forced.id, rank: forced.record.chosen.rank, text: forced.text };
  const greedy = await fork.next_token();
  seen.greedy = [greedy.probability, greedy.record.chosen.rank];
  seen.refused = await (async () => fork.configure({ top_p: 2 }))().catch((error) => error.code);

  generator.free();
  seen.survivor = (await take(fork, 1)).length;
  fork.free();
  return seen;
}

test("a worker steps, rewinds and forks as the page's thread does", async () => {
  const { page, close } = await open(PLAIN);
  const direct = await page.evaluate(run, { modelUrl, worker: false });
  const worker = await page.evaluate(run, { modelUrl, worker: true });
  assert.deepEqual(worker, direct);
  assert.deepEqual(direct.again, direct.ids.slice(3));
  assert.deepEqual(direct.fork, direct.rest);
  assert.deepEqual(direct.restored, [true, direct.rest.slice(1)]);
  assert.equal(direct.damaged, "snapshot");
  assert.equal(direct.logits.best, direct.peek.candidates[0].logit);
  assert.equal(direct.peek.step, 8);
  assert.deepEqual(
    direct.samplers.map(({ name }) => name),
    ["penalties", "dry", "top_k", "top_p", "min_p", "temperature"],
  );
  assert.equal(direct.end, "none");
  assert.deepEqual(direct.greedy, [1, 1]);
  assert.equal(direct.refused, "invalid_option");
  await close();
});

/** In the page: starts a worker that starts others, one after the other; gives how many of them have answered. */
async function nest({ count, patience }) {
  const script = (code) => URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  const inner = script("postMessage(1)");
  const outer = new Worker(script(`
    const next = () => {
      const worker = new Worker("${inner}");
      worker.onmessage = () => (worker.terminate(), postMessage(1), next());
    };
    next();
  `));
  let answered = 0;
  await new Promise((resolve) => {
    let timer = setTimeout(resolve, patience);
    outer.onmessage = () => {
      clearTimeout(timer);
      if ((answered += 1) === count) resolve();
      else timer = setTimeout(resolve, patience);
    };
  });
  outer.terminate();
  return answered;
}

// As the worker of a generator does for a chat; see `#leaveWorkersAlone` in the driver.
test("a driven browser starts every worker of a worker", { skip: browserName !== "firefox" && "only Firefox did not" }, async () => {
  // Not the page itself, whose policy forbids such scripts.
  const { page, close } = await open("/alice.txt");
  assert.equal(await page.evaluate(nest, { count: 60, patience: 20_000 }), 60);
  await close();
});
