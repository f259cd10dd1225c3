// Ten thousand random objects in place of options (fewer in slow browsers), made from a seed: with getters that throw,
// proxies, prototypes, and numbers at the limits. Every error has a code, nothing traps, every promise settles, and
// afterwards the same generator generates the same text as before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { can, open } from "./harness.mjs";

const CALLS = Number(process.env.NEXTTOKEN_RANDOM_CALLS ?? (can("time") ? 10_000 : 1_000));

/** In the page: makes `calls` random calls, and reports what was wrong with their results. */
async function attack({ calls, seed, worker }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  const { default: initTrainer, Finetuner, Trainer } = await import("/pkg/trainer.js");
  await init();
  if (!worker) await initTrainer();
  const file = await (await fetch("/stories.gguf")).arrayBuffer();
  const Kind = worker ? WorkerGenerator : Generator;
  const generator = await Kind.load(file.slice(0));
  const trainer = worker || new Trainer("to be or not to be ".repeat(200), { preset: "tiny", batch_size: 1 });

  // A small generator of random numbers: mulberry32.
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const pick = (list) => list[Math.floor(random() * list.length)];
  const boom = () => {
    throw pick([new Error("boom"), "boom", undefined, null, { message: { toString: boom } }, new RangeError("boom")]);
  };
  const words = (error) => {
    try {
      return `${error?.code} ${error?.stack ?? error}`;
    } catch {
      return "what a getter threw";
    }
  };
  const revoked = (target) => {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    return proxy;
  };
  const detached = () => {
    const bytes = new Uint32Array(4);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes;
  };
  /** Calls the generator from within one of its own calls. */
  const nosy = () => pick([() => generator.next_token(), () => generator.text, () => generator.abort()])();
  const traps = () => ({ [pick(["get", "ownKeys", "getOwnPropertyDescriptor", "has", "getPrototypeOf"])]: boom });

  const plain = () =>
    pick([
      undefined, null, true, false, 0, -0, 1, -1, 0.5, 2, 40, 1e9, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e308, NaN, Infinity,
      -Infinity, "", "a", "\ud800", "1", "q8", "small", "dry", "temperature", "x".repeat(5000), 5n, -5n, 2n ** 64n,
      Symbol("s"), Symbol.iterator,
    ]);
  const odd = (depth) =>
    pick([
      () => ({}),
      () => [],
      () => () => pick([undefined, 5, new Uint32Array(3), detached(), Object.create(Uint32Array.prototype)]),
      () => boom,
      () => nosy,
      () => Object.create(null),
      () => Object.create({ temperature: 1, get top_k() { return boom(); } }),
      () => Array.from({ length: Math.floor(random() * 5) }, () => value(depth + 1)),
      () => new Array(pick([3, 2 ** 20, 2 ** 32 - 1])),
      () => Object.defineProperty([1, 2], "0", { get: pick([boom, nosy]) }),
      () => new Proxy([1, 2], traps()),
      () => new Proxy({ a: 1 }, traps()),
      () => new Proxy([], { get: (_, name) => (name === "length" ? pick([1e9, -1, NaN, 3]) : "x") }),
      () => revoked([]),
      () => revoked({}),
      () => new Uint32Array([1, 2, 99]),
      () => new Float64Array([1.5, NaN]),
      () => detached(),
      () => Object.create(Uint32Array.prototype),
      () => Object.create(Blob.prototype),
      () => Object.create(Response.prototype),
      () => Object.create(AbortSignal.prototype),
      () => Object.create(Date.prototype),
      () => new Proxy(new Uint32Array(2), {}),
      () => new Map([[1, 2]]),
      () => new Date(NaN),
      () => new Blob(["x"]),
      () => /x/,
      () => ({ [pick(["top", "1", "99999999", "-1", "length"])]: value(depth + 1) }),
      () => ({ get top() { return pick([boom, nosy, () => 3])(); } }),
      () => [[value(depth + 1), value(depth + 1)]],
    ])();
  const value = (depth = 0) => (depth > 3 || random() < 0.5 ? plain() : odd(depth));

  const NAMES = [
    "temperature", "top_k", "top_p", "min_p", "typical_p", "top_n_sigma", "dynatemp_range", "dynatemp_exponent",
    "xtc_probability", "xtc_threshold", "repetition_penalty", "frequency_penalty", "presence_penalty",
    "no_repeat_ngram_size", "penalty_last_n", "dry_multiplier", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
    "dry_sequence_breakers", "mirostat", "mirostat_tau", "mirostat_eta", "logit_bias", "banned_tokens", "samplers", "record",
    "constraint", "seed", "stop", "max_tokens", "context_shift", "n_keep", "adapters", "name", "logprobs", "top_logprobs", "json_schema", "regex",
    "speculation", "grammar", "onProgress", "signal", "context_length", "cache_type", "variant", "wasm_url", "top", "special", "preset",
    "hidden", "layers", "attention", "steps", "chat_template", "date", "chat_template_kwargs", "add_generation_prompt", "typo", "__proto__", "constructor",
    "pooling", "normalize", "truncate", "choices", "boolean", "score", "instruction", "template",
    "rank", "alpha", "batch_size", "targets", "learning_rate", "patience",
  ];
  const options = () => {
    if (random() < 0.15) return value();
    const made = random() < 0.2 ? Object.create(null) : {};
    for (let count = 1 + Math.floor(random() * 3); count > 0; count -= 1) {
      const name = random() < 0.03 ? Symbol("name") : pick(NAMES);
      const descriptor = { enumerable: true, configurable: true };
      const given = value();
      if (random() < 0.1) descriptor.get = pick([boom, nosy, () => given]);
      else descriptor.value = given;
      Object.defineProperty(made, name, descriptor);
    }
    return random() < 0.1 ? new Proxy(made, random() < 0.5 ? {} : traps()) : made;
  };
  /** Makes sure that the options ask for a short text only. */
  const short = (made) => {
    try {
      Object.defineProperty(made, "max_tokens", { value: 3 });
    } catch {
      return { max_tokens: 3 };
    }
    return made;
  };
  const message = () => (random() < 0.5 ? { role: "user", content: value() } : value());
  /** Options that are right often enough for a call to get beyond them. */
  const given = (right = {}) => (random() < 0.7 ? right : options());
  const talk = () => ({ messages: [{ role: "user", content: "Hi" }, { role: "assistant", content: pick(["Ho", value()]) }] });
  const examples = () => (random() < 0.5 ? "a little dog and a cat ".repeat(50) : pick([() => [talk(), talk()], () => [message()], value])());
  const tuned = { steps: 1, batch_size: 1, context_length: 32, rank: 1 };
  const finetuner = () => Finetuner.load(random() < 0.8 ? file.slice(0) : value(), examples(), given(tuned), given());

  const methods = {
    start: () => generator.start(random() < 0.8 ? "Once" : value(), options()),
    configure: () => generator.configure(options()),
    chat: () => generator.chat(random() < 0.7 ? [message()] : value(), options()),
    peek: () => generator.peek(options()),
    accept: () => generator.accept(value()),
    rewind: () => generator.rewind(value()),
    restore: () => generator.restore(value()),
    tokenize: () => generator.tokenize(random() < 0.5 ? "x" : value(), options()),
    detokenize: () => generator.detokenize(value()),
    token_name: () => generator.token_name(value()),
    token_text: () => generator.token_text(value()),
    head_row: () => generator.head_row(value()),
    score: () => generator.score(random() < 0.5 ? "There was a little dog." : value(), options()),
    scorer: async () => (await generator.scorer(random() < 0.5 ? "There was a little dog." : value(), options())).free(),
    embed: () => generator.embed(random() < 0.5 ? ["x", "a little dog"] : value(), options()),
    embedder: async () => (await generator.embedder(random() < 0.5 ? ["x", "a little dog"] : value(), given())).free(),
    decider: async () => (await generator.decider("There was", pick([() => ({ choices: value() }), given])())).free(),
    reranker: async () => (await generator.reranker("x", random() < 0.5 ? ["a", "b"] : value(), given())).free(),
    decide: () => generator.decide(random() < 0.5 ? "There was" : value(), random() < 0.5 ? { choices: value() } : options()),
    rerank: () => generator.rerank(random() < 0.5 ? "x" : value(), random() < 0.5 ? ["a", "b"] : value(), options()),
    next_token: () => generator.next_token(),
    prefill: () => generator.prefill(),
    init: () => init(options()),
  };
  /** What the page's own thread has besides. */
  const here = {
    inspect: () => Generator.inspect(random() < 0.3 ? file.slice(0, 9999) : value(), options()),
    load: async () => (await Generator.load(random() < 0.05 ? file.slice(0) : value(), options())).free(),
    new_trainer: () => new Trainer(random() < 0.5 ? "a text" : value(), options()).free(),
    resume_trainer: () => Trainer.resume("a text", value()).free(),
    new_finetuner: async () => (await finetuner()).free(),
    sample: () => trainer.sample(random() < 0.5 ? "to" : value(), short(options())),
    pairs: () => trainer.pairs(value()),
    to_gguf: () => trainer.to_gguf(value()),
  };
  if (!worker) Object.assign(methods, here);
  const text = async () => {
    await generator.start("Once upon a time", { seed: 5, max_tokens: 12 });
    while (await generator.next_token());
    return worker ? (await generator.state()).text : generator.text;
  };

  const expected = await text();
  const wrong = [];
  const codes = {};
  const settled = {};
  for (let number = 0; number < calls; number += 1) {
    const name = pick(Object.keys(methods));
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, 15_000, "late")));
    try {
      if ((await Promise.race([(async () => methods[name]())(), late])) === "late") wrong.push(`${number} ${name}: never settled`);
      settled[name] = (settled[name] ?? 0) + 1;
    } catch (error) {
      const code = error?.code;
      if (typeof code !== "string" || ["internal", "crashed"].includes(code)) wrong.push(`${number} ${name}: ${words(error)}`);
      else codes[code] = (codes[code] ?? 0) + 1;
    } finally {
      clearTimeout(timer);
    }
    if (number % 500 === 499 && (await text()) !== expected) wrong.push(`${number}: another text`);
    if (wrong.length > 10) break;
  }
  if ((await text()) !== expected) wrong.push("another text at the end");
  generator.free();
  return { wrong, codes, settled };
}

