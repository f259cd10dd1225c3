// The guided tour, without a browser and without a model: its texts in each language, and its numbers.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { register } from "node:module";
import { test } from "node:test";
import { finder } from "../../www/dom.js";
import en from "../../www/learn/en.js";
import { LANGUAGES, chosenLanguage } from "../../www/learn/languages.js";
import { cosine, crossEntropy, digitsOf, nearest, sentences, softmaxRows } from "../../www/learn/numbers.js";
import { Queue } from "../../www/learn/queue.js";
import { filled, onLanguage, pieces, setLanguage } from "../../www/learn/text.js";
import { click, openPage, texts } from "./dom.mjs";

// Instead of the engine, which is not built here: what a test puts into `globalThis.engine`.
const engine = `data:text/javascript,${encodeURIComponent(`
  export const WorkerGenerator = { load: (...args) => globalThis.engine.load(...args) };
  export const WorkerTrainer = { create: (...args) => globalThis.engine.create(...args) };
`)}`;
const hook = `
  export const resolve = (name, context, next) =>
    /pkg\\/(index|trainer)\\.js$/.test(name) ? { url: ${JSON.stringify(engine)}, shortCircuit: true } : next(name, context);
`;
register(`data:text/javascript,${encodeURIComponent(hook)}`);

const page = readFileSync(new URL("../../www/learn/index.html", import.meta.url), "utf8");
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-9, `${a} is not ${b}`);

test("each language has the texts of the page and of its scripts, and no others", async () => {
  const ofPage = [...page.matchAll(/ data-text(?:-[a-z-]+)?="([^"]+)"/g)].map((match) => match[1]);
  const keys = [...new Set([...ofPage, ...Object.keys(en)])].sort();
  assert.ok(ofPage.length > 60, `${ofPage.length} texts`);
  const shared = Object.keys(en).filter((key) => ofPage.includes(key));
  assert.deepEqual(shared, [], "a text of the page stands in the page");
  for (const [tag, { name, load }] of Object.entries(LANGUAGES)) {
    assert.ok(name);
    if (tag === "en") continue;
    const texts = await load();
    assert.deepEqual(Object.keys(texts).sort(), keys, tag);
    const places = (text) => [...new Set(text.match(/\{\w+\}/g) ?? [])].sort();
    for (const [key, text] of Object.entries(en)) assert.deepEqual(places(texts[key]), places(text), `${tag} ${key}`);
    for (const [key, text] of Object.entries(texts)) assert.equal((text.match(/\*/g) ?? []).length % 2, 0, key);
  }
});

test("a term of the page is a term in each language", async () => {
  const terms = [...page.matchAll(/<p[^>]* data-text="([^"]+)">([^]*?)<\/p>/g)].map(([, key, html]) => [
    key,
    (html.match(/<b>/g) ?? []).length,
  ]);
  assert.ok(terms.some(([, count]) => count > 1));
  const { de } = LANGUAGES;
  const texts = await de.load();
  for (const [key, count] of terms) {
    assert.equal(pieces(texts[key]).filter((part) => part.startsWith("*")).length, count, key);
  }
});

test("the scripts ask for texts that there are", () => {
  const scripts = ["tokens", "pairs", "attention", "layers", "softmax", "training", "choosing", "loop"].map(
    (name) => `try-${name}`,
  );
  for (const name of [...scripts, "parts", "model", "text"]) {
    const code = readFileSync(new URL(`../../www/learn/${name}.js`, import.meta.url), "utf8");
    for (const [, key] of code.matchAll(
      /"((?:tokens|embedding|order|attention|layers|context|head|softmax|training|choosing|loop|load|error)\.[a-z-]+)"/g,
    )) {
      assert.ok(Object.hasOwn(en, key), `${name}: ${key}`);
    }
  }
});

test("the language is that of the address, or the first that the reader prefers", () => {
  assert.equal(chosenLanguage("?lang=de", ["en-US"]), "de");
  assert.equal(chosenLanguage("", ["fr-FR", "de-AT", "en"]), "de");
  assert.equal(chosenLanguage("?lang=xx", ["fr"]), "en");
  assert.equal(chosenLanguage("?lang=constructor", []), "en");
});

test("values take their places, and terms are found", () => {
  assert.equal(filled("{a} of {b}, {c}", { a: 1, b: "$&" }), "1 of $&, ");
  assert.deepEqual(pieces("A *token* is *one*."), ["A ", "*token*", " is ", "*one*", "."]);
});

test("cosines, and the nearest of all vectors", () => {
  assert.equal(cosine([1, 0], [0, 2]), 0);
  near(cosine([1, 2], [2, 4]), 1);
  near(cosine([1, 2], [-1, -2]), -1);
  assert.equal(cosine([0, 0], [1, 1]), 0);
  const found = nearest(
    [
      [1, 0],
      [0, 1],
      [2, 1],
      [-1, 0],
    ],
    0,
    2,
  );
  assert.deepEqual(
    found.map(({ id }) => id),
    [2, 1],
  );
});

