// Constraints through the package, on the page's thread and in a worker.

import assert from "node:assert/strict";
import { test } from "node:test";
import { lacks, modelUrl, open, PLAIN } from "./harness.mjs";

/** In the page: generates texts under constraints with either kind of generator. */
async function run({ modelUrl, worker }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  if (!worker) await init();
  const generator = await (worker ? WorkerGenerator : Generator).load(modelUrl);
  const state = async (of) => {
    const { text, ids, finish_reason } = worker ? await of.state() : of;
    return { text, ids: [...ids], finish_reason };
  };
  const write = async (of) => {
    for await (const _ of of);
    return state(of);
  };
  const failure = async (call) => {
    try {
      await call();
      return "none";
    } catch ({ code, message }) {
      return `${code}: ${message}`;
    }
  };
  const loaded = () => performance.getEntriesByType("resource").some(({ name }) => name.endsWith("constraint.wasm"));
  const seen = { texts: [], errors: [] };
  const wild = { temperature: 1.5, top_k: 0, top_p: 1, min_p: 0, max_tokens: 200 };
  const schema = {
    type: "object",
    properties: { name: { type: "string", maxLength: 12 }, age: { type: "integer", minimum: 0, maximum: 130 } },
    required: ["name", "age"],
    additionalProperties: false,
  };
  await generator.start("A cat is", { max_tokens: 1 });
  await write(generator);
  seen.loadedBefore = loaded();

  for (let seed = 0; seed < 5; seed++) {
    await generator.start("A person in JSON:", { ...wild, seed, json_schema: schema });
    seen.texts.push(await write(generator));
  }
  seen.loadedAfter = loaded();
  await generator.start("A person in JSON:", { ...wild, seed: 0, json_schema: JSON.stringify(schema) });
  seen.again = await write(generator);
  await generator.chat([{ role: "user", content: "Is the sky blue?" }], { ...wild, seed: 1, regex: "(Yes|No), (it|the sky) is( not)?\\." });
  seen.chat = await write(generator);
  await generator.start("A list:", { ...wild, seed: 2, grammar: 'root ::= "[" [a-z]{1,5} ("," [a-z]{1,5}){0,3} "]"' });
  seen.list = await write(generator);

  // Step by step.
  await generator.rewind(2);
  const fork = await generator.fork();
  seen.rewound = await write(generator);
  seen.fork = await write(fork);
  fork.free();
  await generator.rewind(seen.list.ids.length);
  const [brace] = await generator.tokenize("}");
  seen.forbidden = await failure(() => generator.accept(brace));
  const { stages } = await generator.peek();
  seen.stage = [stages[0].name, stages[0].kept > 0];
  await generator.configure({ grammar: null });
  seen.lifted = (await generator.accept(brace)).text;
  await generator.configure({ regex: "!{3}" });
  seen.appended = (await write(generator)).text;

  // Errors, after each of which generation goes on.
  await generator.start("one", { temperature: 0, max_tokens: 3, regex: "[a-z ]+" });
  for (const options of [
    { regex: "(" },
    { regex: 5 },
    { json_schema: "{" },
    { json_schema: { type: "thing" } },
    { grammar: 'root ::= "a' },
    { grammar: "start: nothing" },
    { regex: "a", grammar: 'root ::= "a"' },
    { regex: "a", temprature: 1 },
    { grammar: `start: ${"(".repeat(3000)}"a"${")".repeat(3000)}` },
    { json_schema: `{"const":${"[".repeat(9000)}${"]".repeat(9000)}}` },
    // Whether they are accepted or refused, they do no harm.
    { json_schema: `${'{"properties":{"a":'.repeat(60)}true${"}}".repeat(60)}` },
    { regex: "a?".repeat(20000) },
    { regex: "a|".repeat(50000) + "b" },
    { regex: "[a-z ]+" },
  ]) {
    seen.errors.push(await failure(() => generator.start("two", { temperature: 0, max_tokens: 3, ...options })));
  }
  seen.afterwards = await write(generator);
  generator.free();
  return seen;
}

test("what is written keeps to its constraint, on and off the page's thread", async () => {
  const { page, close } = await open(PLAIN);
  const direct = await page.evaluate(run, { modelUrl, worker: false });
  const worker = await page.evaluate(run, { modelUrl, worker: true });
  assert.equal(direct.loadedBefore, false);
  assert.equal(direct.loadedAfter, true);
  for (const key of Object.keys(direct).filter((key) => !key.startsWith("loaded"))) {
    assert.deepEqual(worker[key], direct[key], key);
  }
  for (const { text, finish_reason } of direct.texts) {
    const { name, age, ...others } = JSON.parse(text);
    assert.ok(typeof name === "string" && Number.isInteger(age) && age >= 0 && age <= 130, text);
    assert.deepEqual(others, {});
    assert.equal(finish_reason, "stop");
  }
  assert.equal(new Set(direct.texts.map(({ text }) => text)).size, 5);
  assert.deepEqual(direct.again, direct.texts[0]);
  assert.match(direct.chat.text, /^(Yes|No), (it|the sky) is( not)?\.$/);
  assert.match(direct.list.text, /^\[[a-z]{1,5}(,[a-z]{1,5}){0,3}\]$/);
  assert.deepEqual(direct.rewound, direct.list);
  assert.deepEqual(direct.fork, direct.list);
  assert.match(direct.forbidden, /^forbidden_token: /);
  assert.deepEqual(direct.stage, ["constraint", true]);
  assert.equal(direct.lifted, "}");
  assert.equal(direct.appended, "}!!!");
  const expected = [
    /^invalid_option: .*"regex"/,
    /^invalid_option: .*"regex"/,
    /^invalid_option: .*"json_schema".*JSON/,
    /^invalid_option: .*"json_schema"/,
    /^invalid_option: .*"grammar".*line 1/,
    /^invalid_option: .*"grammar".*nothing/,
    /^invalid_option: .*"grammar".*"regex"/,
    /^unknown_option: .*temprature/,
    /^invalid_option: .*"grammar"/,
    /^invalid_option: .*"json_schema"/,
    /^(none|invalid_option|constraint)/,
    /^(none|invalid_option|constraint)/,
    /^(none|invalid_option|constraint)/,
    /^none$/,
  ];
  assert.equal(direct.errors.length, expected.length);
  direct.errors.forEach((error, index) => assert.match(error, expected[index]));
  assert.match(direct.afterwards.text, /^[a-z ]+$/);
  await close();
});

