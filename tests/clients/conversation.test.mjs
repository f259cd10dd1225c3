// `nexttoken/conversation` with a model that knows no tools: what it draws is random, and its calls keep to the schemas.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { z } from "zod";
import { converse } from "../../pkg/conversation.js";
import { closedSchema } from "../../pkg/conversation/closed-schema.js";
import { gemmaGrammar } from "../../pkg/conversation/gemma-grammar.js";
import { textWithout } from "../../pkg/conversation/value-pattern.js";
import { WorkerGenerator } from "../../pkg/index.js";
import { load, rejection, stories } from "./engine.mjs";

const generator = await load();
const worker = await WorkerGenerator.load(stories);
after(() => worker.free());

const schemas = {
  get: z.strictObject({ at: z.number().int().min(1).max(12) }),
  get_weather: z.strictObject({
    place: z.string().min(2).max(12),
    unit: z.enum(["C", "F"]),
    days: z.number().int().optional(),
    share: z.number().min(0).max(1).optional(),
    deep: z.boolean().optional(),
    marks: z.array(z.number()).max(2).optional(),
    where: z.strictObject({ lat: z.number(), code: z.string().regex(/^[A-Z]{2}$/) }).optional(),
  }),
  now: z.strictObject({}),
};
const tools = Object.entries(schemas).map(([name, schema]) => ({
  type: "function",
  function: { name, description: `It is ${name}.`, parameters: z.toJSONSchema(schema, { io: "input" }) },
}));

/** A template of each family: what it is told by, and a text around the messages. */
const templateOf = (sign) =>
  `{# ${sign} tools tool_calls #}{% for m in messages %}<{{ m.role }}>{{ m.content }}` +
  "{% for c in m.tool_calls or [] %}[{{ c.function.name }} {{ c.function.arguments | tojson }}]{% endfor %}\n" +
  "{% endfor %}<assistant>";
const TEMPLATES = Object.fromEntries(
  Object.entries({
    hermes: "<tool_call>",
    llama: "<|python_tag|>",
    mistral: "[TOOL_CALLS]",
    mistralArgs: "[ARGS]",
    lfm2: "<|tool_call_start|>",
    gemma: "<start_of_turn>",
    gemma4: "<|tool_call>",
    harmony: "<|channel|>",
    xml: "<function=",
  }).map(([name, sign]) => [name, templateOf(sign)]),
);
const messages = [{ role: "user", content: "Once upon a time" }];

for (const [family, chat_template] of Object.entries(TEMPLATES)) {
  test(`${family}: random calls always keep to the schema of their tool`, async () => {
    const called = new Set();
    // In this vocabulary Gemma 4's markers take many tokens, and the context is small.
    const temperature = family === "gemma4" ? 1 : 2;
    for (let seed = 1; seed <= 20; seed++) {
      const options = {
        tools,
        tool_choice: "required",
        parallel_tool_calls: false,
        thinking: { limit: 5 },
        chat_template,
        seed,
        temperature,
      };
      const answer = await converse(generator, messages, options);
      const { tool_calls, content } = await answer.complete();
      assert.deepEqual(answer.warnings, [], `seed ${seed}: ${content}`);
      assert.equal(answer.finish_reason, "tool_calls");
      assert.equal(tool_calls.length, 1);
      const { name, arguments: given } = tool_calls[0].function;
      schemas[name].parse(given);
      assert.match(tool_calls[0].id, /^[a-zA-Z0-9]{9}$/);
      called.add(name);
    }
    assert.ok(called.size > 1, "the model chooses among the tools");
  });

  test(`${family}: a tool may be asked for by its name`, async () => {
    const options = { tools, tool_choice: { name: "get" }, parallel_tool_calls: false, chat_template, seed: 5 };
    const { tool_calls } = await (await converse(generator, messages, options)).complete();
    assert.equal(tool_calls[0].function.name, "get");
    schemas.get.parse(tool_calls[0].function.arguments);
  });
}

