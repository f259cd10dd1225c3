// `nexttoken/ai-sdk`, called by the AI SDK itself.

import assert from "node:assert/strict";
import { test } from "node:test";
import { NoSuchModelError, UnsupportedFunctionalityError } from "@ai-sdk/provider";
import { Output, generateObject, generateText, stepCountIs, streamObject, streamText, tool } from "ai";
import { z } from "zod";
import { createNextToken } from "../../pkg/clients/ai-sdk.js";
import { asynchronous, chat_template, load, rejection, tool_template } from "./engine.mjs";

// The SDK prints the warnings that the tests look at.
globalThis.AI_SDK_LOG_WARNINGS = false;

const generator = await load();
const prompt = "Once upon a time, there was a fox.";
const greedy = { prompt, temperature: 0, maxOutputTokens: 12 };

async function expected(options = {}) {
  const messages = [{ role: "user", content: prompt }];
  await generator.chat(messages, { chat_template, temperature: 0, max_tokens: 12, ...options });
  return [...generator].map(({ text }) => text).join("");
}

const animal = z.object({ animal: z.enum(["fox", "bird"]), legs: z.number().int().min(1).max(9) });

const place = z.strictObject({ place: z.string().max(9), unit: z.enum(["C", "F"]) });

for (const [name, provider] of Object.entries({
  direct: createNextToken(generator, { chat_template }),
  "over a worker": createNextToken(asynchronous(await load()), { chat_template }),
})) {
  const model = provider();

  test(`${name}: generateText`, async () => {
    const { text, finishReason, usage, warnings, providerMetadata, response } = await generateText({
      model,
      ...greedy,
    });
    assert.equal(text, await expected());
    assert.equal(finishReason, "length");
    assert.equal(usage.outputTokens, 12);
    assert.equal(usage.inputTokens, generator.prompt_ids.length);
    assert.deepEqual(warnings ?? [], []);
    assert.deepEqual(providerMetadata, { nexttoken: { backend: "browser" } });
    assert.equal(response.modelId, "nexttoken");
  });

  test(`${name}: streamText`, async () => {
    const stream = streamText({ model, ...greedy });
    const deltas = [];
    for await (const delta of stream.textStream) deltas.push(delta);
    assert.ok(deltas.length > 5);
    assert.equal(deltas.join(""), await expected());
    assert.equal(await stream.finishReason, "length");
    assert.equal((await stream.usage).outputTokens, 12);
  });

  test(`${name}: a conversation with a system message, and the engine's own options`, async () => {
    const conversation = {
      instructions: "A tale.",
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "Once " },
            { type: "text", text: "upon" },
          ],
        },
        { role: "assistant", content: "a time" },
        { role: "user", content: "there was" },
      ],
    };
    const { text } = await generateText({
      model,
      ...conversation,
      maxOutputTokens: 8,
      providerOptions: { nexttoken: { temperature: 0, stop: ["."] } },
    });
    const messages = [
      { role: "system", content: "A tale." },
      { role: "user", content: "Once upon" },
      { role: "assistant", content: "a time" },
      { role: "user", content: "there was" },
    ];
    await generator.chat(messages, { chat_template, temperature: 0, max_tokens: 8, stop: ["."] });
    assert.equal(text, [...generator].map(({ text }) => text).join(""));
  });

  test(`${name}: structured output keeps to its schema`, async () => {
    const settings = { model, prompt, seed: 3, maxOutputTokens: 80 };
    const { object } = await generateObject({ ...settings, schema: animal });
    animal.parse(object);
    const { output } = await generateText({ ...settings, output: Output.object({ schema: animal }) });
    animal.parse(output);
    const streamed = streamObject({ ...settings, schema: animal });
    const partial = [];
    for await (const part of streamed.partialObjectStream) partial.push(part);
    assert.deepEqual(partial.at(-1), await streamed.object);
    animal.parse(await streamed.object);
    const choice = Output.choice({ options: ["sunny", "rainy"] });
    assert.match((await generateText({ ...settings, output: choice })).output, /^(sunny|rainy)$/);
  });

  test(`${name}: abort ends the text, and the next one starts`, async () => {
    const controller = new AbortController();
    const long = { model, prompt, temperature: 0, maxOutputTokens: 250, abortSignal: controller.signal };
    const parts = [];
    for await (const part of streamText(long).fullStream) {
      parts.push(part.type);
      if (parts.length === 5) controller.abort();
    }
    assert.equal(parts.at(-1), "abort");
    assert.ok(parts.length < 100);
    assert.match(String(await rejection(generateText(long))), /abort/i);
    assert.equal((await generateText({ model, ...greedy })).text, await expected());
  });

  test(`${name}: what the engine does not have becomes a warning`, async () => {
    const { warnings, text } = await generateText({ model, ...greedy, reasoning: "high" });
    const features = warnings.map(({ type, feature }) => `${type} ${feature}`);
    assert.deepEqual(features, ["unsupported reasoning"]);
    assert.equal(text, await expected());
  });

  test(`${name}: a round trip: tools, call, result, answer`, async () => {
    const asked = [];
    const tools = {
      weather: tool({
        description: "Tells the weather.",
        inputSchema: place,
        execute: (given) => (asked.push(given), "sunny"),
      }),
    };
    const { steps, text } = await generateText({
      ...{ model, prompt, tools, toolChoice: "auto", temperature: 1, seed: 4, maxOutputTokens: 150 },
      prepareStep: ({ stepNumber }) => ({ toolChoice: stepNumber === 0 ? "required" : "none" }),
      stopWhen: stepCountIs(2),
      providerOptions: { nexttoken: { chat_template: tool_template, parallel_tool_calls: false } },
    });
    assert.equal(steps.length, 2);
    assert.equal(steps[0].toolCalls.length, asked.length);
    assert.ok(asked.length > 0);
    for (const given of asked) place.parse(given);
    assert.ok(text.length > 0);
    assert.ok(steps[1].usage.inputTokens > steps[0].usage.inputTokens);
  });

  test(`${name}: a stream tells its calls, and what the model thinks`, async () => {
    const tools = { weather: tool({ inputSchema: place }) };
    const thinking = { chat_template: `${tool_template}<think>\n{# </think> #}`, thinking: { limit: 6 } };
    const stream = streamText({
      ...{ model, prompt, tools, temperature: 1, seed: 4, maxOutputTokens: 150 },
      toolChoice: { type: "tool", toolName: "weather" },
      providerOptions: { nexttoken: { ...thinking, parallel_tool_calls: false } },
    });
    const types = new Set();
    for await (const { type } of stream.fullStream) types.add(type);
    for (const type of ["reasoning-start", "reasoning-delta", "reasoning-end", "tool-input-delta", "tool-call"]) {
      assert.ok(types.has(type), type);
    }
    assert.ok((await stream.reasoningText).length > 5);
    const [call, ...others] = await stream.toolCalls;
    place.parse(call.input);
    assert.deepEqual(others, []);
    assert.equal(await stream.finishReason, "tool-calls");
  });

  test(`${name}: what the engine cannot read is an error`, async () => {
    const image = { type: "file", data: new Uint8Array([1]), mediaType: "image/png" };
    const error = await rejection(generateText({ model, messages: [{ role: "user", content: [image] }] }));
    assert.ok(UnsupportedFunctionalityError.isInstance(error), String(error));
    const long = await rejection(generateText({ model, prompt: "fox ".repeat(999) }));
    assert.equal(long.code, "prompt_too_long");
  });

  test(`${name}: calls at once are answered one after another`, async () => {
    const alone = await generateText({ model, ...greedy, prompt: "One day a bird sang." });
    const [one, two] = await Promise.all([
      generateText({ model, ...greedy }),
      generateText({ model, ...greedy, prompt: "One day a bird sang." }),
    ]);
    assert.equal(one.text, await expected());
    assert.equal(two.text, alone.text);
  });
}

test("a provider has one model, by its name", () => {
  const provider = createNextToken(generator, { model: "storyteller" });
  assert.equal(provider("storyteller").modelId, "storyteller");
  for (const ask of [() => provider("gpt-4"), () => provider.embeddingModel("storyteller")]) {
    assert.throws(ask, (error) => NoSuchModelError.isInstance(error));
  }
});
