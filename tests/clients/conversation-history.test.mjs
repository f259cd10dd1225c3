// How a history is told to a template: the families, tools, calls with their results, and thinking.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { FORMATS, formatOf, thinkingOf } from "../../pkg/conversation/format.js";
import { prepare } from "../../pkg/conversation/history.js";

const THINKING = ["<think>", "</think>"];
const tool = { name: "now", parameters: { type: "object", properties: {} } };
const now = { name: "now", arguments: {} };

/** A template of the tests. */
const template = (name) => readFile(new URL(`../data/chat/${name}.jinja`, import.meta.url), "utf8");
/** A call with an id. */
const call = (id) => ({ id, type: "function", function: now });
/** Messages as they are, and with control tokens made plain text, as the engine does. */
const asTheyAre = async (messages) => ({ messages });
const shielded = async (messages) => ({
  messages: messages.map(({ role, content }) => ({ role, content: content.replaceAll("<|", "<\u{FDD0}|") })),
});
/** An object without what is undefined. */
const defined = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

test("the family is found in the template, else in the vocabulary", async () => {
  const none = async () => false;
  const families = {
    ...{ llama3: "llama", llama32: "llama", mistraltools: "mistral", nemo: "mistral", lfm2: "lfm2", gemma: "gemma" },
    ...{ qwen3coder: "xml", qwen2: "hermes", gemma4: "gemma4", harmony: "harmony", gptoss: "harmony" },
  };
  for (const [name, family] of Object.entries(families)) {
    assert.equal((await formatOf(await template(name), none)).name, family, name);
  }
  for (const [token, family] of [
    ["[TOOL_CALLS]", "mistral"],
    ["<|tool_call>", "gemma4"],
    ["<|channel|>", "harmony"],
  ]) {
    assert.equal((await formatOf("{{ x }}", async (text) => text === token)).name, family);
  }
  assert.deepEqual(await thinkingOf(await template("qwen3"), none), THINKING);
  assert.deepEqual(await thinkingOf("", async (text) => text.includes("THINK]")), ["[THINK]", "[/THINK]"]);
});

test("a history is told as each template can render it", async () => {
  const messages = [
    { role: "user", content: "When?" },
    { role: "assistant", content: "", reasoning_content: "hm", tool_calls: [{ type: "function", function: now }] },
    { role: "tool", content: "noon <|im_end|>", tool_call_id: "1" },
  ];
  const prepared = (template) =>
    prepare(messages, { template, format: FORMATS.hermes, thinking: THINKING, tools: [tool], request: shielded });
  const able = await prepared("tools tool_calls reasoning_content");
  assert.deepEqual(able.variables.tools, [{ type: "function", function: tool }]);
  assert.deepEqual(able.variables.messages[1], messages[1]);
  assert.equal(able.variables.messages[2].content, "noon <\u{FDD0}|im_end|>");
  const plain = await prepared("</think>");
  assert.deepEqual(plain.variables, {});
  const [system, , answer, result] = plain.messages;
  assert.match(system.content, /"name":"now"/);
  assert.equal(
    answer.content,
    '<think>\nhm\n</think>\n\n\n<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>',
  );
  assert.deepEqual(result, { role: "user", content: "<tool_response>\nnoon <|im_end|>\n</tool_response>" });
});

test("gpt-oss's history has one call a message, and a text before it with what was thought", async () => {
  const messages = [
    { role: "user", content: "When?" },
    { role: "assistant", content: "I look.", reasoning_content: "hm", tool_calls: [call("a"), call("b")] },
    { role: "tool", content: "two", tool_call_id: "b" },
    { role: "tool", content: "one", tool_call_id: "a" },
    { role: "tool", content: "more" },
    { role: "assistant", content: "Noon.", reasoning_content: "so" },
  ];
  const { variables } = await prepare(messages, {
    template: await template("harmony"),
    format: FORMATS.harmony,
    thinking: THINKING,
    tools: [],
    request: asTheyAre,
  });
  assert.deepEqual(variables.messages, [
    messages[0],
    { role: "assistant", content: "", thinking: "hm\n\nI look.", tool_calls: [call("a")] },
    messages[3],
    { role: "assistant", content: "", tool_calls: [call("b")] },
    messages[2],
    messages[4],
    { role: "assistant", content: "Noon.", thinking: "so" },
  ]);
});

test("Gemma 4's history has the results with their calls, and no thought that the template does not know", async () => {
  const messages = [
    { role: "user", content: "When?" },
    { role: "assistant", content: "", reasoning_content: "hm", tool_calls: [call("a"), call("b")] },
    { role: "tool", content: '{"hour": 12}', tool_call_id: "b" },
    { role: "tool", content: "noon", tool_call_id: "a" },
    { role: "assistant", content: "Noon.", reasoning_content: "so" },
    { role: "user", content: "And now?" },
    { role: "assistant", content: "", tool_calls: [call("c")] },
  ];
  const prepared = async (template) => {
    const how = { template, format: FORMATS.gemma4, thinking: FORMATS.gemma4.thinking, tools: [], request: asTheyAre };
    return (await prepare(messages, how)).variables.messages;
  };
  const tool_responses = [
    { name: "now", response: "noon" },
    { name: "now", response: { hour: 12 } },
  ];
  const answer = { role: "assistant", content: "Noon.", tool_calls: [call("a"), call("b")], tool_responses };
  const expected = [messages[0], answer, messages[5], messages[6]];
  const [user, first, ...others] = await prepared(await template("gemma4"));
  assert.deepEqual([user, { ...first, reasoning_content: undefined }, ...others].map(defined), expected);
  assert.equal(first.reasoning_content, "hm");
  assert.deepEqual(await prepared("tool_calls tool_responses <|channel> <channel|>"), expected);
  // A template that knows results as others do.
  assert.deepEqual((await prepared("tool_calls reasoning_content")).length, messages.length);
});

test("Gemma 4 is told what a tool has said, digit by digit", () => {
  const told = (content) => {
    const [message] = FORMATS.gemma4.history(
      [
        { role: "assistant", content: "", tool_calls: [call("a")] },
        { role: "tool", content, tool_call_id: "a" },
      ],
      "tool_responses",
    );
    return message.tool_responses[0].response;
  };
  assert.deepEqual(told('{"hour": 12.5, "on": [true, null]}'), { hour: 12.5, on: [true, null] });
  assert.deepEqual(told("[20, 0, 100.05]"), [20, 0, 100.05]);
  for (const text of ["12", "1.10", '"noon"', '{"id": 9007199254740993}', '{"price": 1.10}', "[1e3]", "{}}", "noon"]) {
    assert.equal(told(text), text);
  }
});

test("tools are told to a template without a system role by the user, and cannot spell special tokens", async () => {
  const messages = [{ role: "user", content: "When?" }];
  const spelling = [{ name: "now", description: "<|im_end|>", parameters: {} }];
  const prepared = (template) =>
    prepare(messages, { template, format: FORMATS.gemma, thinking: THINKING, tools: spelling, request: shielded });
  const { variables } = await prepared("tools tool_calls");
  assert.equal(variables.tools[0].function.description, "<\u{FDD0}|im_end|>");
  const refusing = await template("gemma2");
  const original =
    "{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}";
  for (const template of [refusing, original]) {
    const [user, ...others] = (await prepared(template)).messages;
    assert.deepEqual([user.role, others], ["user", []]);
    assert.match(user.content, /"name":"now"[^]*\n\nWhen\?$/);
  }
  const [system] = (await prepared("{% if messages[0].role == 'system' %}{{ messages[0].content }}{% endif %}"))
    .messages;
  assert.equal(system.role, "system");
});
