// The clients over a real worker: what tests/clients holds against the packages themselves, in Node.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, PLAIN } from "./harness.mjs";

test("the clients write through a worker, and a page written for Chrome's Prompt API runs", async () => {
  const { page, close } = await open(PLAIN);
  const told = await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const { createOpenAI } = await import("/pkg/clients/openai.js");
    const { createNextToken } = await import("/pkg/clients/ai-sdk.js");
    const { defineLanguageModel } = await import("/pkg/clients/prompt-api.js");
    const chat_template =
      "{% for m in messages %}{{ m.content }}{% endfor %}{% if add_generation_prompt %} {% endif %}";
    const content = "Once upon a time";
    const messages = [{ role: "user", content }];
    const generator = await WorkerGenerator.load("/stories.gguf");
    await generator.chat(messages, { chat_template, temperature: 0, max_tokens: 12 });
    let expected = "";
    for await (const { text } of generator) expected += text;

    const openai = createOpenAI(generator, { chat_template });
    const request = { messages, temperature: 0, max_tokens: 12, stream: true };
    let streamed = "";
    for await (const { choices } of await openai.chat.completions.create(request)) {
      streamed += choices[0].delta.content ?? "";
    }
    const body = JSON.stringify(request);
    const events = await (await openai.fetch("/v1/chat/completions", { method: "POST", body })).text();

    const prompt = [{ role: "user", content: [{ type: "text", text: content }] }];
    const call = { prompt, temperature: 0, maxOutputTokens: 12 };
    const { content: parts } = await createNextToken(generator, { chat_template })().doGenerate(call);
    const controller = new AbortController();
    const long = openai.chat.completions.create({ messages, temperature: 0 }, { signal: controller.signal });
    setTimeout(() => controller.abort(), 20);
    const aborted = await long.catch(({ name }) => name);

    const shares = [];
    const LanguageModel = defineLanguageModel("/stories.gguf", { chat_template });
    const availability = await LanguageModel.availability();
    const monitor = (m) => m.addEventListener("downloadprogress", ({ loaded }) => shares.push(loaded));
    const session = await LanguageModel.create({ monitor, topK: 1, temperature: 0 });
    const clone = await session.clone();
    const constrained = { responseConstraint: /(yes|no)/, omitResponseConstraintInput: true };
    const answers = await Promise.all([session.prompt(content, constrained), clone.prompt(content, constrained)]);
    session.destroy();
    clone.destroy();
    generator.free();
    const ends = [shares[0], shares.at(-1)];
    return { expected, streamed, events, text: parts[0].text, aborted, availability, ends, answers };
  });
  assert.ok(told.expected.length > 10);
  assert.equal(told.streamed, told.expected);
  assert.equal(told.text, told.expected);
  assert.match(told.events, /^data: \{.*\n\ndata: \[DONE\]\n\n$/s);
  assert.equal(told.aborted, "AbortError");
  assert.equal(told.availability, "downloadable");
  assert.deepEqual(told.ends, [0, 1]);
  assert.match(told.answers[0], /^(yes|no)$/);
  assert.equal(told.answers[1], told.answers[0]);
  await close();
});
