// The search view, without a browser and without a model.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Passages, passages } from "../../www/passages.js";
import { SearchView } from "../../www/search.js";
import { click, openPage, texts } from "./dom.mjs";

/** A vector of length 1 that tells how many animals and how many dishes a text names. */
function embedOne(text) {
  const named = (words) => words.filter((word) => text.toLowerCase().includes(word)).length;
  const counts = [named(["cat", "dog", "animal"]), named(["soup", "bread", "food"]), 0.1];
  const length = Math.hypot(...counts);
  return Float32Array.from(counts, (x) => x / length);
}

test("a text is cut into sentences or paragraphs, and lines broken by hand are joined", () => {
  const text = "A cat\nsleeps. “Does it?” Dr.\n\n  * * *  \n\nIt does.\r\n\r\n数学は美しい。そう。\n";
  assert.deepEqual(passages(text, "paragraphs"), ["A cat sleeps. “Does it?” Dr.", "It does.", "数学は美しい。そう。"]);
  assert.deepEqual(passages(text, "sentences").slice(0, 2), ["A cat sleeps.", "“Does it?”"]);
  assert.deepEqual(passages(text, "sentences").slice(-2), ["数学は美しい。", "そう。"]);
  assert.deepEqual(passages(" \n ", "sentences"), []);
  const { Segmenter } = Intl;
  try {
    delete Intl.Segmenter;
    assert.deepEqual(passages("One. Two!” Three", "sentences"), ["One.", "Two!”", "Three"]);
  } finally {
    Object.assign(Intl, { Segmenter });
  }
});

test("a passage that is too long for an encoder becomes several, and nothing is lost", () => {
  const bytes = (passage) => new TextEncoder().encode(passage).length;
  const words = Array.from({ length: 900 }, (_, i) => `word${i}`).join(" ");
  for (const unit of ["sentences", "paragraphs"]) {
    const cut = passages(`${words}\n\nA cat.`, unit);
    assert.equal(cut.join(" "), `${words} A cat.`);
    assert.ok(cut.every((passage) => bytes(passage) <= 1000) && cut.length === 9, `${cut.length}`);
    // What has no spaces is cut between characters, also where one is two units of a string.
    for (const run of ["数".repeat(700), "𝕏".repeat(501), "a".repeat(1001)]) {
      const parts = passages(run, unit);
      assert.equal(parts.join(""), run);
      assert.ok(parts.length > 1 && parts.every((part) => bytes(part) <= 1000 && part.isWellFormed()), run[0]);
    }
  }
  const fitting = "a".repeat(1000);
  assert.deepEqual(passages(`${fitting} ${fitting}`, "paragraphs"), [fitting, fitting]);
});

test("a question is compared with each passage once, and texts with vectors get no others", async () => {
  const all = Array.from(
    { length: 40 },
    (_, i) => `${["Soup", "Bread", "A cat", "A dog and a cat"][i % 4]} ${i % 32}.`,
  );
  let compared = 0;
  const seen = class extends Float32Array {
    reduce(...call) {
      compared += 1;
      return super.reduce(...call);
    }
  };
  const vectors = new Map();
  const embedded = [];
  const embed = async (batch) => (embedded.push(...batch), batch.map((text) => seen.from(embedOne(text))));
  const index = new Passages(all, embed, vectors);
  const question = embedOne("food and a dog");
  while (index.done < index.total) {
    await index.step();
    const best = index.nearest(question, 5).map(({ cosine }) => cosine);
    const every = all.slice(0, index.done).map((text) => seen.from(embedOne(text)));
    const cosines = every.map((vector) => Float32Array.from(vector).reduce((sum, x, i) => sum + x * question[i], 0));
    assert.deepEqual(best, cosines.sort((a, b) => b - a).slice(0, 5));
  }
  assert.equal(compared, 40);
  assert.equal(index.nearest(embedOne("soup"), 1)[0].text, "Soup 0.");
  assert.equal(compared, 80);
  assert.equal(embedded.length, new Set(all).size);

  const edited = new Passages(["A new one.", ...all], embed, vectors);
  embedded.length = 0;
  while (edited.done < edited.total) await edited.step();
  assert.deepEqual(embedded, ["A new one."]);
});