for (const worker of [false, true]) {
  test(`${worker ? "a worker" : "the page's thread"} answers whatever the options are`, async () => {
    const { page, problems, close } = await open("/");
    // Calls of a worker are slow, in WebKitGTK up to a second each.
    const calls = worker ? Math.ceil(CALLS / (can("time") ? 5 : 20)) : CALLS;
    const { wrong, codes, settled } = await page.evaluate(attack, { calls, seed: 12, worker });
    assert.deepEqual(wrong, []);
    // The objects are close enough to options that some calls succeed, and others fail in various ways.
    const succeeded = Object.values(settled).reduce((sum, count) => sum + count, 0);
    assert.ok(succeeded > calls / 20, `${succeeded} of ${calls} calls succeeded`);
    // Where there are calls enough for each method, those with objects of their own get past their arguments.
    const made = ["embedder", "decider", "reranker", ...(worker ? [] : ["new_finetuner"])];
    if (calls >= 1000) for (const name of made) assert.ok(settled[name] > 0, `no ${name} was made`);
    for (const code of ["invalid_option", "unknown_option"]) assert.ok(codes[code] > calls / 50, `${code}: ${codes[code]}`);
    // Strings are taken for the addresses of models, which do not exist.
    problems.splice(0, Infinity, ...problems.filter((problem) => !problem.includes("Failed to load resource")));
    await close();
  });
}
