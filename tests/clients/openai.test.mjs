// `nexttoken/openai`, called by itself and by the official client.

import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { createOpenAI } from "../../pkg/clients/openai.js";
import { asynchronous, chat_template, load, rejection, tool_template } from "./engine.mjs";

const generator = await load();
const defaults = { model: "storyteller", chat_template };
const ours = createOpenAI(generator, defaults);
const official = new OpenAI({ apiKey: "none", baseURL: "http://here/v1", fetch: ours.fetch, maxRetries: 0 });

const messages = [{ role: "user", content: "Once upon a time, there was a fox." }];
const greedy = { model: "storyteller", messages, temperature: 0, max_tokens: 12 };

/** What the engine itself writes. */
async function expected(options = {}) {
  await generator.chat(messages, { chat_template, temperature: 0, max_tokens: 12, ...options });
  return [...generator].map(({ text }) => text).join("");
}

async function collected(stream) {
  const all = [];
  for await (const chunk of stream) all.push(chunk);
  return all;
}

const parameters = {
  type: "object",
  properties: { place: { type: "string", maxLength: 9 }, unit: { enum: ["C", "F"] } },
  required: ["place", "unit"],
  additionalProperties: false,
};
const tools = [
  { type: "function", function: { name: "weather", description: "Tells the weather.", parameters } },
  { type: "function", function: { name: "now" } },
];

/** The arguments of a call of the first tool, as its schema has them. */
function weatherOf(call) {
  assert.deepEqual([call.type, call.function.name], ["function", "weather"]);
  const { place, unit, ...rest } = JSON.parse(call.function.arguments);
  assert.ok(typeof place === "string" && place.length <= 9 && ["C", "F"].includes(unit), call.function.arguments);
  assert.deepEqual(rest, {});
}

const textOf = (chunks) => chunks.map(({ choices: [choice] }) => choice?.delta.content ?? "").join("");

