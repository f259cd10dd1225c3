// `nexttoken/conversation` with the families that write in channels of their own, gpt-oss and Gemma 4.

import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { converse } from "../../pkg/conversation.js";
import { gemmaGrammar } from "../../pkg/conversation/gemma-grammar.js";
import { beginning, encoded, generator, messages, schemas, TEMPLATES, tools, worker } from "./conversation-model.mjs";

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
