// Chat and inspection through the package, as a developer uses them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { can, lacks, modelUrl, open, PLAIN } from "./harness.mjs";

test("a conversation costs only its new tokens, on and off the page's thread", async () => {
  const { page, close } = await open(PLAIN);
  const found = await page.evaluate(async (modelUrl) => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    await init();
    const results = [];
    for (const kind of [Generator, WorkerGenerator]) {
      const generator = await kind.load(modelUrl);
      const options = { temperature: 0, max_tokens: 12 };
      const messages = [{ role: "user", content: "What color is the sky?" }];
      const answer = async () => {
        await generator.chat(messages, options);
        let text = "";
        for await (const token of generator) text += token.text;
        return { text, timings: await generator.timings() };
      };
      const first = await answer();
      messages.push({ role: "assistant", content: first.text }, { role: "user", content: "What is 2 + 2?" });
      const second = await answer();
      await generator.reset();
      const afresh = await answer();
      const { chat_templates } = await generator.info();
      const codes = [];
      for (const [wrong, more] of [
        ["hello"],
        [[]],
        [[{ role: "user", content: "a" }, { role: "user", content: 5 }]],
        [[{ role: "user", content: "a", name: "b" }]],
        [messages, { chat_template: "nothing" }],
        [messages, { chat_template: "{{ raise_exception('no ' ~ messages[0].role) }}" }],
        [messages, { chat_template: "{% set n = namespace(x=['xxxxxxxx']) %}{% for i in range(60) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}" }],
        [messages, { chat_template: "{% set n = namespace(x=[1]) %}{% for i in range(99999) %}{% set n.x = [n.x] %}{% endfor %}" }],
        [messages, { chat_template: "{{ 1", }],
        [messages, { chat_template_kwargs: 5 }],
        [messages, { date: "someday" }],
        [messages, { date: Object.create(Date.prototype) }],
        [messages, 5],
        [messages, { temprature: 1 }],
        [messages, { temperature: -1 }],
      ]) {
        codes.push(await generator.chat(wrong, more).then(() => "none", ({ code, message }) => `${code}: ${message}`));
      }
      const own = { ...options, chat_template: "{{ strftime_now('%d %B') }}{% if loud %}!{% endif %}", date: "2026-11-24", chat_template_kwargs: { loud: true } };
      await generator.chat(messages, own);
      const ids = kind === Generator ? generator.detokenize(generator.prompt_ids) : undefined;
      results.push({ first, second, afresh, chat_templates, codes, ids });
      generator.free();
    }
    return results;
  }, modelUrl);
  const [direct, worker] = found;
  assert.equal(direct.ids, "24 November!");
  for (const { first, second, afresh, chat_templates, codes } of found) {
    assert.match(first.text, /^The sky is a beautiful shade of blue/);
    assert.ok(second.text.length > 5);
    assert.equal(first.timings.reused_tokens, 0);
    assert.ok(second.timings.reused_tokens >= first.timings.prefill_tokens);
    assert.ok(second.timings.prefill_tokens < first.timings.prefill_tokens);
    assert.equal(afresh.text, second.text);
    assert.equal(afresh.timings.reused_tokens, 0);
    assert.deepEqual(chat_templates, ["default"]);
    const expected = [
      /^invalid_option: .*"messages"/,
      /^invalid_option: .*"messages"/,
      /^invalid_option: .*"messages\[1\]\.content"/,
      /^invalid_option: .*"messages\[0\]".*"name"/,
      /^chat_template: .*"nothing"/,
      /^chat_template: .*refuses these messages: no user$/,
      /^chat_template: .*too much/,
      /^chat_template: .*too much/,
      /^chat_template: .*not usable: syntax error/,
      /^invalid_option: .*"chat_template_kwargs"/,
      /^invalid_option: .*"date"/,
      /^invalid_option: .*"date"/,
      /^invalid_option: .*"options"/,
      /^unknown_option: .*"temprature"/,
      /^invalid_option: .*"temperature"/,
    ];
    codes.forEach((code, i) => assert.match(code, expected[i]));
  }
  assert.equal(worker.second.text, direct.second.text);
  await close();
});