test("the softmax of the first tokens and all others is whole", () => {
  const logits = [2, 1, 0, -1];
  const sum = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  const candidates = logits.slice(0, 2).map((logit, id) => ({
    id,
    text: "",
    logit,
    logprob: logit - Math.log(sum),
    probability: 0,
  }));
  const { rows, total, others, sum: whole } = softmaxRows(candidates);
  near(total, sum);
  near(others.power, Math.exp(0) + Math.exp(-1));
  near(rows[0].share, Math.exp(2) / sum);
  near(whole, 1);
});

test("the text to learn is all sentences, each once and always in the same order", () => {
  const parts = [
    ["a", "b", "c"],
    ["x", "y"],
  ];
  const made = sentences(parts);
  assert.deepEqual([...made].sort(), ["a x.", "a y.", "b x.", "b y.", "c x.", "c y."]);
  assert.deepEqual(sentences(parts), made);
  near(crossEntropy([{ nll: 1 }, { nll: 2 }]), 1.5);
  assert.equal(crossEntropy([]), 0);
});

test("work is done one after the other, and the latest takes the place of what waits under its name", async () => {
  const done = [];
  let opened = 0;
  const queue = new Queue(async () => (opened += 1));
  const work = (name) => async (used) => {
    done.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 5));
    done.push(`${name} ends`);
    if (name === "bad") throw new Error("bad");
    return [name, used];
  };
  const [one, , two, bad] = [
    queue.use("one", work("one")),
    queue.use("two", work("old")).then((result) => assert.equal(result, undefined)),
    queue.use("two", work("two")),
    queue.use("bad", work("bad")),
  ];
  await assert.rejects(bad, /bad/);
  assert.equal((await one)[0], "one");
  assert.equal((await two)[0], "two");
  assert.deepEqual(
    done,
    ["one", "two", "bad"].flatMap((name) => [`${name} begins`, `${name} ends`]),
  );
  const closed = new Queue(() => Promise.reject(new Error("closed")));
  await assert.rejects(closed.use("one", work("one")), /closed/);
  await assert.rejects(closed.use("one", work("one")), /closed/);
});

/** The document of the tour, whose instruments never come near the screen. */
function openTour() {
  const document = openPage();
  document.body.innerHTML = page.slice(page.indexOf("<body>") + 6, page.indexOf("</body>"));
  const observer = class {
    observe() {}
    disconnect() {}
  };
  Object.assign(globalThis, { IntersectionObserver: observer, ResizeObserver: observer });
  return finder(document);
}

/** Lets everything happen that waits for nothing but its turn. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 5));

/** Calls that are answered when the test says so. */
function calls() {
  const waiting = [];
  return {
    made: [],
    call(name, ...args) {
      this.made.push([name, ...args]);
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }));
    },
    async answer(value) {
      while (waiting.length === 0) await settle();
      const { resolve, reject } = waiting.shift();
      if (value instanceof Error) reject(value);
      else resolve(value);
      await settle();
    },
    get waiting() {
      return waiting.length;
    },
  };
}

test("the text of the loop is that of its prompt, whatever comes between", async () => {
  const find = openTour();
  const engine = calls();
  let forks = 0;
  const freed = [];
  globalThis.engine = {
    load: async () => ({
      free: () => freed.push("model"),
      async fork() {
        const fork = (forks += 1);
        return {
          start: (prompt) => engine.call(`start ${fork}`, prompt),
          next_token: () => engine.call(`next ${fork}`),
          free: () => freed.push(fork),
        };
      },
    }),
  };
  const { tryLoop } = await import("../../www/learn/try-loop.js");
  tryLoop(find);
  const prompt = find("loop-prompt");
  const [step, go, anew] = ["step", "go", "anew"].map((name) => find(`loop-${name}`));
  const token = (text, more) => ({ text, logprob: -1, ...more });
  const spans = () => texts(find("loop-text").children).slice(1);

  // A text that could not be started is not gone on with.
  click(step);
  await settle();
  await engine.answer(Object.assign(new Error("long"), { code: "prompt_too_long" }));
  assert.deepEqual(freed, [1]);
  assert.match(find("loop-told").textContent, /too long/);

  // A token that was asked for before the text was begun anew belongs to neither.
  click(step);
  await settle();
  prompt.value = "Otto";
  click(anew);
  click(step);
  await engine.answer(); // the start of the old text
  assert.deepEqual(freed, [1, 2]);
  assert.deepEqual(engine.made.at(-1), ["start 3", "Otto"]);
  await engine.answer();
  await engine.answer(token(" ran"));
  assert.deepEqual(spans(), [" ran"]);
  assert.deepEqual(
    engine.made.map(([name]) => name),
    ["start 1", "start 2", "start 3", "next 3"],
  );

  // Stop and on again at once: still one token at a time, and the button stops it.
  click(go);
  await settle();
  click(go);
  click(go);
  await settle();
  assert.equal(engine.waiting, 1);
  await engine.answer(token(" and"));
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(engine.waiting, 1);
  assert.equal(go.textContent, "Stop");
  click(go);
  await engine.answer(token(" ran", { finish_reason: "stop" }));
  assert.deepEqual(spans(), [" ran", " and", " ran"]);
  assert.match(find("loop-told").textContent, /by itself/);

  // An engine that stopped is replaced, and its text is begun anew.
  click(anew);
  click(step);
  await settle();
  await engine.answer(Object.assign(new Error("the engine stopped"), { code: "crashed" }));
  assert.equal(freed.at(-1), "model");
  click(step);
  await settle();
  await engine.answer();
  await engine.answer(token(" hid"));
  assert.deepEqual(spans(), [" hid"]);
});

