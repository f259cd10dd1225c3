// `loadModel`: who answers, and that each client works the same on a server.

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { generateText, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { z } from "zod";
import { createNextToken } from "../../pkg/clients/ai-sdk.js";
import { loadModel } from "../../pkg/clients/model.js";
import { createOpenAI } from "../../pkg/clients/openai.js";
import { defineLanguageModel } from "../../pkg/clients/prompt-api.js";
import { Generator, rejection, stories } from "./engine.mjs";
import { serve } from "./server.mjs";

const { baseURL, asked, close, text } = await serve();
after(close);
const server = { baseURL, model: "big", apiKey: "secret", headers: { "X-Mine": "1" } };
const onServer = () => loadModel(stories, { worker: false, server: { ...server, when: "always" } });
const messages = [{ role: "user", content: "Hello" }];

/** Calls `use` while `Generator` has another method. */
async function replaced(method, substitute, use) {
  const { [method]: original } = Generator;
  Generator[method] = substitute;
  try {
    return await use();
  } finally {
    Generator[method] = original;
  }
}

test("a model that fits is loaded here, and the server is not asked", async () => {
  const before = asked.length;
  const model = await loadModel(stories, { worker: false, server });
  assert.equal(model.backend, "browser");
  assert.equal(model.reason, undefined);
  assert.equal(await model.name(), "nexttoken");
  const answer = await createOpenAI(model).completions.create({ prompt: "Once", max_tokens: 2 });
  assert.equal(answer.usage.completion_tokens, 2);
  assert.equal(asked.length, before);
  model.free();
});

test("a model that does not fit is the server's, with the reason", async () => {
  // A model of as many positions as no tab has memory for.
  const large = Buffer.from(stories);
  const key = "llama.context_length";
  const context_length = 16_777_216;
  large.writeUInt32LE(context_length, large.indexOf(key) + key.length + 4);
  const model = await loadModel(large, { worker: false, context_length, server });
  assert.equal(model.backend, "server");
  assert.match(model.reason, /memory/);
  const unknown = Buffer.from(stories);
  unknown.write("lxama", unknown.indexOf("llama"));
  assert.match((await loadModel(unknown, { worker: false, server })).reason, /lxama/);
});

test("a load that runs out of memory ends at the server, another error does not", async () => {
  const throwing = (code) => () => Promise.reject(Object.assign(new Error("too large"), { code }));
  const load = () => loadModel(stories, { worker: false, server });
  const model = await replaced("load", throwing("out_of_memory"), load);
  assert.deepEqual([model.backend, model.reason], ["server", "too large"]);
  assert.equal((await rejection(replaced("load", throwing("io"), load))).code, "io");
  assert.equal((await rejection(loadModel(new Uint8Array(99), { worker: false, server }))).code, "not_gguf");
  assert.equal((await rejection(loadModel(stories, { worker: false, server: { baseURL } }))).code, "invalid_option");
});

test("the caller may prefer the server, and a model that is too slow goes to it", async () => {
  const load = (more) => loadModel(stories, { worker: false, server: { ...server, ...more } });
  assert.equal((await load({ when: ({ parameters }) => parameters > 1e6 })).backend, "server");
  assert.equal((await load({ when: ({ parameters }) => parameters > 1e9 })).backend, "browser");
  assert.match((await load({ minTokensPerSecond: 1e9 })).reason, /too slow/);
  assert.equal((await load({ minTokensPerSecond: 0.01 })).backend, "browser");
});

test("OpenAI's interface, by itself and by the official client", async () => {
  const ours = createOpenAI(await onServer());
  assert.equal(ours.backend, "server");
  const official = new OpenAI({ apiKey: "none", baseURL: "http://here/v1", fetch: ours.fetch, maxRetries: 0 });
  for (const client of [ours, official]) {
    const request = { model: "mine", messages, tools: [{ type: "function", function: { name: "f" } }] };
    const answer = await client.chat.completions.create(request);
    assert.equal(answer.choices[0].message.content, text);
    const { body, headers } = asked.at(-1);
    // The request goes as it is, with the server's own model and key.
    assert.deepEqual(body, { ...request, model: "big" });
    assert.deepEqual([headers.authorization, headers["x-mine"]], ["Bearer secret", "1"]);
    let written = "";
    for await (const { choices } of await client.chat.completions.create({ ...request, stream: true })) {
      written += choices[0]?.delta.content ?? "";
    }
    assert.equal(written, text);
    assert.equal((await client.completions.create({ model: "mine", prompt: "Hello" })).choices[0].text, text);
    assert.equal((await rejection(client.embeddings.create({ model: "mine", input: "x" }))).status, 404);
  }
  const response = await ours.fetch("http://here/v1/models");
  assert.equal(response.headers.get("x-nexttoken-backend"), "server");
});

test("the text of a server has its channel", async () => {
  const channels = new Set();
  await (await onServer()).write({ messages, channels: {} }, { onToken: ({ channel }) => channels.add(channel) });
  assert.deepEqual([...channels], ["text"]);
});

test("the AI SDK", async () => {
  const model = createNextToken(await onServer())();
  const schema = { type: "object" };
  const { text: whole, usage, providerMetadata } = await generateText({ model, messages, temperature: 0.5, seed: 3 });
  assert.equal(whole, text);
  assert.deepEqual([usage.inputTokens, usage.outputTokens], [7, 5]);
  assert.deepEqual(providerMetadata.nexttoken, { backend: "server", reason: "the server was asked for" });
  const { temperature, seed, model: name } = asked.at(-1).body;
  assert.deepEqual([temperature, seed, name], [0.5, 3, "big"]);
  const deltas = [];
  for await (const delta of streamText({ model, messages }).textStream) deltas.push(delta);
  assert.deepEqual(deltas.join(""), text);
  await model.doGenerate({ prompt: [], responseFormat: { type: "json", schema } });
  assert.deepEqual(asked.at(-1).body.response_format.json_schema.schema, schema);
  const typical = { providerOptions: { nexttoken: { typical_p: 0.5 } } };
  assert.equal((await rejection(generateText({ model, messages, ...typical }))).code, "invalid_option");
});

test("the AI SDK has the server call tools, and tells it what they gave", async () => {
  const model = createNextToken(await onServer())();
  const { steps, text: answer } = await generateText({
    ...{ model, messages, stopWhen: stepCountIs(2) },
    tools: {
      weather: tool({ inputSchema: z.object({ place: z.string() }), execute: ({ place }) => `sunny ${place}` }),
    },
    prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "auto" }),
  });
  assert.equal(steps[0].reasoningText, "Hm. So.");
  assert.deepEqual([steps[0].toolCalls[0].input, steps[0].finishReason], [{ place: "Rome" }, "tool-calls"]);
  assert.equal(answer, text);
  const { messages: told, tools } = asked.at(-1).body;
  assert.equal(tools[0].function.name, "weather");
  assert.deepEqual(told[1].tool_calls[0].function, { name: "weather", arguments: '{"place":"Rome"}' });
  assert.deepEqual([told[2].role, told[2].content, told[2].tool_call_id], ["tool", "sunny Rome", "call-1"]);
});

