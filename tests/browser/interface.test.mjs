// The interface as it is documented: what errors are, which options there are, how addresses are resolved, and that both
// kinds of generator have the same members.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, PLAIN } from "./harness.mjs";

/** In the page: the errors of calls that fail for various reasons. */
async function failures({ worker }) {
  const { default: init, Generator, NextTokenError, WorkerGenerator } = await import("/pkg/index.js");
  const { WorkerTrainer } = await import("/pkg/trainer.js");
  await init();
  const Kind = worker ? WorkerGenerator : Generator;
  const generator = await Kind.load("/stories.gguf");
  const boom = () => {
    // As errors of other libraries are.
    throw Object.assign(new RangeError("boom"), { code: "ERR_BOOM" });
  };
  const controller = new AbortController();
  controller.abort();
  const calls = {
    "no address": () => Kind.load("http://"),
    "no model": () => Kind.load(new Blob(["text"])),
    "not found": () => Kind.load("/no-such-model.gguf"),
    "aborted": () => Kind.load("/stories.gguf", { signal: controller.signal }),
    "a callback": () => Kind.load("/stories.gguf", { onProgress: boom }),
    "a getter": () => Kind.load("/stories.gguf", { get timeout() { return boom(); } }),
    "a stream": () => Kind.load(new ReadableStream({ pull: boom })),
    "an unknown option": () => Kind.load("/stories.gguf", { typo: 1 }),
    "an option": () => generator.start("Once", { top_p: 2 }),
    "a message": () => generator.chat([5]),
    "a template": () => generator.chat([{ role: "user", content: "Hi" }], { chat_template: "{% if" }),
    "a regex": () => generator.start("Once", { regex: "(" }),
    "a schema": () => generator.start("Once", { json_schema: { get type() { return boom(); } } }),
    "a snapshot": () => generator.restore(new Blob(["text"])),
    "a token": () => generator.token_name("no number"),
    "what cannot be posted": () => worker && generator.peek({ top: () => 3 }),
    "a trainer": () => worker && WorkerTrainer.create("a text", { preset: "huge" }),
    "a trainer's module": () => worker && WorkerTrainer.create("a text", {}, { wasm_url: "/no-such.wasm" }),
    "freed": () => (generator.free(), generator.text),
  };
  const seen = {};
  for (const [name, call] of Object.entries(calls)) {
    try {
      seen[name] = (await (async () => call())()) === false ? "not here" : "no error";
    } catch (error) {
      seen[name] = [error instanceof Error && error instanceof NextTokenError, error.name, error.code];
    }
  }
  return seen;
}

for (const worker of [false, true]) {
  test(`errors of ${worker ? "a worker" : "the page's thread"} have the documented name and a code`, async () => {
    const { page, problems, close } = await open(PLAIN);
    const seen = await page.evaluate(failures, { worker });
    const codes = {
      "no address": "invalid_option",
      "no model": "not_gguf",
      "not found": "http",
      "aborted": "aborted",
      "a callback": "callback",
      "a getter": "invalid_option",
      "a stream": "io",
      "an unknown option": "unknown_option",
      "an option": "invalid_option",
      "a message": "invalid_option",
      "a template": "chat_template",
      "a regex": "invalid_option",
      "a schema": "invalid_option",
      "a snapshot": "snapshot",
      "a token": "invalid_option",
      "what cannot be posted": "invalid_option",
      "a trainer": "invalid_option",
      "a trainer's module": "wasm_unavailable",
      "freed": "freed",
    };
    const expected = Object.entries(codes).map(([name, code]) => [name, [true, "NextTokenError", code]]);
    const here = Object.entries(seen).filter(([, error]) => error !== "not here");
    assert.deepEqual(Object.fromEntries(here), Object.fromEntries(expected.filter(([name]) => seen[name] !== "not here")));
    problems.splice(0, Infinity, ...problems.filter((problem) => !problem.includes("Failed to load resource")));
    await close();
  });
}

test("a load that is given up is no error of the page, where its service worker answers too", async () => {
  const { page, close } = await open("/", { serviceWorkers: "allow" });
  await page.waitForFunction(() => navigator.serviceWorker.controller);
  const code = await page.evaluate(async () => {
    const { Generator } = await import("/pkg/index.js");
    const onProgress = () => {
      throw new Error("given up");
    };
    return Generator.load("/stories.gguf", { onProgress }).catch((error) => error.code);
  });
  assert.equal(code, "callback");
  await close();
});

