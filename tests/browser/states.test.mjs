// Every method in every state, on the page's thread and in a worker. It answers in time and alike on both, with a value
// or an error that has a code, and afterwards the generator generates the same text as ever.

import assert from "node:assert/strict";
import { test } from "node:test";
import { can, open, PLAIN } from "./harness.mjs";

/** The states to test in slow browsers; undefined for all of them. */
const FEW = can("time") ? undefined : ["new", "in the middle", "aborted", "freed"];

/** In the page: the result of each method in each state, as `{ [state]: { [method]: answer } }`. */
async function answers({ worker, few }) {
  const { default: init, Generator, WorkerGenerator } = await import("/pkg/index.js");
  if (!worker) await init();
  const PATIENCE = 20_000;
  const prompt = "Once upon a time ".repeat(36);
  const writing = { seed: 7, max_tokens: 6 };
  const loaded = await (worker ? WorkerGenerator : Generator).load("/stories.gguf");
  const generators = new Set([loaded]);
  const property = async (of, name) => (worker ? (await of.state())[name] : of[name]);
  const spent = (error) => Object.assign(new Error(`${error} did not answer`), { code: "too late" });
  const inTime = (what, name) => {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(() => reject(spent(name)), PATIENCE)));
    return Promise.race([what, late]).finally(() => clearTimeout(timer));
  };
  const prefilled = async (of) => {
    for (let progress; (progress = await of.prefill()).done < progress.total; );
  };

  const states = {
    async new() {},
    async started(of) {
      await of.start(prompt, writing);
    },
    async "half a prefill"(of) {
      await of.start(prompt, writing);
      const { done, total } = await of.prefill();
      if (done >= total) throw new Error("the prompt is too short");
    },
    async "in the middle"(of) {
      await of.start(prompt, writing);
      await of.next_token();
      await of.next_token();
    },
    async aborted(of) {
      await of.start(prompt, writing);
      await of.abort();
    },
    async "aborted in the middle"(of) {
      await of.start(prompt, writing);
      await of.next_token();
      await of.abort();
    },
    async ended(of) {
      await of.start(prompt, writing);
      while (await of.next_token());
    },
    async failed(of) {
      await states["in the middle"](of);
      await (async () => of.start(prompt, { top_p: 2 }))().catch(() => {});
    },
    async reset(of) {
      await of.start(prompt, writing);
      await of.next_token();
      await of.reset();
    },
    async "left by a loop"(of) {
      await of.start(prompt, writing);
      for await (const _ of of) break;
    },
    async freed(of) {
      await of.start(prompt, writing);
      await of.free();
      generators.delete(of);
    },
  };

  const methods = {
    start: (of) => of.start(prompt, writing),
    chat: (of) => of.chat([{ role: "user", content: "Hi" }], writing),
    prefill: prefilled,
    next_token: (of) => of.next_token(),
    async loop(of) {
      let count = 0;
      for await (const _ of of) count += 1;
      return count;
    },
    peek: (of) => of.peek({ top: 1 }),
    "peek inside": (of) => of.peek({ top: 1, hidden: true, layers: true, attention: true }),
    accept: (of) => of.accept(5),
    "accept no token": (of) => of.accept(1e9),
    rewind: (of) => of.rewind(1),
    "rewind nothing": (of) => of.rewind(0),
    configure: (of) => of.configure({ temperature: 0 }),
    "configure a constraint": (of) => of.configure({ regex: "[a-z ]+" }),
    "snapshot and restore": async (of) => of.restore(await of.snapshot()),
    "restore nothing": (of) => of.restore(new Blob([])),
    logits: (of) => of.logits(),
    samplers: async (of) => of.samplers,
    abort: (of) => of.abort(),
    reset: (of) => of.reset(),
    text: (of) => property(of, "text"),
    finish_reason: (of) => property(of, "finish_reason"),
    timings: (of) => of.timings(),
    info: (of) => of.info(),
    tokenize: (of) => of.tokenize("Once"),
    detokenize: (of) => of.detokenize([5]),
    token_name: (of) => of.token_name(5),
    "token_name of nothing": (of) => of.token_name("no number"),
    token_text: (of) => of.token_text(5),
    load_adapter: (of) => of.load_adapter(new Blob([]), { name: "x" }),
    remove_adapter: (of) => of.remove_adapter("x"),
    load_draft: (of) => of.load_draft("/stories.gguf"),
    "load_draft of nothing": (of) => of.load_draft(new Blob([])),
    remove_draft: (of) => of.remove_draft(),
    head_row: (of) => of.head_row(5),
    "head_row of nothing": (of) => of.head_row("no number"),
    score: (of) => of.score("There was a little dog."),
    embed: (of) => of.embed("There was a little dog."),
    decide: (of) => of.decide("There was a", { choices: ["dog", "cat"] }),
    "decide between nothing": (of) => of.decide("There was a", { choices: [] }),
    rerank: (of) => of.rerank("dog", ["a dog", "a cat"]),
    async embedder(of) {
      const scorer = await of.embedder(["There was a little dog."]);
      return scorer.finish();
    },
    async decider(of) {
      const scorer = await of.decider("There was a");
      return scorer.finish();
    },
    async reranker(of) {
      const scorer = await of.reranker("dog", ["a dog", "a cat"]);
      return scorer.finish();
    },
    async scorer(of) {
      const scorer = await of.scorer("There was a little dog.");
      await scorer.step();
      await scorer.finish();
      return scorer.step();
    },
    async fork(of) {
      const fork = await of.fork();
      generators.add(fork);
      return "a generator";
    },
    free: (of) => of.free(),
  };

  /** What can be compared of a value: numbers and texts themselves, of others what they are. */
  const told = (value) => {
    if (value?.id !== undefined) return `token ${value.id}`;
    if (value === null || typeof value !== "object") return value ?? "nothing";
    return Object.keys(value).includes("seed") ? "nothing" : value.constructor.name;
  };
  const answer = async (of, name) => {
    try {
      return told(await inTime((async () => methods[name](of))(), name));
    } catch (error) {
      return `error ${error.code}`;
    }
  };
  const text = async (of) => {
    await of.start("There was a", { seed: 3, max_tokens: 8 });
    while (await of.next_token());
    return property(of, "text");
  };

  const expected = await text(loaded);
  await loaded.reset();
  const seen = {};
  for (const state of few ?? Object.keys(states)) {
    const reach = states[state];
    seen[state] = {};
    for (const name of Object.keys(methods)) {
      const fork = await loaded.fork();
      generators.add(fork);
      await inTime(reach(fork), state);
      seen[state][name] = await answer(fork, name);
      if (state !== "freed" && name !== "free" && (await inTime(text(fork), `writing after ${name}`)) !== expected) {
        seen[state][name] += ", and then another text";
      }
      for (const one of generators) if (one !== loaded) one.free();
      generators.clear();
      generators.add(loaded);
    }
  }
  loaded.free();
  return seen;
}