test("a training that goes on while it pauses takes one step at a time", async () => {
  const find = openTour();
  const engine = calls();
  let freed = 0;
  globalThis.engine = {
    create: async () => ({
      info: async () => ({ uniform_loss: 6, unigram_loss: 5 }),
      step: () => engine.call("step"),
      async pairs(line) {
        if (line.length > 20) throw Object.assign(new Error("long"), { code: "prompt_too_long" });
        return [..."abc"].map((target) => ({ input: "x", target, nll: 1 }));
      },
      sample: () => engine.call("sample"),
      free: () => (freed += 1),
    }),
  };
  const { tryTraining } = await import("../../www/learn/try-training.js");
  tryTraining(find);
  const start = find("training-start");
  const state = () => find("try-training").dataset.state;
  click(start);
  await settle();
  await engine.answer("first look");
  click(start); // pauses in the first step
  await engine.answer({ step: 1, loss: 6, complete: false });
  assert.equal(state(), "paused");
  click(start); // goes on while the look is computed
  await settle();
  assert.deepEqual([state(), engine.waiting], ["running", 1]);
  await engine.answer("second look");
  assert.deepEqual([engine.made.at(-1)[0], engine.waiting], ["step", 1]);
  await engine.answer({ step: 2, loss: 5, complete: true });
  assert.deepEqual([state(), freed], ["running", 0]);
  await engine.answer("last look");
  assert.deepEqual([state(), freed], ["done", 1]);
  assert.equal(find("training-wrote").textContent, "last look");
  assert.equal(find("training-pairs").children.length, 2);

  globalThis.engine.create = async () => {
    throw Object.assign(new Error("the text has 3 tokens"), { code: "corpus_too_small" });
  };
  click(find("training-anew"));
  click(start);
  await settle();
  assert.match(find("training-status").textContent, /ten sentences/);
});

test("guesses are called different only where they are", async () => {
  const { orderNote } = await import("../../www/learn/try-pairs.js");
  const read = (text, id) => ({ text, candidates: [{ id, text: "", logit: 0, logprob: 0, probability: 0.5 }] });
  assert.equal(orderNote(read("a b", 1), read("a b", 1)), "order.equal");
  assert.equal(orderNote(read("a b", 1), read("a, b", 2)), "order.spelling");
  assert.equal(orderNote(read("a b", 1), read("b a", 2)), "order.same");
  assert.equal(orderNote(read("a b", 1), read("b a", 1)), "order.unmoved");
  assert.equal(orderNote(read("a b", 1), read("a c", 1)), "order.other");
});

test("the language that was chosen last is shown, and a listener that fails disturbs no other", async () => {
  const document = openPage();
  /** @type {(texts: Record<string, string>) => void} */
  let come = () => {};
  LANGUAGES.slow = { name: "slow", load: () => new Promise((resolve) => (come = resolve)) };
  LANGUAGES.lost = { name: "lost", load: () => Promise.reject(new Error("lost")) };
  const reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  let [fails, shown] = [true, 0];
  onLanguage(() => {
    if (fails) throw new Error("fails");
  });
  onLanguage(() => (shown += 1));
  try {
    const slow = setLanguage("slow");
    assert.equal(await setLanguage("de"), true);
    come({});
    assert.equal(await slow, false);
    assert.equal(document.documentElement.lang, "de");
    assert.deepEqual([reported.includes("fails"), shown], [true, 1]);
    await assert.rejects(setLanguage("lost"), /lost/);
    assert.equal(document.documentElement.lang, "de");
  } finally {
    delete LANGUAGES.slow;
    delete LANGUAGES.lost;
    fails = false;
    await setLanguage("en");
  }
});

test("a tiny number keeps two digits that say something", () => {
  assert.deepEqual([0, 0.000012, 0.05, 3, 31, 310].map(digitsOf), [2, 6, 3, 2, 1, 0]);
});