test("vectors of passages that are gone are not kept without limit", () => {
  const vectors = new Map(Array.from({ length: 20_001 }, (_, i) => [`Passage ${i}.`, new Float32Array(1)]));
  void new Passages(["Passage 5.", "A cat."], async () => [], vectors);
  assert.deepEqual([...vectors.keys()], ["Passage 5."]);
});

test("passages get their vectors batch by batch, and those that have one are found", async () => {
  const all = Array.from({ length: 20 }, (_, i) => (i === 12 ? "The cat." : `Soup ${i}.`));
  const sizes = [];
  const index = new Passages(all, async (batch) => (sizes.push(batch.length), batch.map(embedOne)));
  assert.deepEqual([index.done, index.total, index.nearest(embedOne("dog"), 3)], [0, 20, []]);
  await index.step();
  assert.ok(index.done < 12 && index.nearest(embedOne("dog"), 1)[0].text !== "The cat.");
  while (index.done < index.total) await index.step();
  const [first, second] = index.nearest(embedOne("dog"), 2);
  assert.equal(first.text, "The cat.");
  assert.ok(Math.abs(first.cosine - 1) < 1e-6 && second.cosine < 0.1);
  const calls = sizes.length;
  await index.step();
  assert.equal(sizes.length, calls);
  assert.equal(
    sizes.reduce((sum, size) => sum + size),
    20,
  );
});

const document = openPage();
// As a browser does where the attribute is set.
document.getElementById("search-sentences").checked = true;
Object.assign(globalThis, { location: new URL("https://page.example/") });
const $ = (id) => document.getElementById(id);
const errors = [];
let model;
let loads = [];
const view = new SearchView(document, {
  model: () => model,
  showError: (error) => error && errors.push(String(error.message ?? error)),
  loadEncoder: (source, signal, show) =>
    new Promise((resolve, reject) => loads.push({ source, signal, show, resolve, reject })),
});
const shown = () => texts($("search-found").querySelectorAll(".passage"));
/** Lets the view go on until it rests. Its own timers stand still. */
const { setTimeout: setRealTimeout } = globalThis;
const rest = () => new Promise((resolve) => setRealTimeout(resolve, 20));
mock.timers.enable({ apis: ["setTimeout"] });
function type(id, value) {
  $(id).value = value;
  $(id).dispatchEvent(new Event("input", { bubbles: true }));
}
async function enter(id, value) {
  type(id, value);
  mock.timers.tick(250);
  await rest();
}
const asked = [];
const embedder = (name) => ({
  name,
  freed: false,
  embed: async (batch, options) => (asked.push({ name, batch, options }), batch.map(embedOne)),
  free() {
    this.freed = true;
  },
});

test("nothing is searched while the view is closed, or by nothing", async () => {
  model = embedder("causal");
  await view.search();
  assert.deepEqual([asked, shown()], [[], []]);
  model = undefined;
  $("mode-search").checked = true;
  await view.search();
  assert.match($("search-by").textContent, /Load a text encoder/);
  assert.deepEqual([asked, shown()], [[], []]);
});

test("a language model searches by its mean, and the view says that it is not made for it", async () => {
  model = embedder("causal");
  await enter("search-text", "A cat sleeps. Soup is hot. Bread and soup. The dog barks at a cat.");
  await enter("search-query", "food");
  assert.match($("search-by").textContent, /language model above\. A text encoder is trained for this/);
  assert.deepEqual(asked[0].options, { pooling: "mean", truncate: true });
  assert.deepEqual(shown().slice(0, 2).sort(), ["Bread and soup.", "Soup is hot."]);
  assert.equal($("search-status").textContent, "4 passages");
  const cosines = texts($("search-found").querySelectorAll(".cosine")).map(Number);
  assert.deepEqual(
    cosines,
    cosines.toSorted((a, b) => b - a),
  );
  const width = (row) => parseFloat(row.querySelector(".fill").style.width);
  const [first, , , last] = $("search-found").children;
  assert.ok(width(first) > 99 && width(last) < 10, `${width(first)} ${width(last)}`);
});