/** In the page: the outcome of each deeply nested source, and the text that is generated afterwards. */
async function runDeep({ modelUrl, worker }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  if (!worker) await init();
  const generator = await (worker ? WorkerGenerator : Generator).load(modelUrl);
  const count = 800;
  const each = (write) => Array.from({ length: count }, (_, n) => write(n)).join("");
  const nested = (open, inner, close) => open.repeat(count) + inner + close.repeat(count);
  const references = (definition) => {
    const $defs = { [`a${count}`]: { type: "null" } };
    for (let n = 0; n < count; n++) $defs[`a${n}`] = definition({ $ref: `#/$defs/a${n + 1}` });
    return JSON.stringify({ $ref: "#/$defs/a0", $defs });
  };
  const sources = [
    ["json_schema", references((next) => next)],
    ["json_schema", references((next) => ({ allOf: [next] }))],
    ["json_schema", references((next) => ({ not: { not: next } }))],
    ["json_schema", references((next) => ({ anyOf: [next, { type: "string" }] }))],
    ["json_schema", references((next) => ({ type: "array", items: next }))],
    ["json_schema", nested('{"items":', "true", "}")],
    ["json_schema", nested('{"not":', "true", "}")],
    ["json_schema", `{"const":${nested("[", "1", "]")}}`],
    ["json_schema", JSON.stringify({ type: "string", pattern: nested("(", "a", ")?") })],
    ["grammar", `start: a0\n${each((n) => `a${n}: "(" a${n + 1} ")"\n`)}a${count}: "x"\n`],
    ["grammar", `start: A0\n${each((n) => `A${n}: A${n + 1}\n`)}A${count}: "x"\n`],
    ["grammar", `start: ${nested("(", '"a"', ")")}\n`],
    ["grammar", `start: ${nested("%lark {\nstart: ", '"a"', "\n}")}\n`],
    ["grammar", `root ::= a0\n${each((n) => `a${n} ::= (a${n + 1})*\n`)}a${count} ::= "x"\n`],
    ["grammar", `root ::= ${nested("(", '"a"', ")")}\n`],
    ["regex", nested("(", "a", ")*")],
    ["regex", nested("(a|", "b", ")")],
  ];
  const outcomes = [];
  for (const [kind, source] of sources) {
    const started = performance.now();
    let outcome = "none";
    try {
      await generator.start("one", { max_tokens: 1, [kind]: source });
      for await (const _ of generator);
    } catch ({ code, message }) {
      outcome = `${code}: ${message}`;
    }
    await generator.start("one", { temperature: 0, max_tokens: 3, regex: "[a-z ]+" });
    for await (const _ of generator);
    const { text } = worker ? await generator.state() : generator;
    outcomes.push({ source: source.slice(0, 60), outcome, text, took: performance.now() - started });
  }
  generator.free();
  return outcomes;
}

test("what leads deep is an error or works, and the generator writes afterwards", async () => {
  const { page, close } = await open(PLAIN);
  for (const worker of [false, true]) {
    for (const { source, outcome, text } of await page.evaluate(runDeep, { modelUrl, worker })) {
      assert.match(outcome, /^(none$|(invalid_option|constraint): .)/, source);
      assert.match(text, /^[a-z ]+$/, source);
    }
  }
  await close();
});

test("a module that cannot be loaded is an error that can be tried again", { skip: lacks("interception") }, async () => {
  // The page's service worker would answer these requests from its cache.
  const { page, context } = await open(PLAIN);
  await page.route("**/nexttoken_constraint.wasm", (route) => route.abort());
  const begin = () => page.evaluate(async (modelUrl) => {
    const { default: init, Generator } = await import("/pkg/index.js");
    await init();
    globalThis.generator ??= await Generator.load(modelUrl);
    return generator.start("a", { regex: "ab", max_tokens: 5 }).then(() => [...generator].length, ({ code }) => code);
  }, modelUrl);
  assert.equal(await begin(), "wasm_unavailable");
  await page.unroute("**/nexttoken_constraint.wasm");
  assert.ok((await begin()) > 0);
  await context.close();
});