for (const [name, client] of Object.entries({
  ours,
  official,
  "ours, over a worker": createOpenAI(asynchronous(await load()), defaults),
})) {
  test(`${name}: a whole answer has the engine's text and its usage`, async () => {
    const text = await expected();
    const completion = await client.chat.completions.create(greedy);
    const [choice] = completion.choices;
    assert.deepEqual(choice.message, { role: "assistant", content: text, refusal: null });
    assert.equal(choice.finish_reason, "length");
    assert.equal(completion.object, "chat.completion");
    assert.equal(completion.model, "storyteller");
    const { prompt_tokens, completion_tokens, total_tokens } = completion.usage;
    assert.equal(completion_tokens, 12);
    assert.equal(prompt_tokens, generator.prompt_ids.length);
    assert.equal(total_tokens, prompt_tokens + 12);
  });

  test(`${name}: a stream has the same text, and its usage where asked for`, async () => {
    const stream_options = { include_usage: true };
    const chunks = await collected(await client.chat.completions.create({ ...greedy, stream: true, stream_options }));
    assert.equal(textOf(chunks), await expected());
    assert.equal(chunks[0].choices[0].delta.role, "assistant");
    assert.equal(chunks.at(-2).choices[0].finish_reason, "length");
    assert.deepEqual(chunks.at(-1).choices, []);
    assert.equal(chunks.at(-1).usage.completion_tokens, 12);
    assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  });

  test(`${name}: requests at once are answered one after another`, async () => {
    const text = await expected();
    const other = { ...greedy, messages: [{ role: "user", content: "One day a bird sang." }] };
    const alone = await client.chat.completions.create(other);
    const [first, second, streamed] = await Promise.all([
      client.chat.completions.create(greedy),
      client.chat.completions.create(other),
      client.chat.completions.create({ ...greedy, stream: true }).then(collected),
    ]);
    assert.equal(first.choices[0].message.content, text);
    assert.equal(second.choices[0].message.content, alone.choices[0].message.content);
    assert.equal(textOf(streamed), text);
  });

  test(`${name}: a stream that is left, or aborted, stops the engine`, async () => {
    const stream = await client.chat.completions.create({ ...greedy, max_tokens: 250, stream: true });
    for await (const chunk of stream) if (chunk.choices[0].delta.content) break;
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = await client.chat.completions.create({ ...greedy, max_tokens: 250, stream: true }, { signal });
    let read = 0;
    try {
      for await (const chunk of aborted) if (chunk.choices && ++read === 3) controller.abort();
    } catch (thrown) {
      assert.match(thrown.name + thrown.message, /abort/i);
    }
    assert.ok(read < 100, `${read} chunks came after the abort`);
    const { usage } = await client.chat.completions.create({ ...greedy, max_tokens: 1 });
    assert.equal(usage.completion_tokens, 1);
  });

  test(`${name}: an aborted call rejects, and one that waits for its turn never runs`, async () => {
    const running = client.chat.completions.create({ ...greedy, max_tokens: 40 });
    const controller = new AbortController();
    const waiting = rejection(client.chat.completions.create(greedy, { signal: controller.signal }));
    setTimeout(() => controller.abort());
    assert.match(String(await waiting), /abort/i);
    assert.equal((await running).usage.completion_tokens, 40);
  });

  test(`${name}: logprobs tell the tokens with their bytes`, async () => {
    const answer = await client.chat.completions.create({ ...greedy, logprobs: true, top_logprobs: 3 });
    const { content } = answer.choices[0].logprobs;
    assert.equal(content.length, 12);
    assert.equal(content.map(({ token }) => token).join(""), answer.choices[0].message.content);
    for (const { token, bytes, logprob, top_logprobs } of content) {
      assert.deepEqual(bytes, [...new TextEncoder().encode(token)]);
      assert.equal(top_logprobs.length, 3);
      // The engine is greedy here: the best is the chosen one.
      assert.deepEqual(top_logprobs[0], { token, bytes, logprob });
      assert.ok(top_logprobs[1].logprob <= logprob && logprob <= 0);
    }
  });

  test(`${name}: seeds repeat, and several choices differ`, async () => {
    const drawn = { ...greedy, temperature: 1.5, seed: 5, n: 3, stop: ["."] };
    const [one, two] = [await client.chat.completions.create(drawn), await client.chat.completions.create(drawn)];
    const texts = one.choices.map(({ message }) => message.content);
    assert.deepEqual(
      two.choices.map(({ message }) => message.content),
      texts,
    );
    assert.equal(new Set(texts).size, 3);
    assert.ok(texts.every((text) => !text.includes(".")));
    assert.deepEqual(
      one.choices.map(({ index }) => index),
      [0, 1, 2],
    );
    // The prompt is counted once.
    assert.equal(one.usage.prompt_tokens, (await client.chat.completions.create(greedy)).usage.prompt_tokens);
    const chunks = await collected(await client.chat.completions.create({ ...drawn, stream: true }));
    for (const index of [0, 1, 2]) {
      const mine = chunks.filter(({ choices: [choice] }) => choice.index === index);
      assert.equal(textOf(mine), texts[index]);
    }
  });

  test(`${name}: JSON of a schema, and JSON of any kind`, async () => {
    const schema = {
      type: "object",
      properties: { animal: { enum: ["fox", "bird"] } },
      required: ["animal"],
      additionalProperties: false,
    };
    const format = { type: "json_schema", json_schema: { name: "answer", strict: true, schema } };
    const answer = await client.chat.completions.create({ ...greedy, max_tokens: 60, response_format: format });
    assert.match(JSON.parse(answer.choices[0].message.content).animal, /^(fox|bird)$/);
    assert.equal(answer.choices[0].finish_reason, "stop");
    const any = { ...greedy, max_tokens: 3, response_format: { type: "json_object" } };
    assert.match((await client.chat.completions.create(any)).choices[0].message.content, /^\{/);
  });

  test(`${name}: a round trip: tools, call, result, answer`, async () => {
    const tool_choice = { type: "function", function: { name: "weather" } };
    const asking = {
      ...greedy,
      chat_template: tool_template,
      max_tokens: 90,
      tools,
      tool_choice,
      parallel_tool_calls: false,
    };
    const { choices } = await client.chat.completions.create({ ...asking, temperature: 1, seed: 4 });
    const [{ message, finish_reason }] = choices;
    assert.deepEqual([finish_reason, message.content, message.tool_calls.length], ["tool_calls", null, 1]);
    const [call] = message.tool_calls;
    weatherOf(call);
    const result = { role: "tool", tool_call_id: call.id, content: "sunny" };
    const conversation = { ...asking, tool_choice: "none", messages: [...messages, message, result], temperature: 0 };
    const answer = await client.chat.completions.create(conversation);
    assert.equal(answer.choices[0].message.content.length > 0, true);
    assert.equal(answer.choices[0].message.tool_calls, undefined);
    // The call and its result are in the prompt.
    const { prompt_tokens } = (await client.chat.completions.create(greedy)).usage;
    assert.ok(answer.usage.prompt_tokens > prompt_tokens + 20);
  });

  test(`${name}: a stream tells its calls`, async () => {
    const required = {
      chat_template: tool_template,
      tools,
      tool_choice: "required",
      max_tokens: 200,
      seed: 6,
      temperature: 1,
    };
    const chunks = await collected(await client.chat.completions.create({ ...greedy, ...required, stream: true }));
    const deltas = chunks.flatMap(({ choices: [choice] }) => choice?.delta.tool_calls ?? []);
    const whole = await client.chat.completions.create({ ...greedy, ...required });
    const calls = whole.choices[0].message.tool_calls;
    assert.ok(calls.length > 0);
    assert.deepEqual(
      deltas.map((delta) => [delta.index, delta.function]),
      calls.map((call, index) => [index, call.function]),
    );
    assert.equal(new Set(deltas.map(({ id }) => id)).size, deltas.length);
    assert.equal(textOf(chunks).trimEnd(), whole.choices[0].message.content ?? "");
    assert.equal(
      chunks.findLast(({ choices: [choice] }) => choice).choices[0].finish_reason,
      whole.choices[0].finish_reason,
    );
  });

  test(`${name}: what the model thinks is told apart, and limited`, async () => {
    const thinks = { chat_template: `${chat_template}<think>\n{# </think> #}`, thinking: { limit: 6 }, max_tokens: 40 };
    const { choices } = await client.chat.completions.create({ ...greedy, ...thinks });
    const { reasoning_content, content } = choices[0].message;
    assert.ok(reasoning_content.length > 5 && content.length > 5 && !content.includes("think>"));
    const chunks = await collected(await client.chat.completions.create({ ...greedy, ...thinks, stream: true }));
    const reasoning = chunks.map(({ choices: [choice] }) => choice?.delta.reasoning_content ?? "").join("");
    assert.deepEqual([reasoning.trimEnd(), textOf(chunks)], [reasoning_content, content]);
  });

  test(`${name}: a bias of -100 bans a token, one of 100 makes it certain`, async () => {
    const [id] = generator.tokenize(await expected({ max_tokens: 1 }));
    const banned = await client.chat.completions.create({ ...greedy, logit_bias: { [id]: -100 } });
    assert.notEqual(banned.choices[0].message.content, await expected());
    const [fox] = generator.tokenize(" fox");
    const forced = await client.chat.completions.create({ ...greedy, max_tokens: 2, logit_bias: { [fox]: 100 } });
    assert.equal(forced.choices[0].message.content, generator.detokenize([fox, fox]));
  });

  test(`${name}: completions continue texts, echo them, and tell logprobs`, async () => {
    const request = { model: "storyteller", prompt: ["Once upon", "One day"], temperature: 0, max_tokens: 5 };
    const { choices, usage, object } = await client.completions.create({ ...request, echo: true });
    assert.equal(object, "text_completion");
    assert.equal(usage.completion_tokens, 10);
    const alone = await client.completions.create({ ...request, prompt: "One day", logprobs: 2 });
    assert.equal(choices[1].text, "One day" + alone.choices[0].text);
    const { tokens, token_logprobs, top_logprobs, text_offset } = alone.choices[0].logprobs;
    assert.equal(tokens.join(""), alone.choices[0].text);
    assert.equal(top_logprobs[0][tokens[0]], token_logprobs[0]);
    assert.equal(Object.keys(top_logprobs[0]).length, 2);
    assert.equal(text_offset[2], tokens[0].length + tokens[1].length);
    const chunks = await collected(await client.completions.create({ ...request, prompt: "One day", stream: true }));
    assert.equal(chunks.map(({ choices: [{ text }] }) => text).join(""), alone.choices[0].text);
    // OpenAI's default.
    const unlimited = await client.completions.create({ ...request, max_tokens: null });
    assert.equal(unlimited.usage.completion_tokens, 32);
  });

  test(`${name}: lists its model`, async () => {
    const ids = [];
    for await (const { id } of await client.models.list()) ids.push(id);
    assert.deepEqual(ids, ["storyteller"]);
    assert.equal((await client.models.retrieve("storyteller")).object, "model");
    assert.equal((await rejection(client.models.retrieve("gpt-4"))).status, 404);
  });

  test(`${name}: what cannot be honoured is an error that names it`, async () => {
    const image = { type: "image_url", image_url: { url: "data:," } };
    const cases = [
      [{ tools: [{ type: "function", function: { name: "a b" } }] }, 400, "invalid_option", null],
      [{ tools, response_format: { type: "json_object" } }, 400, "invalid_option", null],
      [{ tool_choice: "required" }, 400, "invalid_option", null],
      [{ functions: [{ name: "f" }] }, 400, "unsupported_parameter", "functions"],
      [{ audio: { voice: "alloy", format: "mp3" } }, 400, "unsupported_parameter", "audio"],
      [{ store: true }, 400, "unsupported_parameter", "store"],
      [{ reasoning_effort: "high" }, 400, "unsupported_parameter", "reasoning_effort"],
      [{ made_up: 1 }, 400, "unsupported_parameter", "made_up"],
      [{ n: 0 }, 400, "invalid_value", "n"],
      [{ top_logprobs: 3 }, 400, "invalid_value", "top_logprobs"],
      [{ logit_bias: { fox: 1 } }, 400, "invalid_value", "logit_bias"],
      [{ response_format: { type: "xml" } }, 400, "invalid_value", "response_format"],
      [{ messages: [{ role: "user", content: [image] }] }, 400, "unsupported_parameter", "messages[0].content"],
      [{ messages: [{ role: "user", content: "1", tool_call_id: "1" }] }, 400, "unsupported_parameter"],
      [{ messages: [{ role: "function", content: "1" }] }, 400, "invalid_value"],
      [{ messages: [] }, 400, "invalid_value", "messages"],
      [{ stream_options: { include_usage: true } }, 400, "invalid_value", "stream_options"],
      [{ temperature: -1 }, 400, "invalid_option", null],
      [{ temperature: -1, stream: true }, 400, "invalid_option", null],
      [{ messages: [{ role: "user", content: "fox ".repeat(999) }] }, 400, "context_length_exceeded", null],
      [{ model: "gpt-4" }, 404, "model_not_found", "model"],
    ];
    for (const [wrong, status, code, param] of cases) {
      const error = await rejection(client.chat.completions.create({ ...greedy, ...wrong }));
      assert.equal(error.status, status, `${JSON.stringify(wrong)}: ${error}`);
      assert.equal(error.code, code);
      if (param !== undefined) assert.equal(error.param, param);
      assert.equal(error.type, "invalid_request_error");
    }
    // Nothing stands in the way of the next one, and what asks for nothing is no error.
    const nothing = { tools: [], store: false, user: "me", n: null, logprobs: null, response_format: { type: "text" } };
    await client.chat.completions.create({ ...greedy, ...nothing });
  });
}

/**
 * `generator`, whose embedders call `third` in their third step. `calls` lists what is called of them.
 *
 * @param {() => void} third
 */
function watched(generator, calls, third) {
  const method = (embedder, name) => {
    calls.push(name);
    if (name === "step" && calls.length === 3) third();
    return embedder[name]();
  };
  const watch = (embedder) =>
    Object.fromEntries(["step", "finish", "free"].map((name) => [name, () => method(embedder, name)]));
  return new Proxy(generator, {
    get(target, name) {
      if (name === "embedder") return async (...given) => watch(await target.embedder(...given));
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

for (const [kind, loaded] of [
  ["generator", await load()],
  ["worker", asynchronous(await load())],
]) {
  test(`embeddings that are aborted in the middle of the work of a ${kind} end at once`, async () => {
    const input = Array(500).fill("a little fox and a rabbit");
    for (const called of ["ours", "official"]) {
      const controller = new AbortController();
      const calls = [];
      const mine = createOpenAI(
        watched(loaded, calls, () => controller.abort()),
        defaults,
      );
      const theirs = new OpenAI({ apiKey: "none", baseURL: "http://here/v1", fetch: mine.fetch, maxRetries: 0 });
      const { embeddings } = called === "ours" ? mine : theirs;
      const aborted = embeddings.create({ model: "storyteller", input }, { signal: controller.signal });
      assert.match((await rejection(aborted)).constructor.name, /^(DOMException|APIUserAbortError)$/);
      // The official client rejects before the handler has seen the end of its step.
      for (let wait = 0; wait < 1000 && !calls.includes("free"); wait += 1) await new Promise(setImmediate);
      assert.deepEqual(calls, ["step", "step", "step", "free"], called);
    }
    // The next request is answered.
    const next = await createOpenAI(loaded, defaults).embeddings.create({ model: "storyteller", input: input[0] });
    assert.deepEqual(next.data[0].embedding, Array.from(generator.embed(input[0])[0]));
  });
}

for (const [name, client] of Object.entries({
  ours,
  official,
  "ours, over a worker": createOpenAI(asynchronous(await load()), defaults),
})) {
  test(`${name}: embeddings are the engine's, with their usage`, async () => {
    const input = ["a little fox", "a rabbit"];
    const expected = generator.embed(input).map((vector) => Array.from(vector));
    const { object, data, model, usage } = await client.embeddings.create({ model: "storyteller", input });
    assert.deepEqual([object, model], ["list", "storyteller"]);
    const of = (index, embedding) => ({ object: "embedding", index, embedding });
    assert.deepEqual(
      data,
      expected.map((vector, index) => of(index, vector)),
    );
    assert.ok(usage.prompt_tokens >= 5 && usage.total_tokens === usage.prompt_tokens, JSON.stringify(usage));
    const request = { model: "storyteller", input: input[1], encoding_format: "base64" };
    const [{ embedding }] = (await client.embeddings.create(request)).data;
    const { buffer, byteOffset } = Buffer.from(embedding, "base64");
    const floats = new Float32Array(buffer.slice(byteOffset, byteOffset + 4 * expected[1].length));
    assert.deepEqual(Array.from(floats), expected[1]);

    const cases = [
      [{ input: [] }, 400, "invalid_value", "input"],
      [{ input: [[1, 2]] }, 400, "invalid_value", "input"],
      [{ input: "fox ".repeat(999) }, 400, "context_length_exceeded"],
      [{ encoding_format: "hex" }, 400, "invalid_value", "encoding_format"],
      [{ dimensions: 5 }, 400, "unsupported_parameter", "dimensions"],
      [{ model: "gpt-4" }, 404, "model_not_found", "model"],
    ];
    for (const [wrong, status, code, param = null] of cases) {
      const error = await rejection(client.embeddings.create({ model: "storyteller", input, ...wrong }));
      assert.deepEqual(
        [error.status, error.code, error.param],
        [status, code, param],
        `${JSON.stringify(wrong)}: ${error}`,
      );
    }
    const aborted = client.embeddings.create({ model: "storyteller", input }, { signal: AbortSignal.abort() });
    assert.match((await rejection(aborted)).constructor.name, /^(DOMException|APIUserAbortError)$/);
  });
}

test("the handler answers what is no request of its own with OpenAI's errors", async () => {
  for (const [path, init, status, code] of [
    ["/v1/images/generations", { method: "POST", body: "{}" }, 404, "unknown_url"],
    ["/v1/chat/completions", {}, 405, "method_not_allowed"],
    ["/v1/chat/completions", { method: "POST", body: "{" }, 400, "invalid_json"],
  ]) {
    const response = await ours.fetch(`http://here${path}`, init);
    assert.equal(response.status, status);
    assert.equal((await response.json()).error.code, code);
  }
});

test("the official client's errors are of its own classes", async () => {
  const error = await rejection(official.chat.completions.create({ ...greedy, model: "gpt-4" }));
  assert.ok(error instanceof OpenAI.NotFoundError);
});

test("the official client parses a streamed answer, and helps with structured output", async () => {
  const runner = official.chat.completions.stream(greedy);
  const final = await runner.finalChatCompletion();
  assert.equal(final.choices[0].message.content, await expected());
});

test("the official client runs tools", async () => {
  const asked = [];
  const run = (given) => {
    asked.push(given);
    return "sunny";
  };
  const runner = official.chat.completions.runTools({
    ...{ ...greedy, chat_template: tool_template, max_tokens: 90, temperature: 1, seed: 4, parallel_tool_calls: false },
    tools: [{ type: "function", function: { ...tools[0].function, parse: JSON.parse, function: run } }],
    tool_choice: { type: "function", function: { name: "weather" } },
  });
  await runner.done();
  assert.equal(asked.length, 1);
  assert.ok(["C", "F"].includes(asked[0].unit));
  assert.deepEqual(
    runner.messages.slice(1, 3).map(({ role }) => role),
    ["assistant", "tool"],
  );
});

test("the tokens of a marker have no logprobs among those of the text", async () => {
  const ids = [...generator.tokenize("aWell. <tool_call>")].slice(1);
  const calling = new Proxy(generator, {
    get(target, name) {
      if (name === "next_token") return () => (ids.length > 0 ? target.accept(ids.shift()) : target.next_token());
      const value = Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const client = createOpenAI(calling, { ...defaults, chat_template: tool_template });
  const request = { ...greedy, tools, parallel_tool_calls: false, logprobs: true, max_tokens: 200 };
  const { message, logprobs } = (await client.chat.completions.create(request)).choices[0];
  assert.equal(message.tool_calls.length, 1);
  assert.equal(
    logprobs.content
      .map(({ token }) => token)
      .join("")
      .trim(),
    message.content,
  );
});

test("a response tells who answers", async () => {
  const response = await ours.fetch("http://here/v1/models");
  assert.equal(response.headers.get("x-nexttoken-backend"), "browser");
  assert.equal(ours.backend, "browser");
});