/** In the page: what calls give while a text with a constraint is beginning whose promise nobody waits for. */
async function forgotten() {
  const { default: init, Generator, NextTokenError } = await import("/pkg/index.js");
  await init();
  const generator = await Generator.load("/stories.gguf");
  const outcome = async (call) => {
    try {
      await call();
      return "ok";
    } catch (error) {
      return error instanceof NextTokenError ? error.code : String(error);
    }
  };
  const write = () => Array.from(generator, ({ text }) => text).join("");
  const digits = { regex: "[0-9]{3}" };
  const beginnings = {
    start: () => generator.start("Once", digits),
    configure: () => generator.configure(digits),
    chat: () => generator.chat([{ role: "user", content: "Once" }], { chat_template: "{{ messages[0].content }}", ...digits }),
  };
  const seen = {};
  for (const [name, begin] of Object.entries(beginnings)) {
    generator.start("Once", { max_tokens: 5 });
    const begun = begin();
    const calls = ["next_token", "peek", "prefill", "logits", "snapshot", "fork", "rewind", "start", "chat", "restore"];
    const codes = [];
    for (const call of calls) codes.push(outcome(() => generator[call](1)));
    codes.push(outcome(write), outcome(() => generator.tokenize("a")), outcome(() => generator.text));
    seen[name] = await Promise.all(codes);
    await begun;
    seen[`${name} text`] = write();
  }
  generator.start("Once", { max_tokens: 5 });
  const calledOff = outcome(beginnings.start);
  generator.abort();
  seen.calledOff = [await calledOff, generator.finish_reason];
  seen.refused = [await outcome(() => generator.start("Once", { regex: "(" })), await outcome(() => generator.start("Once"))];
  // What `using` does at the end of a block, after an explicit `free`.
  generator.free();
  generator[Symbol.dispose]?.();
  seen.freed = await outcome(() => generator.text);
  return seen;
}

test("who forgets to await a constrained start is told, and gets no text of before", async () => {
  const { page, close } = await open(PLAIN);
  const { freed, calledOff, refused, ...seen } = await page.evaluate(forgotten);
  for (const name of ["start", "configure", "chat"]) {
    assert.deepEqual(seen[name], [...Array(11).fill("busy"), "ok", "ok"], name);
    assert.match(seen[`${name} text`], /^[0-9]{3}$/, name);
  }
  assert.deepEqual([calledOff, refused, freed], [["aborted", "abort"], ["invalid_option", "ok"], "freed"]);
  await close();
});

/** In the page: what becomes of texts whose signal aborts, on the page's thread and in a worker. */
async function signalled() {
  const { Generator, WorkerGenerator } = await import("/pkg/index.js");
  const outcome = async (call) => {
    try {
      await call();
      return "ok";
    } catch (error) {
      return error.code ?? String(error);
    }
  };
  const seen = {};
  for (const [where, Class] of Object.entries({ page: Generator, worker: WorkerGenerator })) {
    const generator = await Class.load("/stories.gguf");
    const write = async (prompt, controller, at) => {
      await generator.start(prompt, { max_tokens: 6, signal: controller.signal });
      let tokens = 0;
      for await (const _ of generator) if ((tokens += 1) === at) controller.abort();
      return [tokens, await generator.finish_reason];
    };
    const [first, second, later] = [1, 2, 3].map(() => new AbortController());
    const aborted = await write("Once", first, 2);
    const whole = await write("Once", second, 100);
    // The text of this signal is over, and the next one is not its.
    await generator.start("Once", { max_tokens: 3 });
    second.abort();
    const others = [(await generator.next_token()).finish_reason, await generator.finish_reason];
    const refused = [
      await outcome(() => generator.start("Once", { signal: first.signal })),
      await outcome(() => generator.start("Once", { signal: "no" })),
      await outcome(() => generator.chat([], { signal: first.signal })),
    ];
    // None of them has taken the text away.
    const goesOn = await outcome(async () => (await generator.next_token()).id);
    const template = { chat_template: "{{ messages[0].content }}" };
    const beginning = outcome(() =>
      generator.chat([{ role: "user", content: "Once" }], { ...template, signal: later.signal }),
    );
    later.abort();
    seen[where] = { aborted, whole, others, refused, goesOn, beginning: await beginning };
    // A start that fails leaves the text to go on, and its signal has nothing to abort.
    await generator.start("Once", { max_tokens: 3 });
    const failing = new AbortController();
    await outcome(() => generator.start("Once", { top_p: 2, signal: failing.signal }));
    failing.abort();
    seen[where].failing = await outcome(async () => (await generator.next_token()).id);
    generator.free();
  }
  return seen;
}

test("a signal aborts its text and no other", async () => {
  const { page, close } = await open(PLAIN);
  const seen = await page.evaluate(signalled);
  for (const [where, { aborted, ...others }] of Object.entries(seen)) {
    assert.deepEqual(aborted, [2, "abort"], where);
    const expected = {
      whole: [6, "length"],
      others: [null, null],
      refused: ["aborted", "invalid_option", "aborted"],
      goesOn: "ok",
      beginning: "aborted",
      failing: "ok",
    };
    // What is undefined does not come out of a page.
    assert.deepEqual(JSON.parse(JSON.stringify(others, (_, value) => value ?? null)), expected, where);
  }
  await close();
});

test("an error from a worker has the cause that it had there", async () => {
  const { page, problems, close } = await open(PLAIN);
  const seen = await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const error = await WorkerGenerator.load("/stories.gguf", { wasm_url: "/no-such.wasm" }).catch((error) => error);
    return [error.code, error.cause instanceof Error];
  });
  assert.deepEqual(seen, ["wasm_unavailable", true]);
  problems.splice(0, Infinity, ...problems.filter((problem) => !problem.includes("Failed to load resource")));
  await close();
});