/** The calls that are read of a stream with these pieces. */
async function callsOf(...pieces) {
  const chunks = pieces.map((tool_calls) => `data: ${JSON.stringify({ choices: [{ delta: { tool_calls } }] })}\n\n`);
  const fetch = async () => new Response(chunks.join("") + "data: [DONE]\n\n");
  const model = await loadModel(stories, { server: { baseURL, model: "big", fetch, when: "always" } });
  const calls = [];
  const channels = { tools: [{ type: "function", function: { name: "f" } }] };
  await model.write({ messages, channels }, { onToken: ({ tool_calls }) => calls.push(...tool_calls) });
  return calls;
}

test("a server's calls are put together whatever their indices are", async () => {
  const piece = (index, id, name, given) => ({ index, id, function: { name, arguments: given } });
  const told = (calls) => calls.map(({ id, function: { name, arguments: given } }) => [id, name, given]);
  const before = Object.getOwnPropertyNames(Array.prototype);
  assert.deepEqual(told(await callsOf([piece("__proto__", "a", "f", "{}")])), [["a", "f", {}]]);
  assert.deepEqual(Object.getOwnPropertyNames(Array.prototype), before);
  assert.deepEqual(told(await callsOf([piece(4e9, "a", "f", "{}")])), [["a", "f", {}]]);
  // The absent comes as null, too.
  const nulls = [null, [piece(0, "a", "f", null)], [piece(0, null, null, '{"b": 1}')], [{ index: 0, function: null }]];
  assert.deepEqual(told(await callsOf(...nulls)), [["a", "f", { b: 1 }]]);
  const unnumbered = [
    [piece(undefined, "a", "f", "{}")],
    [piece(undefined, "b", "g", "{")],
    [piece(undefined, "b", "", "}")],
  ];
  assert.deepEqual(told(await callsOf(...unnumbered)), [
    ["a", "f", {}],
    ["b", "g", {}],
  ]);
});

test("a server's call has an id, and an object for its arguments", async () => {
  const call = (given) => callsOf([{ index: 0, function: { name: "f", arguments: given } }]);
  const [{ id, function: called }] = await call("null");
  assert.match(id, /^[a-zA-Z0-9]{9}$/);
  assert.deepEqual(called.arguments, {});
  await (await onServer()).write({ messages, channels: { tools: [{}], tool_choice: null } });
  assert.equal("tool_choice" in asked.at(-1).body, false);
  for (const given of ['"a"', "5", "[]"]) assert.match((await rejection(call(given))).message, /no object/);
});

test("the Prompt API", async () => {
  const LanguageModel = defineLanguageModel(stories, { worker: false, server: { ...server, when: "always" } });
  const session = await LanguageModel.create();
  assert.equal(await session.prompt("Hello"), text);
  assert.equal(LanguageModel.backend, "server");
  assert.equal(await session.prompt("Again"), text);
  assert.deepEqual(
    asked.at(-1).body.messages.map(({ content }) => content),
    ["Hello", text, "Again"],
  );
});

test("a server that refuses, breaks off or is not there is an error that says so", async () => {
  const model = await onServer();
  const write = (model, options) => rejection(model.write({ messages, options }));
  const broken = await write(model, { seed: 666 });
  assert.deepEqual([broken.code, /broke off/.test(broken.message)], ["server", true]);
  const stranger = await loadModel(stories, { server: { ...server, apiKey: "wrong", when: "always" } });
  assert.match((await write(stranger)).message, /401: who are you/);
  const error = await rejection(createOpenAI(stranger).chat.completions.create({ messages }));
  assert.deepEqual([error.status, error.code, error.message], [401, "no_key", "who are you?"]);
  const nobody = await loadModel(stories, { server: { ...server, baseURL: "http://127.0.0.1:9/v1", when: "always" } });
  assert.match((await write(nobody)).message, /could not be reached/);
  assert.equal((await rejection(createOpenAI(nobody).chat.completions.create({ messages }))).status, 503);
  const controller = new AbortController();
  const aborted = rejection(model.write({ messages }, { signal: controller.signal }));
  controller.abort("enough");
  assert.equal(await aborted, "enough");
});
