// Exceptions in a caller's code: in getters, callbacks, streams, and objects that only look like a source. Each ends at
// once in an error with a code, and what can be used afterwards is used.

import assert from "node:assert/strict";
import { test } from "node:test";
import { open, PLAIN } from "./harness.mjs";

/** In the page: loads from each of these sources, and returns the codes of the errors. */
async function sources({ worker }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  await init();
  const Kind = worker ? WorkerGenerator : Generator;
  const file = new Uint8Array(await (await fetch("/stories.gguf")).arrayBuffer());
  const detached = () => {
    const bytes = file.slice();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes;
  };
  const stream = (pull) => new ReadableStream({ pull });
  const used = new Response("text");
  await used.text();
  const { proxy, revoke } = Proxy.revocable([], {});
  revoke();
  let rest = 0;
  const controller = new AbortController();
  const several = new Set();
  const both = (...list) => several.add(list) && list;
  const given = {
    "a detached buffer": detached().buffer,
    "a view of one": detached(),
    "a list with one": [detached()],
    "looks like a Blob": Object.create(Blob.prototype),
    "looks like a File": Object.create(File.prototype),
    "looks like a Response": Object.create(Response.prototype),
    "looks like a Request": Object.create(Request.prototype),
    "looks like a URL": Object.create(URL.prototype),
    "looks like a stream": Object.create(ReadableStream.prototype),
    "looks like a buffer": Object.create(ArrayBuffer.prototype),
    "looks like a view": Object.create(Uint8Array.prototype),
    "a proxy of a Blob": new Proxy(new Blob([file]), {}),
    "a proxy of a list": new Proxy([file], { get: () => { throw new Error("boom"); } }),
    "a revoked proxy": proxy,
    "a huge list": new Array(2 ** 32 - 1),
    "an empty list": [],
    "a list of lists": [[file]],
    "a symbol": Symbol("source"),
    "a used response": used,
    "a stream that throws": stream(() => { throw new Error("boom"); }),
    "a stream of text": stream((controller) => controller.enqueue("GGUF")),
    "a stream that throws in the middle": stream((controller) => {
      if (rest > 0) throw new Error("boom");
      controller.enqueue(file.slice(0, (rest = 100_000)));
    }),
    "a stream that never ends": stream((controller) => {
      controller.enqueue(new Uint8Array(100_000));
    }),
    "a model, and then more without an end": stream((controller) => {
      controller.enqueue(file.slice());
    }),
    "a part of a stream": stream((controller) => {
      controller.enqueue(file.slice(0, 1000));
      controller.close();
    }),
    "not found": "/no-such-model.gguf",
    "a wrong address": "http://",
    "a list with a wrong address": ["/stories.gguf", "http://"],
    "no signal": both(file, { signal: Object.create(AbortSignal.prototype) }),
    "a signal that is none": both(file, { signal: {} }),
    "a getter that throws": both(file, { get onProgress() { throw new Error("boom"); } }),
    "no function": both(file, { onProgress: 5 }),
    "a proxy of options": both(file, new Proxy({}, { ownKeys() { throw new Error("boom"); } })),
    "a callback that aborts": both(file, { signal: controller.signal, onProgress: () => controller.abort() }),
    "a callback that throws": both(file, { onProgress() { throw new Error("boom"); } }),
  };
  const codes = {};
  for (const [name, what] of Object.entries(given)) {
    const late = new Promise((resolve) => setTimeout(resolve, 20_000, "never settled"));
    const load = Kind.load(...(several.has(what) ? what : [what])).then((generator) => (generator.free(), "loaded"));
    codes[name] = await Promise.race([load.catch(({ code }) => code), late]);
  }
  // Afterwards everything works.
  const generator = await Kind.load(new Blob([file]));
  await generator.start("Once", { temperature: 0, max_tokens: 3 });
  codes.afterwards = (await generator.next_token()).text.length > 0;
  generator.free();
  return codes;
}

for (const worker of [false, true]) {
  test(`${worker ? "a worker" : "the page's thread"} loads from nothing that cannot be read`, async () => {
    const { page, problems, close } = await open("/");
    const codes = await page.evaluate(sources, { worker });
    const rest = { ...codes };
    for (const [name, code] of Object.entries({
      "a used response": "io",
      "a stream that throws": "io",
      "a stream of text": "io",
      "a stream that throws in the middle": "io",
      "a stream that never ends": "not_gguf",
      "a model, and then more without an end": codes["a model, and then more without an end"],
      "a part of a stream": "truncated",
      "not found": "http",
      "a callback that aborts": "aborted",
      "a callback that throws": "callback",
      afterwards: true,
    })) {
      assert.equal(codes[name], code, name);
      delete rest[name];
    }
    assert.ok(["corrupt", "loaded"].includes(codes["a model, and then more without an end"]), codes["a model, and then more without an end"]);
    for (const [name, code] of Object.entries(rest)) assert.equal(code, "invalid_option", name);
    problems.splice(0, Infinity, ...problems.filter((problem) => !problem.includes("Failed to load resource")));
    await close();
  });
}

