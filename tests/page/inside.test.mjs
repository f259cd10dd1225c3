// The view "Inside the model", without a browser and without a model.

import assert from "node:assert/strict";
import { test } from "node:test";
import { InsideView } from "../../www/inside.js";
import { contributions, headCount, largest, layerRows, overHeads, strengths } from "../../www/inside-numbers.js";
import { click, openPage, press, texts } from "./dom.mjs";

const guess = (id, text, probability) => ({ id, text, logprob: Math.log(probability) });
const near = (a, b) => assert.ok(Math.abs(a - b) < 1e-6, `${a} is not ${b}`);

test("the rows of the logit lens count from the input, and mark the token in each", () => {
  const guesses = [1, 2, 3, 4, 5, 6].map((id) => guess(id, `t${id}`, 0.5 ** id));
  const rows = layerRows([guesses, guesses.toReversed()], 2);
  assert.deepEqual(
    rows.map(({ layer, cells }) => [layer, cells.map(({ id }) => id).join(), cells.findIndex(({ taken }) => taken)]),
    [
      [1, "1,2,3,4,5", 1],
      [2, "6,5,4,3,2", 4],
    ],
  );
  near(rows[0].cells[1].probability, 0.25);
});

test("attention is that of a head, or the mean or the largest of all", () => {
  const weights = Float32Array.of(0.5, 0.25, 0.25, 0, 0.25, 0.75);
  assert.equal(headCount(weights, 3), 2);
  assert.deepEqual(overHeads(weights, 3, 1), [0, 0.25, 0.75]);
  assert.deepEqual(overHeads(weights, 3, "mean"), [0.25, 0.25, 0.5]);
  assert.deepEqual(overHeads(weights, 3, "max"), [0.5, 0.25, 0.75]);
  assert.throws(() => overHeads(weights, 4, "mean"), /6 attention weights are not for 4 tokens/);
});

test("the largest products of hidden state and head row come first, whatever their sign", () => {
  const { sum, top, topSum } = contributions(Float32Array.of(1, -2, 3, 0), Float32Array.of(0.5, 2, 1, 9));
  assert.deepEqual(
    top.map(({ index, product }) => [index, product]),
    [
      [1, -4],
      [2, 3],
      [0, 0.5],
      [3, 0],
    ],
  );
  assert.deepEqual([sum, topSum], [-0.5, -0.5]);
  const many = new Float32Array(100).fill(1);
  assert.deepEqual([contributions(many, many).sum, contributions(many, many).topSum], [100, 12]);
});

test("the largest values and the strengths of colours", () => {
  assert.deepEqual(largest([1, 3, 2], 2), [1, 2]);
  assert.deepEqual(strengths([-4, 1, 0]), [1, 0.5, 0]);
  assert.deepEqual(strengths([0, 0]), [0, 0]);
});