test("every method answers after every state, in a worker as on the page's thread", async () => {
  const { page, close } = await open(PLAIN);
  const direct = await page.evaluate(answers, { worker: false, few: FEW });
  assert.deepEqual(await page.evaluate(answers, { worker: true, few: FEW }), direct);
  const all = (state) => new Set(Object.values(direct[state]));

  // A second `free` does nothing.
  assert.deepEqual([...all("freed")].sort(), ["error freed", "nothing"]);
  assert.equal(Object.values(direct.freed).filter((answer) => answer === "nothing").length, 1);
  for (const [state, codes] of Object.entries({
    new: ["not_started", "invalid_option", "chat_template", "snapshot", "truncated", "freed"],
    started: ["invalid_option", "chat_template", "snapshot", "truncated", "freed"],
    aborted: ["invalid_option", "chat_template", "snapshot", "truncated", "freed"],
    ended: ["invalid_option", "chat_template", "snapshot", "truncated", "freed"],
  })) {
    for (const answer of direct[state] ? all(state) : []) {
      const [, code] = /^error (.*)$/.exec(answer) ?? [];
      assert.ok(!code || codes.includes(code), `${state}: ${answer}`);
    }
  }
  const { aborted } = direct;
  assert.deepEqual(
    [aborted.next_token, aborted.loop, aborted.peek, aborted.accept, aborted.prefill, aborted.finish_reason],
    ["nothing", 0, "nothing", "nothing", "nothing", "abort"],
  );
  assert.deepEqual([direct.new.next_token, direct.new.prefill, direct.new.peek], Array(3).fill("error not_started"));
  assert.equal(direct["in the middle"].loop, 4);
  if (!FEW) {
    assert.deepEqual([direct.started.loop, direct.ended.loop], [6, 0]);
    // A start that fails leaves the earlier text as it was.
    assert.deepEqual(direct.failed, direct["in the middle"]);
  }
  await close();
});