/** The generator, as a model that begins its answers with these tokens. */
const beginning = (ids) =>
  new Proxy(generator, {
    get(target, name) {
      if (name === "next_token") return () => (ids.length > 0 ? target.accept(ids.shift()) : target.next_token());
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
const encoded = (text) => [...generator.tokenize("a" + text)].slice(1);

test("values that the properties do not name or only list are written, too", async () => {
  const parameters = {
    type: "object",
    properties: { mode: { type: "string", enum: ["a", "b"], minLength: 1 } },
    required: ["mode", "more"],
  };
  const odd = { type: "function", function: { name: "odd", parameters } };
  for (const family of ["xml", "gemma"]) {
    for (let seed = 1; seed <= 3; seed++) {
      const options = { tools: [odd], tool_choice: "required", parallel_tool_calls: false, seed };
      const answer = await converse(generator, messages, {
        ...options,
        chat_template: TEMPLATES[family],
        max_tokens: 200,
      });
      const { tool_calls, content } = await answer.complete();
      if (answer.finish_reason === "length") continue;
      const { mode, ...others } = tool_calls?.[0].function.arguments ?? {};
      assert.ok(["a", "b"].includes(mode), content);
      assert.deepEqual(Object.keys(others), ["more"]);
    }
  }
});

test("arguments that the schema does not name are not written", async () => {
  const where = { type: "object", properties: { lat: { type: "integer", minimum: 0, maximum: 9 } }, required: ["lat"] };
  const parameters = { type: "object", properties: { where }, required: ["where"] };
  const open = { type: "function", function: { name: "open", parameters } };
  for (const family of ["hermes", "xml"]) {
    for (let seed = 1; seed <= 5; seed++) {
      const options = { tools: [open], tool_choice: "required", parallel_tool_calls: false, seed, temperature: 2 };
      const answer = await converse(generator, messages, { ...options, chat_template: TEMPLATES[family] });
      const { tool_calls } = await answer.complete();
      z.strictObject({ where: z.strictObject({ lat: z.number() }) }).parse(tool_calls[0].function.arguments);
    }
  }
});

test("a schema is closed only where it lists all properties that it speaks of", () => {
  const properties = { a: { type: "string" } };
  const closed = { properties, additionalProperties: false };
  assert.deepEqual(closedSchema({ properties }), closed);
  assert.deepEqual(closedSchema({ items: { properties } }), { items: closed });
  for (const schema of [
    true,
    undefined,
    { type: "object" },
    { properties, additionalProperties: { type: "number" } },
    { properties, required: ["b"] },
    { properties, anyOf: [{ required: ["b"] }] },
    { properties, $ref: "#/$defs/b" },
    { properties, minProperties: 2 },
    { items: [{ type: "string" }] },
  ]) {
    assert.deepEqual(closedSchema(schema), schema);
  }
});

test("Gemma 4's values of every shape keep to their schema, in the form that it knows where that can be told", async () => {
  const point = z.strictObject({ x: z.number(), "y:z": z.boolean().optional() });
  const parameters = z.strictObject({
    text: z.string().max(9),
    tags: z
      .array(z.enum(["a", "<b"]))
      .min(1)
      .max(2),
    size: z.union([z.literal(3), z.null(), z.strictObject({})]),
    points: z.array(point).max(1),
    code: z.string().regex(/^[A-Z]{2}$/),
    count: z.number().int().min(0),
  });
  const schema = z.toJSONSchema(parameters, { io: "input" });
  schema.properties.tree = { $ref: "#/$defs/tree" };
  schema.$defs = {
    tree: { type: "object", properties: { leaf: { type: ["integer", "null"] }, next: { $ref: "#/$defs/tree" } } },
  };
  const draw = { type: "function", function: { name: "draw", parameters: schema } };
  const options = { tools: [draw], tool_choice: "required", parallel_tool_calls: false };
  let count = 0;
  for (let seed = 1; seed <= 10; seed++) {
    const answer = await converse(generator, messages, { ...options, chat_template: TEMPLATES.gemma4, seed });
    const { tool_calls } = await answer.complete();
    // The context is small, and the text of a call may be long.
    if (answer.finish_reason === "length") continue;
    const { tree, ...others } = tool_calls[0].function.arguments;
    parameters.parse(others);
    for (let at = tree; at !== undefined; at = at.next)
      assert.ok(Object.keys(at).every((key) => /leaf|next/.test(key)));
    assert.match(generator.text, /^<\|tool_call>call:draw\{/);
    assert.match(generator.text, /text:<\|"\|>/);
    assert.match(generator.text, /tags:\[<\|"\|>/);
    assert.match(generator.text, /code:"[A-Z]{2}"/);
    count += 1;
  }
  assert.ok(count > 3, `${count} texts were complete`);
});

test("a schema that no grammar of Gemma 4's values is made of is left to JSON", () => {
  for (const schema of [
    { type: "string", pattern: "a" },
    { type: "number", minimum: 0, maximum: 1 },
    { type: "array", uniqueItems: true },
    { type: "object", properties: {}, required: ["a"] },
    { type: "object", minProperties: 1 },
    { oneOf: [{ type: "string" }] },
    { anyOf: [] },
    { $ref: "#/$defs/none" },
    { $ref: "#/$defs/a", maxLength: 3, $defs: { a: { type: "string" } } },
    { $ref: "#/$defs/a", $defs: { a: { $ref: "#/$defs/a" } } },
    { type: "constructor", a: 1 },
    { type: "object", properties: null },
    { type: "string", minLength: 5, maxLength: 2 },
    { type: "array", minItems: 3, maxItems: 1 },
    { anyOf: [{ type: "string", format: "date" }] },
    { type: "string", maxLength: 1e9 },
    false,
  ]) {
    assert.equal(gemmaGrammar(schema, ["}"]), undefined, JSON.stringify(schema));
  }
  const noted = { $ref: "#/$defs/a", description: "a word", $defs: { a: { type: "string" } } };
  assert.match(gemmaGrammar(noted, ["}"]), /^root ::= d0 /);
  assert.match(gemmaGrammar({ type: "integer", minimum: 0 }, [",a:", "}"]), /^root ::= r\d+ \(",a:" \| "}"\)\n/);
});

/** The answer to a model that begins so, as it is told piece by piece. */
async function told(text, options) {
  const answer = await converse(beginning(encoded(text)), messages, { tools, parallel_tool_calls: false, ...options });
  const parts = [];
  for await (const part of answer) parts.push(part);
  return { parts, answer };
}

test("text that a stop string kept back is told before the call that follows it", async () => {
  const options = { chat_template: TEMPLATES.hermes, stop: " ok\u0007", seed: 2 };
  const { parts, answer } = await told("Well ok<tool_call>", options);
  const texts = parts.filter(({ text }) => text !== "").map(({ channel }) => channel);
  assert.equal(texts.lastIndexOf("text") < texts.indexOf("call"), true, texts.join(" "));
  assert.equal(answer.message.content, "Well ok");
  assert.equal(answer.message.tool_calls.length, 1);
});

test("Llama's calls with a type are constrained, too", async () => {
  const options = { chat_template: TEMPLATES.llama, seed: 4, tools: tools.slice(0, 1) };
  const { answer } = await told('{"type": "function", "name": "', options);
  const [call] = answer.message.tool_calls;
  schemas.get.parse(call.function.arguments);
});

test("names of arguments that a family cannot write are refused", async () => {
  for (const [family, name] of [
    ["gemma", "my key"],
    ["lfm2", "a=b"],
    ["xml", "a>b"],
    ["xml", "a\nb"],
  ]) {
    const parameters = { type: "object", properties: { [name]: {} } };
    const tool = { type: "function", function: { name: "odd", parameters } };
    const options = { tools: [tool], chat_template: TEMPLATES[family] };
    assert.equal((await rejection(converse(generator, messages, options))).code, "invalid_option");
    await converse(generator, messages, { ...options, chat_template: TEMPLATES.hermes });
  }
});

test("what the model begins by itself is constrained from the marker on", async () => {
  for (const [family, ids, text] of [
    ["hermes", encoded("Well. <tool_call>"), "Well."],
    ["gemma", encoded("```tool_code"), ""],
    ["lfm2", encoded("<|tool_call_start|>"), ""],
    ["llama", encoded('{"name": "'), ""],
    ["llama", encoded('{ "name" :"'), ""],
    ["gemma4", encoded("<|tool_call>"), ""],
  ]) {
    for (let seed = 1; seed <= 5; seed++) {
      const options = { tools, parallel_tool_calls: false, chat_template: TEMPLATES[family], seed };
      const answer = await converse(beginning([...ids]), messages, options);
      const { tool_calls, content } = await answer.complete();
      assert.deepEqual([content, answer.warnings], [text, []]);
      schemas[tool_calls[0].function.name].parse(tool_calls[0].function.arguments);
    }
  }
});

test("what comes with the marker in one token is written anew", async () => {
  // A token that ends the marker and goes on beyond it.
  const ids = Array.from({ length: generator.info().vocabulary_size }, (_, id) => id);
  const longer = ids.find((id) => /^e[a-z]+$/.test(generator.token_text(id)));
  assert.ok(longer !== undefined);
  const answer = await converse(beginning([...encoded("```tool_cod"), longer]), messages, {
    ...{ tools, parallel_tool_calls: false, chat_template: TEMPLATES.gemma, seed: 2 },
  });
  const { tool_calls, content } = await answer.complete();
  assert.deepEqual([content, answer.warnings], ["", []]);
  assert.ok(generator.text.startsWith("```tool_code\n["), generator.text);
  schemas[tool_calls[0].function.name].parse(tool_calls[0].function.arguments);
});

test("stop strings end the text, and are not looked for in calls", async () => {
  for (const chat_template of Object.values(TEMPLATES)) {
    const options = { tools, tool_choice: { name: "get" }, parallel_tool_calls: false, chat_template, seed: 3 };
    const answer = await converse(generator, messages, { ...options, stop: ["get", '"', ">", "("] });
    assert.equal((await answer.complete()).tool_calls[0].function.name, "get");
  }
  // Calls are to be run, whatever ends the text after them.
  const called = { tools, tool_choice: { name: "get" }, chat_template: TEMPLATES.hermes, seed: 3 };
  const calling = await converse(generator, messages, { ...called, stop: [..."aeiou \n"] });
  assert.equal((await calling.complete()).tool_calls.length, 1);
  assert.equal(calling.finish_reason, "tool_calls");
  const options = { chat_template: TEMPLATES.hermes, temperature: 0, max_tokens: 60 };
  const { content } = await (await converse(generator, messages, options)).complete();
  const stop = content.slice(20, 31);
  const answer = await converse(generator, messages, { ...options, stop: ["\u0007", stop] });
  let text = "";
  for await (const part of answer) text += part.text;
  assert.equal(text, content.slice(0, content.indexOf(stop)));
  assert.deepEqual([answer.message.content, answer.finish_reason], [text, "stop"]);
  assert.equal(generator.next_token(), undefined);
  // One that may have begun at the end is text.
  const unfinished = { ...options, stop: content.slice(-4) + "\u0007" };
  assert.equal((await (await converse(generator, messages, unfinished)).complete()).content, content);
  assert.equal((await rejection(converse(generator, messages, { ...options, stop: [""] }))).code, "invalid_option");
});

test("a generator in a worker gives the same answers", async () => {
  for (const chat_template of Object.values(TEMPLATES)) {
    const options = { tools, tool_choice: "required", chat_template, seed: 3, max_tokens: 90 };
    const answers = [];
    for (const it of [generator, worker]) {
      const answer = await converse(it, messages, options);
      const { tool_calls = [], ...message } = await answer.complete();
      answers.push([message, tool_calls.map((call) => call.function), answer.finish_reason, answer.warnings]);
    }
    assert.deepEqual(answers[0], answers[1]);
  }
});

test("a round trip: tools, call, result, answer", async () => {
  const chat_template = TEMPLATES.hermes;
  const history = [...messages];
  const options = { tools, chat_template, temperature: 0, max_tokens: 60 };
  const required = { ...options, tool_choice: { name: "get" }, parallel_tool_calls: false };
  history.push(await (await converse(generator, history, required)).complete());
  const [{ id, function: call }] = history[1].tool_calls;
  history.push({ role: "tool", content: "noon", tool_call_id: id, name: call.name });
  const answer = await converse(generator, history, { ...options, tool_choice: "none" });
  const parts = [];
  for await (const part of answer) parts.push(part);
  const prompt = generator.detokenize(generator.prompt_ids);
  const written = JSON.stringify(call.arguments).replace(":", ": ");
  assert.ok(prompt.includes(`<assistant>[get ${written}]<tool>noon<assistant>`), prompt);
  assert.equal(parts.map(({ text }) => text).join(""), generator.text);
  assert.ok(parts.every(({ channel }) => channel === "text"));
  assert.equal(answer.message.content, generator.text);
  assert.equal(answer.finish_reason, "length");
});

test("thinking that the prompt begins is limited, and the text goes on", async () => {
  const chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n{# </think> #}";
  for (const it of [generator, worker]) {
    for (const limit of [0, 7]) {
      const answer = await converse(it, messages, {
        chat_template,
        thinking: { limit },
        temperature: 0,
        max_tokens: 60,
      });
      const counts = { thinking: 0, text: 0 };
      for await (const { channel, id } of answer) if (id !== undefined) counts[channel] += 1;
      const { content, reasoning_content = "" } = answer.message;
      assert.equal(reasoning_content === "", limit === 0);
      assert.ok(content.length > 20 && !content.includes("think>"), content);
      assert.equal(await it.text, `${reasoning_content ? await thought(it, limit) : ""}\n</think>\n\n${content}`);
    }
  }
});

/** Tools with short calls: the markers of gpt-oss take many tokens of this vocabulary. */
const short = tools.filter(({ function: { name } }) => name !== "get_weather");

test("gpt-oss's call is constrained from the name on, wherever that is in the header", async () => {
  const after = "<|channel|>commentary <|constrain|>json<|message|>";
  for (const [said, recipient, between, text] of [
    ["", "<|channel|>commentary to=functions.", " <|constrain|>json<|message|>", ""],
    ["", " to=functions.", after, ""],
    ["<|channel|>commentary<|message|>Well.<|end|>", " to=functions.", after, "Well."],
  ]) {
    for (let seed = 1; seed <= 5; seed++) {
      const options = { tools: short, chat_template: TEMPLATES.harmony, seed };
      const written = beginning([...encoded(said), ...encoded(recipient)]);
      const answer = await converse(written, messages, options);
      const { tool_calls, content } = await answer.complete();
      assert.deepEqual([content, answer.warnings, answer.finish_reason], [text, [], "tool_calls"]);
      const { name, arguments: given } = tool_calls[0].function;
      schemas[name].parse(given);
      const begun = said + (said && "<|start|>assistant") + recipient;
      assert.ok(generator.text.startsWith(begun + name + between + "{"), generator.text);
    }
  }
});

test("gpt-oss thinks up to the limit, and then says something or calls a tool", async () => {
  const chat_template = TEMPLATES.harmony;
  const begun = "<|channel|>analysis<|message|>So";
  for (const given of [[], short]) {
    const seen = new Set();
    for (let seed = 1; seed <= 8; seed++) {
      const options = { tools: given, chat_template, thinking: { limit: 9 }, seed, temperature: 2, max_tokens: 150 };
      const answer = await converse(beginning(encoded(begun)), messages, { ...options, parallel_tool_calls: false });
      const counts = { thinking: 0, text: 0, call: 0 };
      for await (const { channel, text } of answer) if (text !== "") counts[channel] += 1;
      const { content, reasoning_content, tool_calls } = answer.message;
      assert.ok(reasoning_content.startsWith("So"), reasoning_content);
      assert.ok(counts.thinking > 1 && counts.thinking <= 9);
      assert.ok(!/<\|/.test(content), content);
      for (const { function: call } of tool_calls ?? []) schemas[call.name].parse(call.arguments);
      const after = generator.text.slice(begun.length);
      seen.add(/<\|end\|><\|start\|>assistant<\|channel\|>(final|commentary)/.exec(after)[1]);
    }
    assert.ok(given.length > 0 ? seen.has("commentary") : !seen.has("commentary"), [...seen].join(" "));
  }
});

test("gpt-oss may think before a call that is required, once", async () => {
  const options = { tools: short, tool_choice: "required", chat_template: TEMPLATES.harmony, seed: 1 };
  const header = "<|channel|>analysis<|message|>";
  const thinking = beginning([...encoded(header), ...encoded("So it is.<|end|>")]);
  const { tool_calls, reasoning_content, content } = await (await converse(thinking, messages, options)).complete();
  assert.deepEqual([tool_calls.length, reasoning_content, content], [1, "So it is.", ""]);
  const call = "<|end|><|start|>assistant<|channel|>commentary to=functions.";
  assert.ok(generator.text.startsWith(`${header}So it is.${call}`), generator.text);
});

test("gpt-oss's answer ends with its last message, and a constraint holds within that", async () => {
  const chat_template = TEMPLATES.harmony;
  const final = "<|channel|>final<|message|>";
  const answer = await converse(beginning(encoded(`${final}Yes.<|end|>`)), messages, { chat_template });
  assert.equal((await answer.complete()).content, "Yes.");
  assert.deepEqual([answer.finish_reason, generator.text], ["stop", `${final}Yes.<|end|>`]);
  const json_schema = z.toJSONSchema(schemas.get);
  for (const it of [generator, worker]) {
    const options = { chat_template, json_schema, thinking: { limit: 2 }, seed: 4, max_tokens: 60 };
    const { content, reasoning_content } = await (await converse(it, messages, options)).complete();
    assert.equal(reasoning_content, undefined);
    schemas.get.parse(JSON.parse(content));
    assert.equal(await it.text, final + content);
  }
});

test("an answer under a constraint is text, though the prompt begins the thinking", async () => {
  const chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}<think>\n{# </think> #}";
  const json_schema = z.toJSONSchema(schemas.get);
  for (const thinking of [undefined, { limit: 0 }, { limit: 2 }]) {
    const options = { chat_template, json_schema, thinking, seed: 4, max_tokens: 60 };
    const { content, reasoning_content } = await (await converse(generator, messages, options)).complete();
    assert.equal(reasoning_content, undefined);
    schemas.get.parse(JSON.parse(content));
  }
});

test("an abort from outside ends the answer at any token, and is its reason", async () => {
  const options = { tools, tool_choice: { name: "get" }, parallel_tool_calls: false, seed: 3 };
  /** How many tokens come if the text is aborted after this many, and why they end. */
  const aborted = async (it, family, count) => {
    const answer = await converse(it, messages, { ...options, chat_template: TEMPLATES[family] });
    let told = 0;
    for await (const { id } of answer) if (id !== undefined && ++told === count) await it.abort();
    return [told, answer.finish_reason];
  };
  for (const [family, it] of Object.entries({ hermes: generator, lfm2: worker })) {
    const [total, reason] = await aborted(it, family, Infinity);
    assert.equal(reason, "tool_calls");
    for (let count = 1; count < total; count++) {
      assert.deepEqual(await aborted(it, family, count), [count, "abort"], `${family}, ${count} of ${total}`);
    }
  }
});

test("an abort at the marker is not undone where the rest of its token is written anew", async () => {
  const ids = Array.from({ length: generator.info().vocabulary_size }, (_, id) => id);
  const longer = ids.find((id) => /^e[a-z]+$/.test(generator.token_text(id)));
  const options = { tools, chat_template: TEMPLATES.gemma, seed: 2 };
  const answer = await converse(beginning([...encoded("```tool_cod"), longer]), messages, options);
  for await (const { id } of answer) if (id === longer) generator.abort();
  assert.equal(answer.finish_reason, "abort");
});

test("an error of a generator of another copy keeps its code", async () => {
  const foreign = Object.assign(new Error("gone"), { code: "freed" });
  const other = { next_token() {}, chat_request: () => Promise.reject(foreign) };
  assert.equal(await rejection(converse(other, messages)), foreign);
});

test("a control token at the end of the prompt begins the thinking", async () => {
  const named = new Proxy(generator, {
    get(target, name) {
      if (name === "token_name") return () => "[THINK]";
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const chat_template = "{% for m in messages %}{{ m.content }}{% endfor %}{# [/THINK] #}";
  const answer = await converse(named, messages, { chat_template, max_tokens: 9, temperature: 0 });
  const { content, reasoning_content } = await answer.complete();
  assert.deepEqual([content, reasoning_content.length > 0], ["", true]);
});

/** The text of the first tokens. */
const thought = async (generator, count) => generator.detokenize((await generator.ids).slice(0, count));

test("leaving the loop ends the answer", async () => {
  const answer = await converse(generator, messages, { chat_template: TEMPLATES.hermes, max_tokens: 200 });
  for await (const { text } of answer) if (text) break;
  assert.equal(generator.next_token(), undefined);
  assert.ok(answer.message.content.length > 0);
  assert.equal(answer.finish_reason, "abort");
  assert.equal((await rejection(answer.complete())).code, "busy");
});

test("after a loop to the end the message is there at once, and the answer is not read again", async () => {
  const answer = await converse(generator, messages, { chat_template: TEMPLATES.hermes, max_tokens: 20 });
  let text = "";
  for await (const part of answer) text += part.text;
  assert.deepEqual(await answer.complete(), { role: "assistant", content: text });
  assert.deepEqual(await answer.complete(), answer.message);
  assert.equal(answer.finish_reason, "length");
  assert.equal((await rejection(answer[Symbol.asyncIterator]().next())).code, "busy");
});

test("a call that the limit cuts off is text with a warning", async () => {
  const options = { tools, tool_choice: "required", chat_template: TEMPLATES.hermes, max_tokens: 12, seed: 1 };
  const answer = await converse(generator, messages, options);
  const { content, tool_calls } = await answer.complete();
  assert.equal(tool_calls, undefined);
  assert.ok(content.startsWith("<tool_call>"), content);
  assert.match(answer.warnings[0], /could not be read/);
  assert.equal(answer.finish_reason, "length");
});

test("what cannot be used is an error that says so", async () => {
  const chat_template = TEMPLATES.hermes;
  for (const [given, options, code = "invalid_option"] of [
    [messages, { tools: [{ type: "function", function: { name: "a b" } }] }],
    [messages, { tools: [tools[0], tools[0]] }],
    [messages, { tools: [tools[0].function] }],
    [messages, { tools, tool_choice: { name: "rm" } }],
    [messages, { tool_choice: "required" }],
    [messages, { tools, regex: "a" }],
    [messages, { regex: "a", grammar: 'root ::= "a"' }],
    [messages, { regex: "a", grammar: 'root ::= "a"', chat_template: TEMPLATES.harmony }],
    [messages, { thinking: { limit: -1 } }],
    [messages, { thinking: { most: 1 } }, "unknown_option"],
    [messages, { temprature: 1 }, "unknown_option"],
    [[], {}],
    [[{ role: "assistant", tool_calls: [{ function: { name: "now", arguments: "{" } }] }], {}],
    ...["null", "5", "[]", 5].map((given) => [
      [{ role: "assistant", tool_calls: [{ function: { name: "now", arguments: given } }] }],
      {},
    ]),
    [[{ role: "user", content: 7 }], {}],
  ]) {
    const error = await rejection(converse(generator, given, { chat_template, ...options }));
    assert.equal(error.code, code, error.message);
  }
});

test("a text without a marker is any text in which it does not come", () => {
  const pattern = new RegExp(`^${textWithout("</par>")}$`, "s");
  for (const text of ["", "a < b", "<<</pa", "</p>\n<p>", "</<</par", "<b></b>\n"]) {
    assert.equal(pattern.test(text + "\n"), true, text);
    assert.equal(pattern.test(text + "</par>\n"), false, text);
  }
});

test("after a stop string in the marker's own token no call is drawn", async () => {
  const ids = encoded("Well. <tool_call>");
  // The last tokens of the marker come as one with the stop string.
  const whole = new Proxy(beginning(ids), {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (name !== "next_token") return value;
      return () => {
        let text = "";
        for (; ids.length > 1;) text += value().text;
        const token = value();
        return token && { ...token, text: text + token.text };
      };
    },
  });
  const answer = await converse(whole, messages, { tools, chat_template: TEMPLATES.hermes, stop: "ell", seed: 1 });
  let count = 0;
  for await (const part of answer) count += part.channel === "call" ? 1 : 0;
  assert.deepEqual([count, answer.message.content, answer.finish_reason], [0, "W", "stop"]);
  assert.equal(generator.ids.length, encoded("Well. <tool_call>").length);
});
