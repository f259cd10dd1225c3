// The clients against a real server with OpenAI's interface, by hand: it has to run already, with a model for chats.
//
//     llama-server --model SmolLM2-135M-Instruct.Q4_1.gguf --port 8080 --jinja
//     node --test tests/clients/real-server.mjs
//
// SERVER names another address than that, and MODEL the model where the server wants its name. TOOLS=1 has it call a tool,
// for which the model's template must know tools, as SmolLM2's does not. server.test.mjs has the same calls against a small
// server of its own, which can also fail as one wants.

import assert from "node:assert/strict";
import { test } from "node:test";
import { generateObject, generateText, stepCountIs, streamText, tool } from "ai";
import OpenAI from "openai";
import { z } from "zod";
import { createNextToken } from "../../pkg/clients/ai-sdk.js";
import { loadModel } from "../../pkg/clients/model.js";
import { createOpenAI } from "../../pkg/clients/openai.js";
import { defineLanguageModel } from "../../pkg/clients/prompt-api.js";
import { rejection, stories } from "./engine.mjs";

const { SERVER: baseURL = "http://127.0.0.1:8080/v1", MODEL: name = "default" } = process.env;
const server = { baseURL, model: name, when: "always" };
const model = await loadModel(stories, { worker: false, server });
const messages = [{ role: "user", content: "What is the capital of France? Answer in one sentence." }];
const settings = { temperature: 0, max_tokens: 24 };

test("a chat and a completion, whole and streamed, by our client and the official one", async () => {
  const ours = createOpenAI(model);
  const official = new OpenAI({ apiKey: "none", baseURL: "http://here/v1", fetch: ours.fetch, maxRetries: 0 });
  for (const client of [ours, official]) {
    const request = { model: name, messages, ...settings };
    const whole = await client.chat.completions.create(request);
    const { content } = whole.choices[0].message;
    assert.match(content, /Paris/);
    assert.ok(whole.usage.completion_tokens > 0 && whole.usage.prompt_tokens > 0);
    let [streamed, used] = ["", undefined];
    const options = { stream: true, stream_options: { include_usage: true } };
    for await (const { choices, usage } of await client.chat.completions.create({ ...request, ...options })) {
      streamed += choices[0]?.delta.content ?? "";
      used = usage ?? used;
    }
    assert.equal(streamed, content);
    assert.equal(used.completion_tokens, whole.usage.completion_tokens);
    const prompt = "The capital of France is";
    const { choices } = await client.completions.create({ model: name, prompt, ...settings });
    assert.match(choices[0].text, /Paris/);
    const cut = await client.completions.create({ model: name, prompt, ...settings, max_tokens: 2 });
    assert.equal(cut.choices[0].finish_reason, "length");
    const stopped = await client.completions.create({ model: name, prompt, ...settings, stop: ["Paris"] });
    assert.deepEqual([/Paris/.test(stopped.choices[0].text), stopped.choices[0].finish_reason], [false, "stop"]);
  }
  assert.ok((await ours.models.list()).data.length > 0);
});

test("what the core passes on: options, a seed, channels and usage", async () => {
  const written = async (options) => {
    let text = "";
    const { finish_reason, usage } = await model.write(
      { messages, options },
      { onToken: (token) => (text += token.text) },
    );
    return { text, finish_reason, usage };
  };
  const drawn = { temperature: 1, top_k: 40, top_p: 0.95, min_p: 0.05, max_tokens: 16 };
  const [first, again] = [await written({ ...drawn, seed: 5 }), await written({ ...drawn, seed: 5 })];
  assert.equal(first.text, again.text);
  assert.ok(first.usage.completion_tokens <= 16 && first.usage.prompt_tokens > 0);
  const json_schema = { type: "object", properties: { city: { enum: ["Paris", "Rome"] } }, required: ["city"] };
  const { text } = await written({ ...settings, json_schema });
  assert.equal(JSON.parse(text).city, "Paris");
});

test("the AI SDK: text, stream and object", async () => {
  const sdk = createNextToken(model)();
  const { text, usage } = await generateText({ model: sdk, messages, temperature: 0, maxOutputTokens: 24 });
  assert.match(text, /Paris/);
  assert.ok(usage.outputTokens > 0);
  let streamed = "";
  for await (const part of streamText({ model: sdk, messages, temperature: 0, maxOutputTokens: 24 }).textStream) {
    streamed += part;
  }
  assert.equal(streamed, text);
  const schema = z.object({ city: z.string() });
  const { object } = await generateObject({ model: sdk, messages, schema, temperature: 0, maxOutputTokens: 40 });
  assert.equal(typeof object.city, "string");
});

const skip = !process.env.TOOLS && "without TOOLS=1";

test("the AI SDK has the server call a tool", { skip }, async () => {
  const sdk = createNextToken(model)();
  const weather = tool({
    inputSchema: z.object({ place: z.enum(["Paris", "Rome"]) }),
    execute: ({ place }) => `sunny in ${place}`,
  });
  const { steps } = await generateText({
    ...{ model: sdk, temperature: 0, maxOutputTokens: 60, stopWhen: stepCountIs(2), tools: { weather } },
    messages: [{ role: "user", content: "What is the weather in Paris?" }],
    prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
  });
  assert.deepEqual([steps[0].toolCalls[0].toolName, steps[0].finishReason], ["weather", "tool-calls"]);
  assert.ok(["Paris", "Rome"].includes(steps[0].toolCalls[0].input.place));
  assert.equal(steps.length, 2);
});

test("the Prompt API", async () => {
  const LanguageModel = defineLanguageModel(stories, { worker: false, server });
  const session = await LanguageModel.create();
  assert.ok((await session.prompt("What is the capital of France?")).length > 10);
  const constrained = {
    responseConstraint: { type: "object", properties: { city: { enum: ["Paris", "Rome"] } }, required: ["city"] },
  };
  assert.ok(["Paris", "Rome"].includes(JSON.parse(await session.prompt("As JSON?", constrained)).city));
});

test("an abort ends the answer, and what the server refuses is an error with its words", async () => {
  const controller = new AbortController();
  const long = { messages, options: { temperature: 1, max_tokens: 2000 } };
  const aborted = rejection(
    model.write(long, { signal: controller.signal, onToken: () => controller.abort("enough") }),
  );
  assert.equal(await aborted, "enough");
  const refused = await rejection(model.write({ messages: [{ role: "user", content: 5 }] }));
  assert.equal(refused.code, "server");
  assert.match(refused.message, /answered [45]\d\d: \S/);
  const nowhere = { ...server, baseURL: `${baseURL}/nowhere` };
  const lost = await loadModel(stories, { worker: false, server: nowhere });
  assert.match((await rejection(lost.write({ messages }))).message, /answered 404/);
});
