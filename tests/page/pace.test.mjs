// How the page keeps pace with the engine: tokens that are asked for ahead, and drawings that are left out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Drawing } from "../../www/drawing.js";
import { SpeedLine } from "../../www/speed.js";
import { StepView, takenStep } from "../../www/stages.js";
import { stream } from "../../www/stream.js";
import { openPage } from "./dom.mjs";

/** A generator of `count` tokens, each when it is released, at a speed that it claims. */
function source(count, speed) {
  const waiting = [];
  let made = 0;
  return {
    asked: 0,
    next_token() {
      this.asked += 1;
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    timings: async () => ({ decode_tokens_per_second: speed }),
    /** Answers the first call. */
    release(error) {
      const { resolve, reject } = waiting.shift();
      if (error) return reject(error);
      made += 1;
      resolve(made > count ? undefined : { id: made, finish_reason: made === count ? "length" : undefined });
    },
    get waiting() {
      return waiting.length;
    },
  };
}

/** Lets everything happen that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

/** The tokens of a stream, which appear in `seen`. */
function reading(from, stopping = () => false) {
  const seen = [];
  const done = (async () => {
    for await (const { id } of stream(from, stopping)) seen.push(id);
  })();
  return { seen, done };
}

test("as many tokens are asked for as the engine computes in a twentieth of a second", async () => {
  for (const [speed, ahead] of [
    [0, 1],
    [3, 1],
    [100, 5],
    [5000, 32],
  ]) {
    const from = source(100, speed);
    const { seen } = reading(from);
    await settle();
    assert.equal(from.waiting, 1, "nothing is known of the speed yet");
    for (let count = 0; count < 3; count += 1) {
      from.release();
      await settle();
    }
    assert.deepEqual(seen, [1, 2, 3]);
    assert.equal(from.waiting, ahead);
  }
});

test("a text that is stopped or ends leaves no token unread", async () => {
  const from = source(100, 100);
  let stopped = false;
  const { seen, done } = reading(from, () => stopped);
  await settle();
  for (let count = 0; count < 3; count += 1) {
    from.release();
    await settle();
  }
  stopped = true;
  const { asked } = from;
  while (from.waiting > 0) from.release();
  await done;
  assert.equal(from.asked, asked);
  assert.equal(seen.length, asked);

  const short = source(4, 100);
  const { seen: all, done: ended } = reading(short);
  for (let count = 0; count < 4; count += 1) {
    await settle();
    short.release();
  }
  await ended;
  assert.deepEqual(all, [1, 2, 3, 4]);
});

test("an error ends the tokens once, after those before it", async () => {
  const from = source(100, 100);
  const { seen, done } = reading(from);
  await settle();
  for (let count = 0; count < 2; count += 1) {
    from.release();
    await settle();
  }
  while (from.waiting > 0) from.release(new Error("gone"));
  await assert.rejects(done, /gone/);
  assert.deepEqual(seen, [1, 2]);
});

test("what changes often is drawn at once, then with the frames, and at the end", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  context.mock.method(performance, "now", () => 0);
  let frame;
  globalThis.requestAnimationFrame = (callback) => ((frame = callback), 1);
  globalThis.cancelAnimationFrame = () => (frame = undefined);
  const comes = () => frame?.();
  let drawn = 0;
  const drawing = new Drawing(() => (drawn += 1));
  drawing.now();
  assert.equal(drawn, 0, "nothing has changed");
  for (let change = 0; change < 5; change += 1) drawing.request();
  assert.equal(drawn, 1);
  for (let wait = 0; wait < 2; wait += 1) context.mock.timers.tick(1);
  comes();
  assert.equal(drawn, 2);
  // Without a frame it takes a quarter of a second.
  drawing.request();
  for (let wait = 0; wait < 2; wait += 1) context.mock.timers.tick(1);
  context.mock.timers.tick(200);
  assert.equal(drawn, 2);
  context.mock.timers.tick(50);
  assert.equal(drawn, 3);
  drawing.request();
  drawing.now();
  assert.equal(drawn, 4);
  for (let wait = 0; wait < 2; wait += 1) context.mock.timers.tick(1);
  comes();
  assert.equal(drawn, 4, "nothing has changed since");
});

for (const [milliseconds, rest] of [
  [4, 80],
  [40, 400],
]) {
  test(`a drawing that takes ${milliseconds} ms is followed by a rest of ${rest} ms`, async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    let frames = 0;
    globalThis.requestAnimationFrame = () => (frames += 1);
    globalThis.cancelAnimationFrame = () => {};
    let now = 0;
    context.mock.method(performance, "now", () => now);
    const drawing = new Drawing(() => (now += milliseconds));
    drawing.request();
    context.mock.timers.tick(1);
    context.mock.timers.tick(rest - 1);
    assert.equal(frames, 0);
    context.mock.timers.tick(1);
    assert.equal(frames, 1);
  });
}

test("a step that comes while nobody sees it is shown when it comes into sight", () => {
  const page = openPage();
  const view = new StepView(page, () => {});
  const bars = page.querySelector("#bars");
  const step = (id, probability) => {
    const candidates = [{ id, text: `${id}`, logit: 0, logprob: -1, probability }];
    const record = { step: 0, entropy: 1, stages: [], candidates, chosen: { id, rank: 1, surprisal: 1, probability } };
    return takenStep({ id, text: `${id}`, record, options: { temperature: 1 } });
  };
  const shown = () => [...bars.querySelectorAll("button")].map(({ dataset }) => dataset.id);
  view.follow(step(1, 0.5));
  const [row] = bars.children;
  view.inSight = false;
  view.follow(step(2, 0.5));
  view.follow(step(3, 0.4));
  assert.deepEqual(shown(), ["1"]);
  view.inSight = true;
  assert.deepEqual(shown(), ["3"]);
  assert.equal(bars.children[0], row, "the row is used again");
  // Where the text rests it is shown in any case.
  view.inSight = false;
  view.show(step(4, 0.3));
  assert.deepEqual(shown(), ["4"]);
  view.follow(step(5, 0.3));
  view.clear();
  view.inSight = true;
  assert.deepEqual(shown(), []);
});

test("the speed is said when the page changes, and at the end", async (context) => {
  let now = 1000;
  context.mock.method(performance, "now", () => now);
  const status = { textContent: "reading the prompt" };
  const line = new SpeedLine(status);
  const asked = [];
  const used = { timings: () => new Promise((resolve) => asked.push(resolve)) };
  const answer = async (speed) => {
    asked.shift()({ prefill_tokens_per_second: 0, decode_tokens_per_second: speed });
    await settle();
  };
  line.update();
  assert.equal(asked.length, 0, "nothing is written");
  line.begin(used, 7);
  line.update();
  line.update();
  assert.equal(asked.length, 1, "one question at a time");
  await answer(20.4);
  assert.equal(status.textContent, "reading the prompt", "what is known waits for the next change of the page");
  line.update();
  assert.equal(status.textContent, "prompt – tokens/s, text 20 tokens/s, seed 7");
  assert.equal(asked.length, 0, "it was asked just now");
  now += 300;
  line.update();
  const finished = line.finish();
  await answer(30);
  await answer(40);
  await finished;
  assert.equal(status.textContent, "prompt – tokens/s, text 40 tokens/s, seed 7");

  status.textContent = "reading another prompt";
  line.begin(used, 8);
  const late = line.finish();
  line.begin({ timings: () => Promise.reject(new Error("freed")) }, 9);
  await answer(50);
  await late;
  line.update();
  await line.finish();
  assert.equal(status.textContent, "reading another prompt", "nothing is said of the text before");
});
