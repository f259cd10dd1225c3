// `nexttoken/prompt-api`, as Chrome's interface has it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { defineLanguageModel } from "../../pkg/clients/prompt-api.js";
import { asynchronous, chat_template, load, rejection, stories } from "./engine.mjs";

const generator = await load();
const settings = { chat_template, worker: false };
const greedy = { topK: 1, temperature: 0 };
const rendered = (messages) => messages.map(([role, text]) => `<${role}>${text}\n`).join("");

/** What the engine writes after a conversation. */
async function expected(...messages) {
  await generator.start(`${rendered(messages)}<assistant>`, { temperature: 0, top_k: 1 });
  return [...generator].map(({ text }) => text).join("");
}

/** The tokens of a conversation. */
const tokens = (...messages) => {
  generator.start(rendered(messages));
  return generator.prompt_ids.length;
};

async function collected(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

/** A regular expression whose match is soon over: the storyteller is talkative. */
const brief = { responseConstraint: / [a-z]{2,8} [a-z]{2,8}\./, omitResponseConstraintInput: true };

for (const [name, LanguageModel] of Object.entries({
  direct: defineLanguageModel(await load(), settings),
  "over a worker": defineLanguageModel(asynchronous(await load()), settings),
})) {
  test(`${name}: prompts have the engine's answers, and each knows of those before`, async () => {
    const session = await LanguageModel.create(greedy);
    assert.ok(session instanceof LanguageModel);
    assert.deepEqual([session.contextUsage, session.contextWindow], [0, 320]);
    const first = await session.prompt("Once a fox met a hen.");
    assert.equal(first, await expected(["user", "Once a fox met a hen."]));
    assert.equal(session.contextUsage, tokens(["user", "Once a fox met a hen."], ["assistant", first]));
    session.destroy();
    const initialPrompts = [
      { role: "system", content: "A tale." },
      {
        role: "user",
        content: [
          { type: "text", value: "One " },
          { type: "text", value: "day" },
        ],
      },
    ];
    const told = await LanguageModel.create({ ...greedy, initialPrompts });
    assert.equal(told.contextUsage, tokens(["system", "A tale."], ["user", "One day"]));
    assert.equal(told.contextUsage, await told.measureContextUsage(initialPrompts));
    await told.append([{ role: "assistant", content: "a hen" }]);
    const pieces = await collected(told.promptStreaming("sang."));
    const known = [
      ["system", "A tale."],
      ["user", "One day"],
      ["assistant", "a hen"],
      ["user", "sang."],
    ];
    assert.equal(pieces.join(""), await expected(...known));
    assert.ok(pieces.length > 3);
    told.destroy();
  });

  test(`${name}: a clone goes on by itself`, async () => {
    const session = await LanguageModel.create(greedy);
    await session.append("Once a fox met a hen.");
    const clone = await session.clone();
    assert.deepEqual(
      [clone.contextUsage, clone.topK, clone.temperature, clone.samplingMode],
      [session.contextUsage, 1, 0, null],
    );
    const [one, two] = await Promise.all([session.prompt("They ran.", brief), clone.prompt("They sang.", brief)]);
    assert.notEqual(one, two);
    session.destroy();
    assert.equal(typeof (await clone.prompt("And?", brief)), "string");
    clone.destroy();
  });

  test(`${name}: answers keep to a schema or a regular expression`, async () => {
    const session = await LanguageModel.create(greedy);
    const schema = {
      type: "object",
      properties: { rating: { enum: [1, 2, 3] } },
      required: ["rating"],
      additionalProperties: false,
    };
    const constrained = { responseConstraint: schema };
    assert.ok([1, 2, 3].includes(JSON.parse(await session.prompt("Rate it.", constrained)).rating));
    assert.match(await session.prompt("Say it.", { responseConstraint: /^(yes|no)$/iu }), /^(yes|no)$/iu);
    // A prefix is part of the answer that is constrained.
    const prefix = { role: "assistant", content: '{"rating": ', prefix: true };
    const rest = await session.prompt([{ role: "user", content: "Rate it." }, prefix], constrained);
    assert.ok([1, 2, 3].includes(JSON.parse(prefix.content + rest).rating));
    const wrong = [
      { role: "user", content: "Rate it." },
      { ...prefix, content: "Well, " },
    ];
    assert.equal((await rejection(session.prompt(wrong, constrained))).name, "NotSupportedError");
    const circular = {};
    circular.self = circular;
    for (const responseConstraint of [circular, { type: "soup" }, /(?=a)b/, /a/v]) {
      assert.equal((await rejection(session.prompt("Hm", { responseConstraint }))).name, "NotSupportedError");
    }
    // The model is told of the constraint, unless that is not wanted.
    const told = await session.measureContextUsage("Rate it.", constrained);
    assert.ok(
      told >
        10 + (await session.measureContextUsage("Rate it.", { ...constrained, omitResponseConstraintInput: true })),
    );
    session.destroy();
  });

  test(`${name}: what does not fit drops the oldest messages, or is refused`, async () => {
    const session = await LanguageModel.create({ ...greedy, initialPrompts: [{ role: "system", content: "A tale." }] });
    let dropped = 0;
    session.oncontextoverflow = () => (dropped += 1);
    session.addEventListener("quotaoverflow", () => (dropped += 1));
    const long = "a fox met a hen and ".repeat(20);
    await session.append(long);
    const before = session.contextUsage;
    assert.equal(dropped, 0);
    await session.prompt(long, brief);
    await session.prompt(long, brief);
    assert.ok(dropped >= 2 && session.contextUsage <= 320 && session.contextUsage >= before);
    const tooLong = "fox ".repeat(500);
    const usage = await session.measureContextUsage(tooLong);
    assert.ok(usage > 500);
    const error = await rejection(session.append(tooLong));
    assert.deepEqual([error.name, error.quota], ["QuotaExceededError", 320]);
    assert.ok(error.requested >= usage);
    const initialPrompts = [{ role: "system", content: tooLong }];
    assert.equal((await rejection(LanguageModel.create({ initialPrompts }))).name, "QuotaExceededError");
    session.destroy();
  });

  test(`${name}: abort and destroy end what goes on`, async () => {
    const session = await LanguageModel.create(greedy);
    const reason = new Error("enough");
    for (const begin of [
      (signal) => session.prompt("Once", { signal }),
      (signal) => session.append("Once", { signal }),
      (signal) => session.clone({ signal }),
      (signal) => collected(session.promptStreaming("Once", { signal })),
      (signal) => LanguageModel.create({ signal }),
    ]) {
      const controller = new AbortController();
      const promise = rejection(begin(controller.signal));
      controller.abort(reason);
      assert.equal(await promise, reason);
      assert.equal(await rejection((async () => begin(controller.signal))()), reason);
    }
    // An aborted prompt leaves no trace.
    assert.equal(session.contextUsage, 0);
    const reader = session.promptStreaming("Once a fox met a hen.").getReader();
    await reader.read();
    await reader.cancel();
    assert.equal(typeof (await session.prompt("Once", brief)), "string");
    const running = rejection(session.prompt("Once"));
    session.destroy();
    assert.equal((await running).name, "InvalidStateError");
    assert.equal((await rejection(session.prompt("Once"))).name, "InvalidStateError");
    assert.equal(typeof session.contextUsage, "number");
  });

  test(`${name}: prompts are checked as the specification says`, async () => {
    const session = await LanguageModel.create(greedy);
    const [user, system, assistant] = ["user", "system", "assistant"].map((role) => ({ role, content: "x" }));
    for (const [input, kind] of [
      [[user, system], "TypeError"],
      [[system, system], "TypeError"],
      [[{ role: "cook", content: "x" }], "TypeError"],
      [[{ role: "user" }], "TypeError"],
      [[{ role: "user", content: [{ type: "text", value: new Uint8Array(1) }] }], "TypeError"],
      [[{ role: "user", content: [{ type: "image", value: "x" }] }], "NotSupportedError"],
      [[{ ...user, prefix: true }], "SyntaxError"],
      [[{ ...assistant, prefix: true }, user], "SyntaxError"],
    ]) {
      assert.equal((await rejection(session.append(input))).name, kind, JSON.stringify(input));
    }
    const { name } = await rejection(session.prompt("x", { responseConstraint: "x" }));
    assert.equal(name, "TypeError");
    // What is no list is text; nothing at all is an empty message.
    for (const input of [null, undefined, {}, "", [], [{ role: "user", content: [] }]]) {
      assert.ok((await session.measureContextUsage(input)) > 0);
    }
    assert.equal(await session.measureContextUsage({}), tokens(["user", "[object Object]"]));
    await session.append("x");
    assert.equal((await rejection(session.append([system]))).name, "TypeError");
    session.destroy();
  });
}

test("a session's options are checked, and told", async () => {
  const LanguageModel = defineLanguageModel(generator, { ...settings, languages: ["en"] });
  for (const [options, kind] of [
    [{ topK: 3 }, "NotSupportedError"],
    [{ temperature: 0.5 }, "NotSupportedError"],
    [{ topK: 0, temperature: 0.5 }, "RangeError"],
    [{ topK: 3, temperature: -1 }, "RangeError"],
    [{ samplingMode: "wild" }, "TypeError"],
    [{ samplingMode: "balanced", topK: 3 }, "TypeError"],
    [{ expectedInputs: [{ type: "soup" }] }, "TypeError"],
    [{ expectedInputs: [{ type: "text", languages: ["en-abc-invalid"] }] }, "RangeError"],
    [{ expectedInputs: [{ type: "text", languages: ["fr"] }] }, "NotSupportedError"],
    [{ expectedOutputs: [{ type: "image" }] }, "NotSupportedError"],
    [{ tools: [{ name: "f" }] }, "NotSupportedError"],
  ]) {
    assert.equal((await rejection(LanguageModel.create(options))).name, kind, JSON.stringify(options));
    if (kind === "NotSupportedError" && !("topK" in options || "temperature" in options)) {
      assert.equal(await LanguageModel.availability(options), "unavailable");
    }
  }
  const made = await LanguageModel.create({
    topK: 1.5,
    temperature: 9,
    expectedInputs: [{ type: "text", languages: ["EN"] }],
  });
  assert.deepEqual([made.topK, made.temperature, made.samplingMode], [1, 2, null]);
  assert.equal((await LanguageModel.create()).samplingMode, "balanced");
  assert.equal((await LanguageModel.create({ samplingMode: "creative" })).samplingMode, "creative");
  assert.deepEqual(Object.keys(await LanguageModel.params()).length, 4);
  assert.throws(() => new LanguageModel(), TypeError);
});

test("the model is loaded with the first session, and its progress told", async () => {
  const LanguageModel = defineLanguageModel(stories, settings);
  assert.equal(await LanguageModel.availability(), "downloadable");
  const events = [];
  const monitor = (target) => target.addEventListener("downloadprogress", (event) => events.push(event));
  const creating = LanguageModel.create({ monitor });
  assert.equal(await LanguageModel.availability(), "downloading");
  await creating;
  assert.equal(await LanguageModel.availability(), "available");
  const shares = events.map(({ loaded }) => loaded);
  assert.deepEqual([shares[0], shares.at(-1)], [0, 1]);
  assert.ok(shares.every((share, index) => index === 0 || share > shares[index - 1]));
  assert.ok(events.every(({ total, lengthComputable }) => total === 1 && lengthComputable));
  assert.equal(LanguageModel.backend, "browser");
  // Whoever hears of the end may still abort.
  const controller = new AbortController();
  const abort = (target) => (target.ondownloadprogress = ({ loaded }) => loaded === 1 && controller.abort("enough"));
  assert.equal(await rejection(LanguageModel.create({ monitor: abort, signal: controller.signal })), "enough");
  const thrown = new Error("mine");
  const throwing = () => {
    throw thrown;
  };
  assert.equal(await rejection(LanguageModel.create({ monitor: throwing })), thrown);
});

test("a model that does not run here is unavailable", async () => {
  const LanguageModel = defineLanguageModel(new Uint8Array(99), settings);
  assert.equal(await LanguageModel.availability(), "unavailable");
  await rejection(LanguageModel.create());
});