test("another question embeds nothing but itself, and another text that text", async () => {
  asked.length = 0;
  await enter("search-query", "animal");
  assert.deepEqual(
    asked.map(({ batch }) => batch),
    [["animal"]],
  );
  assert.deepEqual(shown().slice(0, 2), ["A cat sleeps.", "The dog barks at a cat."]);
  asked.length = 0;
  await enter("search-text", "Soup.\n\nBread. More bread.");
  assert.deepEqual(
    asked.map(({ batch }) => batch),
    [["Soup.", "Bread.", "More bread."]],
  );
  asked.length = 0;
  $("search-sentences").checked = false;
  $("search-paragraphs").checked = true;
  await enter("search-query", "animal");
  assert.deepEqual(
    asked.map(({ batch }) => batch),
    [["Bread. More bread."]],
  );
  asked.length = 0;
  await enter("search-text", "Soup.\n\nA dog.\n\nBread. More bread.");
  await enter("search-text", "Bread. More bread.\n\nSoup.");
  assert.deepEqual(
    asked.map(({ batch }) => batch),
    [["A dog."]],
  );
  await enter("search-text", "Soup.\n\nBread. More bread.");
  await enter("search-query", " ");
  assert.deepEqual([shown(), $("search-status").textContent], [[], ""]);
});

test("the search waits until the reader rests from typing", async () => {
  asked.length = 0;
  for (const typed of ["b", "br", "bread"]) {
    type("search-query", typed);
    mock.timers.tick(249);
  }
  await rest();
  assert.deepEqual(asked, []);
  mock.timers.tick(1);
  await rest();
  assert.deepEqual(
    asked.map(({ batch }) => batch),
    [["bread"]],
  );
});

test("what is typed while a text gets its vectors waits as well", async () => {
  const sentences = Array.from({ length: 40 }, (_, i) => `A cat of number ${i}.`).join("\n\n");
  asked.length = 0;
  type("search-text", sentences);
  mock.timers.tick(250);
  type("search-query", "anim");
  await rest();
  assert.equal($("search-status").textContent, "40 passages");
  assert.ok(asked.length === 5 && asked.every(({ batch }) => batch.length === 8), JSON.stringify(asked));
  await enter("search-text", "Soup.\n\nBread. More bread.");
});

test("how far the vectors are is shown, and only the end is announced", async () => {
  const seen = [];
  const plain = model;
  const told = () => [$("search-embedded").textContent, $("search-status").textContent];
  model = { embed: (...given) => (seen.push(told()), plain.embed(...given)) };
  await enter("search-text", Array.from({ length: 20 }, (_, i) => `Dog ${i}.`).join("\n\n"));
  assert.deepEqual(seen.slice(-2), [
    ["8 of 20 passages", ""],
    ["16 of 20 passages", ""],
  ]);
  assert.deepEqual(told(), ["", "20 passages"]);
  assert.equal($("search-embedded").closest("[role=status], [aria-live]"), null);
  model = plain;
  await enter("search-text", "Soup.\n\nBread. More bread.");
});

test("a text in the box that is too long is refused, and a shorter one is searched", async () => {
  await enter("search-query", "soup");
  await enter("search-text", "A dog. ".repeat(300_000));
  assert.match(errors.pop(), /too long: 2 MB/);
  assert.deepEqual([shown(), $("search-status").textContent], [[], ""]);
  await enter("search-text", "Soup.\n\nBread. More bread.");
  assert.deepEqual([errors, shown()], [[], ["Soup.", "Bread. More bread."]]);
});