test("what lives in a worker is not made by `new`, which would start a worker without a model", async () => {
  const { page, close } = await open(PLAIN);
  const seen = await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const { WorkerTrainer } = await import("/pkg/trainer.js");
    const { WorkerEncoder } = await import("/pkg/encoder.js");
    let started = 0;
    const Plain = Worker;
    globalThis.Worker = class extends Plain {
      constructor(...args) {
        super(...args);
        started += 1;
      }
    };
    const codes = [];
    const made = [WorkerGenerator, WorkerTrainer, WorkerEncoder].map((Kind) => () => new Kind());
    for (const call of [...made, () => new WorkerGenerator({ users: 0 })]) {
      try {
        call();
        codes.push("made");
      } catch (error) {
        codes.push(`${error.name} ${error.code}`);
      }
    }
    return { codes, started };
  });
  assert.deepEqual(seen, { codes: Array(4).fill("NextTokenError invalid_option"), started: 0 });
  await close();
});

test("`inspect` knows its options, on both threads", async () => {
  // Not the page, whose service worker may keep a busy browser from the request for longer than the time limit.
  const { page, close } = await open("/docs/");
  const seen = await page.evaluate(async () => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    await init();
    const code = (promise) => promise.then(({ supported }) => supported, (error) => error.code);
    const seen = [];
    for (const Kind of [Generator, WorkerGenerator]) {
      const codes = [];
      for (const options of [{ timeout: 9000, context_length: 64, cache_type: "q8" }, { typo: 1 }, { onProgress() {} }, { typo: undefined }, { speed: 1 }]) {
        codes.push(await code(Kind.inspect("/stories.gguf", options)));
      }
      codes.push(await code(Kind.load("/stories.gguf", { speed: true })));
      seen.push(codes);
    }
    return seen;
  });
  const expected = [true, "unknown_option", "unknown_option", true, "invalid_option", "unknown_option"];
  assert.deepEqual(seen, [expected, expected]);
  await close();
});

test("relative addresses go by the base of the page, in a worker too", async () => {
  // Not the page itself, whose policy forbids a base.
  const { page, problems, close } = await open("/alice.txt");
  const seen = await page.evaluate(async () => {
    const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
    const base = document.createElement("base");
    base.href = "/pkg/deep/";
    document.head.append(base);
    const { variant } = await init({ wasm_url: "../nexttoken_simd128.wasm" });
    const wasm_url = "../nexttoken_simd128.wasm";
    const loaded = [variant];
    for (const Kind of [Generator, WorkerGenerator]) {
      const generator = await Kind.load("../../stories.gguf", Kind === WorkerGenerator ? { wasm_url } : {});
      loaded.push((await generator.info()).backend);
      generator.free();
      loaded.push((await Kind.inspect("../../stories.gguf")).supported);
    }
    base.remove();
    return loaded;
  });
  assert.deepEqual(seen, ["custom", "simd128", true, "simd128", true]);
  // The browser looks for an icon.
  problems.splice(0, Infinity, ...problems.filter((problem) => !problem.includes("Failed to load resource")));
  await close();
});

test("a worker has every public member of a generator, a trainer and an encoder", async () => {
  const { page, close } = await open(PLAIN);
  const missing = await page.evaluate(async () => {
    const { Generator, WorkerGenerator } = await import("/pkg/index.js");
    const { Finetuner, Trainer, WorkerFinetuner, WorkerTrainer } = await import("/pkg/trainer.js");
    const { Encoder, WorkerEncoder } = await import("/pkg/encoder.js");
    // These are for the scripts of the package; a worker's loop is asynchronous.
    const internal =
      /^(__.*|constructor|chat_request|start_chat|token_table|snapshot_bytes|restore_bytes|read_adapter|add_adapter|set_draft)$/;
    const members = ({ prototype }) => Object.getOwnPropertyNames(prototype).filter((name) => !internal.test(name));
    const pairs = [
      [Generator, WorkerGenerator],
      [Trainer, WorkerTrainer],
      [Finetuner, WorkerFinetuner],
      [Encoder, WorkerEncoder],
    ];
    return pairs.map(([Plain, InWorker]) => members(Plain).filter((name) => !(name in InWorker.prototype)));
  });
  assert.deepEqual(missing, [[], [], [], []]);
  await close();
});

test("a seed beyond 2^53 stays a bigint, through a worker too", async () => {
  const { page, close } = await open(PLAIN);
  const seen = await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const generator = await WorkerGenerator.load("/stories.gguf");
    const seeds = [];
    for (const seed of [7, 2n ** 60n + 1n]) {
      const { seed: used } = await generator.start("Once", { seed });
      seeds.push(`${typeof used} ${used}`, `${typeof (await generator.seed)} ${await generator.seed}`);
    }
    generator.free();
    return seeds;
  });
  const [small, large] = ["number 7", `bigint ${2n ** 60n + 1n}`];
  assert.deepEqual(seen, [small, small, large, large]);
  await close();
});