/** In the page: the same for a trainer. */
async function training() {
  const { default: init, Trainer, WorkerTrainer } = await import("/pkg/trainer.js");
  await init();
  const text = "The owl saw the fox run to the river, and they played until night. ".repeat(40);
  const config = { preset: "tiny", context_length: 32, batch_size: 1, seed: 1 };
  const code = async (call) => {
    try {
      await call();
      return "nothing";
    } catch (error) {
      return error.code;
    }
  };
  const throwing = () => {
    throw new Error("boom");
  };
  const trainer = new Trainer(text, config);
  let inner;
  const constraint = () => void (inner = code(() => trainer.step()));
  const codes = [
    await code(() => new Trainer(text, { get preset() { return throwing(); } })),
    await code(() => Trainer.resume(text, Object.create(Uint8Array.prototype))),
    await code(() => WorkerTrainer.create(text, { get preset() { return throwing(); } })),
    await code(() => WorkerTrainer.create(text, { preset: throwing })),
    await code(() => WorkerTrainer.create(text, config, 5)),
    await code(() => WorkerTrainer.create(text, config, { wasm_url: "http://" })),
    await code(() => trainer.sample("The", { max_tokens: 3, stop: new Proxy(["a"], { get: throwing }) })),
    await code(() => trainer.sample("The", { max_tokens: 3, constraint })),
    await inner,
    await code(() => trainer.step()),
    await code(() => trainer.free()),
    await code(() => trainer.free()),
    await code(() => trainer.step()),
  ];
  return codes;
}

test("a trainer refuses calls from inside of calls, and what throws leaves nothing behind", async () => {
  const { page, close } = await open(PLAIN);
  assert.deepEqual(await page.evaluate(training), [
    ...Array(7).fill("invalid_option"),
    ...["nothing", "busy", "nothing", "nothing", "nothing", "freed"],
  ]);
  await close();
});

/** In the page: calls from within other calls. */
async function inside() {
  const { default: init, Generator } = await import("/pkg/index.js");
  await init();
  const generator = await Generator.load("/stories.gguf");
  const text = (of) => {
    of.start("Once upon a time", { seed: 5, max_tokens: 8 });
    return Array.from(of, (token) => token.text).join("");
  };
  const expected = text(generator);
  const seen = { codes: {}, texts: [] };
  const code = (call) => {
    try {
      call();
      return "nothing";
    } catch (error) {
      return error.code;
    }
  };
  const throwing = () => {
    throw new Error("boom");
  };

  // A getter that throws leaves nothing behind, whichever option it belongs to.
  for (const name of ["stop", "samplers", "logit_bias", "banned_tokens", "dry_sequence_breakers", "record", "seed"]) {
    for (const value of [
      Object.defineProperty(["a"], "0", { get: throwing }),
      new Proxy(["a"], { get: throwing }),
      new Proxy({}, { ownKeys: throwing }),
      Object.defineProperty([1], "0", { get: () => generator.next_token() }),
    ]) {
      generator.start("Once", { max_tokens: 3 });
      seen.codes[`${name} ${code(() => generator.configure({ [name]: value }))}`] = true;
      seen.codes[`${name} ${code(() => generator.configure({ get [name]() { return throwing(); } }))}`] = true;
    }
    seen.texts.push(text(generator) === expected);
  }
  // A constraint that calls the generator it constrains.
  for (const method of ["next_token", "peek", "abort", "reset", "start", "prefill", "fork", "configure", "snapshot_bytes"]) {
    let inner;
    generator.start("Once", { constraint: () => void (inner = code(() => generator[method](method === "start" ? "x" : {}, {}))) });
    const outer = code(() => generator.next_token());
    seen.codes[`inside ${method} ${inner} ${outer}`] = true;
    seen.texts.push(text(generator) === expected);
  }
  const properties = ["text", "ids", "finish_reason", "seed", "context_used", "samplers"];
  const read = () => properties.map((name) => code(() => generator[name]));
  let inner;
  generator.start("Once", { constraint: () => void (inner = read()) });
  generator.next_token();
  seen.properties = inner;
  // One that throws arbitrary values.
  for (const thrown of [new Error("boom"), "boom", undefined, new Proxy({}, { get: throwing })]) {
    generator.start("Once", { constraint: () => { throw thrown; } });
    seen.codes[`throws ${code(() => generator.next_token())}`] = true;
  }
  // One that frees the generator: that cannot be used from then on, and its memory is freed when the call has returned.
  const fork = generator.fork();
  fork.start("Once", {
    constraint: () => {
      fork.free();
      inner = code(() => fork.next_token());
    },
  });
  seen.freeing = [code(() => fork.next_token()), inner, code(() => fork.next_token()), code(() => fork.free())];
  seen.texts.push(text(generator) === expected);

  const scorer = generator.scorer("There was a little dog.");
  scorer.free();
  const finished = generator.scorer("There was a little dog.");
  finished.step();
  finished.finish();
  seen.scorers = [scorer.step, scorer.finish, finished.step].map((method, at) => code(() => method.call([scorer, scorer, finished][at])));
  generator.free();
  generator.free();
  seen.freed = code(() => generator.text);
  return seen;
}

test("a call from inside of a call is refused, and what a getter throws leaves nothing behind", async () => {
  const { page, close } = await open(PLAIN);
  const { codes, texts, properties, freeing, scorers, freed } = await page.evaluate(inside);
  for (const code of Object.keys(codes)) {
    assert.match(code, /^(\w+ invalid_option|inside \w+ busy (nothing|constraint)|throws constraint)$/);
  }
  assert.deepEqual(texts, texts.map(() => true));
  assert.deepEqual(properties, properties.map(() => "busy"));
  assert.deepEqual(freeing.slice(1), ["freed", "freed", "nothing"]);
  assert.deepEqual(scorers, ["freed", "freed", "freed"]);
  assert.equal(freed, "freed");
  await close();
});
