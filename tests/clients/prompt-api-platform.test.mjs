// What the web platform tests (wpt, ai/language-model) ask of the Prompt API, as far as a model that reads and writes text
// can be asked. Those of files that need Chrome's own model, images, audio, tools, frames or user activation are left out.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineLanguageModel } from "../../pkg/clients/prompt-api.js";
import { asynchronous, chat_template, load, rejection, stories } from "./engine.mjs";

const settings = { chat_template, worker: false };
const LanguageModel = defineLanguageModel(asynchronous(await load()), settings);
const TEXT = "Please write a sentence.";
/** A constraint that ends an answer soon. */
const brief = { responseConstraint: /^ [a-z]{2,8}\.$/, omitResponseConstraintInput: true };

async function collected(stream) {
  let text = "";
  for await (const piece of stream) text += piece;
  return text;
}

/** What a call rejects with, or throws. */
const failure = (call) => rejection((async () => call())());

/** The calls that a session can be asked for. */
const CALLS = {
  prompt: (session, signal) => session.prompt(TEXT, { ...brief, signal }),
  promptStreaming: (session, signal) => collected(session.promptStreaming(TEXT, { ...brief, signal })),
  append: (session, signal) => session.append(TEXT, { signal }),
  measureContextUsage: (session, signal) => session.measureContextUsage(TEXT, { signal }),
  clone: (session, signal) => session.clone({ signal }),
};

test("empty and coerced inputs are prompts", async () => {
  const inputs = [null, undefined, {}, 7, "", [], [{ role: "user", content: [] }]];
  inputs.push([{ role: "user", content: [{ type: "text", value: "" }] }], [{ role: "user", content: null }]);
  for (const input of inputs) {
    const session = await LanguageModel.create();
    assert.equal(typeof (await session.prompt(input, brief)), "string");
    assert.ok((await collected(session.promptStreaming(input, brief))).length > 0);
    assert.equal(await session.append(input), undefined);
    session.destroy();
  }
  const session = await LanguageModel.create(null);
  const usage = (content) => session.measureContextUsage([{ role: "user", content }]);
  assert.equal(await usage(17), await usage("17"));
  assert.equal(await usage([{ type: "text", value: 17 }]), await usage("17"));
  assert.equal((await failure(() => session.prompt(Symbol("x")))).name, "TypeError");
  assert.equal((await failure(() => usage(undefined))).name, "TypeError");
});

test("an input is read when the call is made, and judged by what came before it", async () => {
  const session = await LanguageModel.create();
  const input = [{ role: "user", content: "One day" }];
  const constraint = { enum: ["yes"] };
  const first = session.prompt("Once", brief);
  const second = session.append(input);
  const third = session.prompt("Well?", { responseConstraint: constraint, omitResponseConstraintInput: true });
  const late = failure(() => session.prompt([{ role: "system", content: "A tale." }]));
  input[0].content = "fox ".repeat(999);
  constraint.enum = ["no"];
  assert.match(await first, brief.responseConstraint);
  await second;
  assert.equal(JSON.parse(await third), "yes");
  assert.equal((await late).name, "TypeError");
  session.destroy();
});

test("calls at once are all answered", async () => {
  const session = await LanguageModel.create();
  const prompts = [TEXT, TEXT, "Another."].map((text) => session.prompt(text, brief));
  const streams = [TEXT, "Another."].map((text) => collected(session.promptStreaming(text, brief)));
  for (const answer of await Promise.all([...prompts, ...streams])) assert.match(answer, brief.responseConstraint);
  session.destroy();
});

test("a call ends with its signal, and the session goes on", async () => {
  const session = await LanguageModel.create();
  for (const [name, call] of Object.entries(CALLS)) {
    for (const reason of [undefined, new DOMException("test", "VersionError")]) {
      const controller = new AbortController();
      const ended = failure(() => call(session, controller.signal));
      controller.abort(reason);
      const thrown = [await ended, await failure(() => call(session, controller.signal))];
      for (const error of thrown) {
        if (reason) assert.equal(error, reason, name);
        else assert.equal(error.name, "AbortError", name);
      }
    }
  }
  assert.match(await session.prompt(TEXT, brief), brief.responseConstraint);
  assert.match(await collected(session.promptStreaming(TEXT, brief)), brief.responseConstraint);
  session.destroy();
});