/** A text of three tokens after a prompt of two, and a generator that counts what is asked of it. */
function reader() {
  const page = openPage();
  const asked = [];
  const alive = { forks: 0 };
  const errors = [];
  const words = new Map([
    [1, " Once"],
    [7, " fox"],
    [8, " owl"],
    [9, "\n"],
  ]);
  let failing = false;
  /** The gate that a peek waits at. */
  let gate = Promise.resolve();
  const generator = {
    async fork() {
      if (failing) throw new Error("no memory");
      alive.forks += 1;
      let left = [7, 8, 9];
      return {
        async rewind(count) {
          left = left.slice(0, left.length - count);
        },
        async peek(options) {
          asked.push([left.length, Object.keys(options).join()]);
          await gate;
          const positions = 2 + left.length;
          return {
            candidates: [8, 7, 9].map((id, rank) => ({
              ...guess(id, words.get(id), 0.5 ** (rank + 1)),
              logit: 9 - rank,
            })),
            hidden: Float32Array.of(1, -2, 3),
            layers: [[guess(7, " fox", 0.6)], [guess(8, " owl", 0.5), guess(7, " fox", 0.25)]],
            // The first layer has no attention; in the second all is for the first token, in both of its heads.
            attention: [null, Float32Array.from({ length: 2 * positions }, (_, at) => (at % positions === 0 ? 1 : 0))],
          };
        },
        state: async () => ({ prompt_ids: Uint32Array.of(0, 1), ids: Uint32Array.from(left) }),
        head_row: async (id) => Float32Array.of(id, 0.5, 1),
        token_text: async (id) => words.get(id) ?? "<s>",
        free: () => (alive.forks -= 1),
      };
    },
  };
  const tokens = [7, 8, 9].map((id) => ({ id, text: words.get(id) }));
  const host = {
    busy: false,
    microscope: { shown: { generator, tokens, look: 2 } },
    showError: (error) => error && errors.push(error.message),
  };
  const view = new InsideView(page, host);
  const find = (id) => page.querySelector(`#${id}`);
  return {
    page,
    view,
    host,
    find,
    asked,
    alive,
    errors,
    fail: () => (failing = true),
    hold(until) {
      gate = until;
    },
    open() {
      find("inside").open = true;
      find("inside").dispatchEvent(new Event("toggle"));
    },
    async until(condition) {
      for (let tries = 0; !condition(); tries += 1) {
        assert.ok(tries < 400, "waited in vain");
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  };
}

const ALL = "top,hidden,layers,attention";

test("nothing is asked while the view is closed or the model is busy", async () => {
  const { view, host, find, asked, open, until } = reader();
  view.update();
  host.busy = true;
  open();
  assert.match(find("inside-status").textContent, /The model is busy/);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(asked, []);
  host.busy = false;
  view.update();
  await until(() => !find("inside-result").hidden);
  assert.deepEqual(asked, [[2, ALL]]);
});

test("the layers, the attention and the product of the token that is looked at", async () => {
  const { page, find, alive, open, until } = reader();
  open();
  await until(() => !find("inside-result").hidden);
  assert.equal(alive.forks, 0);
  assert.equal(find("inside-status").textContent, "How ⏎, token 3 of the text, was predicted.");
  assert.deepEqual(texts(find("inside-layers").querySelectorAll("th")), ["1", "2"]);
  assert.deepEqual(texts(find("inside-layers").querySelectorAll(".name")), ["␣fox", "␣owl", "␣fox"]);
  assert.equal(find("inside-layers").querySelectorAll(".taken").length, 0);

  // The last layer that has attention, and the mean of its heads.
  assert.deepEqual([find("inside-layer").value, find("inside-head").value], ["1", "mean"]);
  assert.deepEqual(texts(find("inside-head").children), ["mean of heads", "max of heads", "head 1", "head 2"]);
  assert.deepEqual(texts(find("inside-tokens").children), ["<s>", " Once", " fox", " owl"]);
  const weights = () => [...find("inside-tokens").children].map(({ dataset }) => Number(dataset.weight));
  assert.deepEqual(weights(), [1, 0, 0, 0]);
  press(find("inside-tokens"), "ArrowRight");
  assert.equal(find("inside-token").textContent, "<s> token 1 of 4: 100 %");
  find("inside-head").children[3].selected = true;
  find("inside-head").dispatchEvent(new Event("change"));
  assert.equal(find("inside-head").value, "1");

  assert.equal(find("inside-vector").children.length, 3);
  assert.deepEqual(texts(find("inside-choices").children), ["␣owl", "␣fox", "⏎"]);
  assert.equal(page.querySelector("#inside-choices [aria-pressed=true]").textContent, "⏎");
  // 1 × 9 − 2 × 0.5 + 3 × 1
  assert.deepEqual([find("inside-sum").textContent, find("inside-logit").textContent], ["11.00", "7.00"]);
  click(find("inside-choices").children[0]);
  assert.deepEqual([find("inside-sum").textContent, find("inside-logit").textContent], ["10.00", "9.00"]);
  assert.deepEqual(texts(find("inside-products").querySelectorAll("th")), ["0", "2", "1"]);
});

test("the latest token wins, and what is known is not asked again", async () => {
  const { view, host, find, asked, alive, open, until, hold } = reader();
  const { shown } = host.microscope;
  let release;
  hold(new Promise((resolve) => (release = resolve)));
  open();
  await until(() => asked.length === 1);
  for (const look of [0, 1, 3]) {
    host.microscope.shown = { ...shown, look };
    view.update();
  }
  release();
  await until(() => !find("inside-result").hidden);
  assert.deepEqual(asked, [
    [2, ALL],
    [3, ALL],
  ]);
  assert.equal(alive.forks, 0);
  assert.match(find("inside-status").textContent, /^How the next token is predicted/);
  assert.equal(find("inside").dataset.look, "3");
  assert.equal(find("inside-layers").querySelectorAll(".taken").length, 1);
  host.busy = true;
  view.update();
  assert.equal(find("inside-result").getAttribute("aria-busy"), "true");
  host.busy = false;
  view.update();
  assert.equal(find("inside-result").getAttribute("aria-busy"), "false");
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(asked.length, 2);
});

test("what was still to be chosen is looked into again when it is there", async () => {
  const { view, host, find, asked, open, until } = reader();
  const { tokens } = host.microscope.shown;
  host.microscope.shown.look = 3;
  open();
  await until(() => asked.length === 1 && !find("inside-result").hidden);
  tokens.push({ id: 7, text: " fox" });
  view.update();
  await until(() => asked.length === 2);
  await until(() => /token 4 of the text/.test(find("inside-status").textContent));
  assert.equal(find("inside-choices").querySelector("[aria-pressed=true]").textContent, "␣fox");
});

test("a text without a model, and errors", async () => {
  const { view, host, find, asked, errors, open, until, hold, fail } = reader();
  const { shown } = host.microscope;
  host.microscope.shown = undefined;
  open();
  assert.equal(find("inside-status").textContent, "Write a text first.");
  host.microscope.shown = shown;
  let release;
  hold(new Promise((resolve) => (release = resolve)));
  view.update();
  await until(() => asked.length === 1);
  // Another model came meanwhile: what the old one tells is dropped.
  host.microscope.shown = { ...shown, generator: undefined };
  view.update();
  release();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(find("inside-result").hidden);
  assert.match(find("inside-status").textContent, /can no longer be looked into/);
  fail();
  host.microscope.shown = shown;
  view.update();
  await until(() => errors.length > 0);
  assert.deepEqual(errors, ["no memory"]);
  assert.ok(find("inside-result").hidden);
  // What failed is not tried again and again.
  view.update();
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.deepEqual(errors, ["no memory"]);
});