test("Ctrl+Enter searches, and does not write behind the view", async () => {
  let stopped = 0;
  const press = (keys) => {
    const event = new Event("keydown", { bubbles: true, cancelable: true });
    const stopPropagation = () => (stopped += 1);
    $("search-query").dispatchEvent(Object.assign(event, { key: "Enter", stopPropagation, ...keys }));
  };
  $("search-query").value = "dog";
  asked.length = 0;
  for (const keys of [{ ctrlKey: true }, { metaKey: true }, {}]) press(keys);
  assert.equal(stopped, 2);
  await rest();
  assert.deepEqual(asked[0].batch, ["dog"]);
  // In other views the key is theirs.
  $("mode-search").checked = false;
  press({ ctrlKey: true });
  assert.equal(stopped, 2);
  $("mode-search").checked = true;
});

test("an encoder takes the language model's place once it is loaded", async () => {
  await enter("search-query", "food");
  click($("search-load"));
  await rest();
  const [load] = loads;
  assert.match(load.source, /^https:\/\/huggingface\.co\/.*MiniLM.*\.gguf$/);
  assert.equal($("search-progress").hidden, false);
  load.show(0.5, "12 of 25 MB");
  assert.deepEqual([$("search-bar").value, $("search-loaded").textContent], [0.5, "12 of 25 MB"]);
  asked.length = 0;
  const first = embedder("MiniLM");
  load.resolve(first);
  await rest();
  assert.equal($("search-progress").hidden, true);
  assert.match($("search-by").textContent, /by MiniLM, a text encoder/);
  assert.ok(asked.length > 0 && asked.every(({ name }) => name === "MiniLM"));

  // A second one replaces it; a load that is called off changes nothing.
  await enter("search-url", "encoder.gguf");
  click($("search-load-url"));
  await rest();
  assert.equal(loads[1].source, "https://page.example/encoder.gguf");
  click($("search-cancel"));
  assert.ok(loads[1].signal.aborted);
  loads[1].reject(new Error("aborted"));
  await rest();
  assert.deepEqual([errors, first.freed, $("search-progress").hidden], [[], false, true]);
  click($("search-load"));
  await rest();
  loads[2].resolve(embedder("bge"));
  await rest();
  assert.ok(first.freed);
  assert.match($("search-by").textContent, /bge/);
});

test("errors are shown, and the next question works", async () => {
  $("search-url").value = " ";
  click($("search-load-url"));
  await rest();
  assert.match(errors.pop(), /not an address/);
  click($("search-load"));
  await rest();
  loads[3].reject(Object.assign(new Error("the architecture"), { code: "unsupported_architecture" }));
  await rest();
  assert.match(errors.pop(), /no text encoder/);
  assert.deepEqual(errors, []);
  // With the encoder that was there.
  await enter("search-query", "bread");
  assert.deepEqual(shown(), ["Soup.", "Bread. More bread."]);
});

test("a text file is dropped into the view, and one that is too long is refused", async () => {
  const drop = async (file) => {
    const event = Object.assign(new Event("drop", { bubbles: true, cancelable: true }), {
      dataTransfer: { files: [file] },
    });
    $("searching").dispatchEvent(event);
    await rest();
    return event.defaultPrevented;
  };
  assert.ok(await drop(new File(["A dog. A soup."], "notes.txt")));
  assert.equal($("search-text").value, "A dog. A soup.");
  assert.equal($("search-source").textContent, "notes.txt");
  assert.equal(shown().length, 1);
  await drop(new File([new Uint8Array(2_000_001)], "long.txt"));
  assert.match(errors.pop(), /long\.txt is too long/);
  await drop(new File([new Uint8Array([0x50, 0xff, 0xfe])], "image.png"));
  assert.match(errors.pop(), /image\.png is not UTF-8/);
  assert.equal($("search-text").value, "A dog. A soup.");
  assert.deepEqual(errors, []);
  const file = new File([], "encoder.gguf");
  await drop(file);
  assert.equal(loads[4].source, file);
  $("mode-search").checked = false;
  assert.equal(await drop(new File(["x"], "x.txt")), false);
});