test("a session ends with destroy, or with the signal that it was created with", async () => {
  const reason = new Error("the signal of create was aborted");
  const controller = new AbortController();
  const ended = await LanguageModel.create({ signal: controller.signal });
  const destroyed = await LanguageModel.create();
  for (const [session, end, isReason] of [
    [ended, () => controller.abort(reason), (error) => error === reason],
    [destroyed, () => destroyed.destroy(), ({ name }) => name === "InvalidStateError"],
  ]) {
    const calls = Object.values(CALLS);
    const errors = calls.map((call) => failure(() => call(session)));
    end();
    errors.push(...calls.map((call) => failure(() => call(session))));
    for (const error of await Promise.all(errors)) assert.ok(isReason(error), String(error));
    // A stream is refused at once.
    assert.throws(() => session.promptStreaming(TEXT), isReason);
    assert.equal(typeof session.contextUsage, "number");
    assert.equal(typeof session.contextWindow, "number");
  }
});

test("the context is counted, overflows, and is never exceeded", async () => {
  const session = await LanguageModel.create();
  assert.equal(session.contextUsage, 0);
  const usage = await session.measureContextUsage(TEXT);
  await session.append(TEXT);
  assert.equal(session.contextUsage, usage);
  session.destroy();
  const window = session.contextWindow;
  for (let length = 308; length <= window + 2; length += 1) {
    const full = await LanguageModel.create();
    await full.append(TEXT);
    let overflown = false;
    full.oncontextoverflow = () => (overflown = true);
    const words = length - (await full.measureContextUsage("fox ")) + 1;
    const prompt = "fox ".repeat(words);
    const requested = await full.measureContextUsage(prompt);
    const outcome = await full.prompt(prompt).catch((error) => error);
    if (typeof outcome === "string") {
      assert.ok(overflown && full.contextUsage <= window, `${requested} tokens, then ${full.contextUsage}`);
    } else {
      assert.deepEqual([outcome.name, outcome.quota], ["QuotaExceededError", window], `${requested}: ${outcome}`);
      assert.ok(outcome.requested > window && outcome.requested < requested + 50);
    }
    full.destroy();
  }
});

test("all sampling modes are accepted, told and cloned", async () => {
  const creative = ["slightly-creative", "creative", "most-creative"];
  for (const samplingMode of ["most-predictable", "predictable", "slightly-predictable", "balanced", ...creative]) {
    assert.equal(await LanguageModel.availability({ samplingMode }), "available");
    const session = await LanguageModel.create({ samplingMode });
    const clone = await session.clone();
    assert.deepEqual([session.samplingMode, clone.samplingMode], [samplingMode, samplingMode]);
    for (const made of [session, clone]) made.destroy();
  }
  const legacy = await LanguageModel.create({ topK: 10, temperature: 0.8 });
  assert.equal(legacy.samplingMode, null);
});

test("supported options are available in every combination", async () => {
  const expected = [undefined, [], [{ type: "text" }], [{ type: "text", languages: ["en"] }]];
  for (const topK of [1, 1.5, 99]) {
    for (const temperature of [0, 0.5, 2]) {
      for (const expectedInputs of expected) {
        for (const expectedOutputs of expected) {
          const options = { topK, temperature, expectedInputs, expectedOutputs };
          assert.equal(await LanguageModel.availability(options), "available", JSON.stringify(options));
        }
      }
    }
  }
});

test("no progress is told once creation was aborted", async () => {
  for (const at of [0, 1]) {
    const Fresh = defineLanguageModel(stories, settings);
    const controller = new AbortController();
    const reason = new Error("test");
    const told = [];
    const monitor = (target) =>
      target.addEventListener("downloadprogress", ({ loaded }) => {
        told.push(loaded);
        if (loaded === at) controller.abort(reason);
      });
    assert.equal(await rejection(Fresh.create({ monitor, signal: controller.signal })), reason);
    // The model may still be on its way.
    await Fresh.create();
    assert.equal(told.at(-1), at);
    assert.ok(told.every((loaded) => (loaded * 0x10000) % 1 === 0));
  }
});

test("a session looks like the interface's, and its handlers like a browser's", async () => {
  const session = await LanguageModel.create();
  assert.equal(Object.prototype.toString.call(session), "[object LanguageModel]");
  assert.equal(session.oncontextoverflow, null);
  const handler = () => {};
  session.oncontextoverflow = handler;
  assert.equal(session.oncontextoverflow, handler);
  session.oncontextoverflow = 7;
  assert.equal(session.oncontextoverflow, null);
  session.destroy();
});