test("the chat module is loaded with the first conversation only", { skip: lacks("requests") }, async () => {
  const { page, close } = await open("/");
  const asked = [];
  page.on("request", (request) => request.url().includes("nexttoken_chat.wasm") && asked.push(request.url()));
  await page.evaluate(async (modelUrl) => {
    const { default: init, Generator } = await import("/pkg/index.js");
    await init();
    globalThis.generator = await Generator.load(modelUrl);
  }, modelUrl);
  assert.deepEqual(asked, []);
  await page.evaluate(() => generator.chat([{ role: "user", content: "Hi" }]));
  assert.equal(asked.length, 1, asked.join());
  await close();
});

test("a template that does not end is stopped, and the page goes on", async () => {
  const { page, close } = await open(PLAIN);
  const found = await page.evaluate(async () => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    await init();
    // Comparing these nested lists takes 2^60 steps.
    const doubled = "{% for a in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% set ns.y = [ns.y, ns.y] %}{% endfor %}";
    const endless = `{% set ns = namespace(x=[1], y=[1]) %}${doubled}{{ ns.x == ns.y }}`;
    const fine = "{% for m in messages %}{{ m.content }}{% endfor %}";
    const messages = [{ role: "user", content: "Once upon a time" }];
    const found = [];
    let longest = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 50);
    for (const kind of [Generator, WorkerGenerator]) {
      const generator = await kind.load("/stories.gguf");
      last = performance.now();
      longest = 0;
      const error = await generator.chat(messages, { chat_template: endless }).catch((error) => error);
      const stalled = longest;
      await generator.chat(messages, { chat_template: fine, max_tokens: 3 });
      const token = await generator.next_token();
      found.push({ code: error.code, message: error.message, stalled, token: typeof token.text });
      generator.free();
    }
    clearInterval(ticking);
    return found;
  });
  for (const { code, message, stalled, token } of found) {
    assert.deepEqual([code, token], ["chat_template", "string"], message);
    assert.match(message, /does too much/);
    assert.ok(stalled < 2000, `the page stood still for ${stalled} ms`);
  }
  await close();
});

test("an inspection reads the header alone", async () => {
  const { page, close } = await open(PLAIN);
  const ranges = [];
  if (can("requests")) {
    page.on("request", (request) => request.url() === modelUrl && ranges.push(request.headers().range));
  }
  const found = await page.evaluate(async (modelUrl) => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    await init();
    const byUrl = await Generator.inspect(modelUrl, { context_length: 1024 });
    const blob = await (await fetch(modelUrl)).blob();
    const others = [
      await Generator.inspect(blob, { context_length: 1024 }),
      await Generator.inspect(await fetch(modelUrl), { context_length: 1024 }),
      await WorkerGenerator.inspect(modelUrl, { context_length: 1024 }),
    ];
    const generator = await Generator.load(blob);
    const info = generator.info();
    const speeds = [];
    for (const speed of [true, false]) {
      for (const Kind of [Generator, WorkerGenerator]) {
        const { decode_tokens_per_second, ...rest } = await Kind.inspect(modelUrl, { context_length: 1024, speed });
        speeds.push(decode_tokens_per_second);
        others.push({ ...rest, decode_tokens_per_second: undefined });
      }
    }
    const code = (promise) => promise.then(() => "none", (error) => error.code);
    const codes = [
      await code(Generator.inspect("/models/none.gguf")),
      await code(Generator.inspect("/index.html")),
      await code(Generator.inspect(modelUrl, { onProgress() {} })),
      await code(Generator.inspect(new Blob([]))),
    ];
    return { byUrl, others, info, speeds, codes };
  }, modelUrl);
  const { byUrl, info } = found;
  if (can("requests")) assert.ok(ranges.some((range) => range?.startsWith("bytes=0-")), ranges.join());
  assert.equal(byUrl.supported, true);
  for (const name of ["architecture", "name", "parameters", "quantization", "layers", "hidden_size", "vocabulary_size", "tokenizer", "file_size"]) {
    assert.equal(byUrl[name], info[name], name);
  }
  assert.equal(byUrl.memory.weights, info.weight_bytes);
  assert.ok(byUrl.memory.total > byUrl.memory.weights + byUrl.memory.cache);
  for (const other of found.others) assert.deepEqual(other, byUrl);
  const [here, inWorker, ...unasked] = found.speeds;
  for (const speed of [here, inWorker]) assert.ok(Number.isFinite(speed) && speed > 0, `${found.speeds}`);
  assert.deepEqual([byUrl.decode_tokens_per_second, ...unasked], [undefined, undefined, undefined]);
  assert.deepEqual(found.codes, ["http", "not_gguf", "unknown_option", "truncated"]);
  await close().catch((error) => assert.match(String(error), /404/));
});
