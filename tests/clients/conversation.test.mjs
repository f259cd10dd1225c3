// `nexttoken/conversation` with a model that knows no tools: what it draws is random, and its calls keep to the schemas.

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { converse } from "../../pkg/conversation.js";
import { closedSchema } from "../../pkg/conversation/closed-schema.js";
import { textWithout } from "../../pkg/conversation/value-pattern.js";
import { beginning, encoded, generator, messages, schemas, TEMPLATES, tools, worker } from "./conversation-model.mjs";
import { rejection } from "./engine.mjs";

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
