// The guessing game, without a browser and without a model.

import assert from "node:assert/strict";
import { test } from "node:test";
import { GuessView } from "../../www/guess.js";
import { GuessGame, TEXTS, readWords } from "../../www/guess-game.js";
import { click, openPage, press, texts } from "./dom.mjs";

const top = (id, text, probability) => [{ id, text, logprob: Math.log(probability) }];
/** "A fox ran.⏎The end" in tokens of its own: the first half is given, the rest is guessed. */
const SCORE = {
  ids: [1, 2, 3, 4, 5, 6, 7, 8],
  texts: ["A", " f", "ox", " ran", ".", "\n", "Th", "e end"],
  nll: [1, 1, 1, Math.log(4), Math.LN2, 0.1, Math.log(8)],
  top_logprobs: [
    top(2, " f", 0.4),
    top(3, "ox", 0.4),
    top(9, " sat", 0.4),
    top(5, ".", 0.25),
    top(6, "\n", 0.9),
    top(9, "It", 0.2),
    top(8, "e end", 0.125),
  ],
};

test("a guess is the next word, or several that share the stake", () => {
  assert.deepEqual(readWords(" Fox "), ["fox"]);
  assert.deepEqual(readWords("fox, dog,,fox jumps"), ["fox", "dog"]);
  assert.deepEqual(readWords(" , "), [","]);
  assert.deepEqual(readWords("  "), []);
});

test("reader and model are scored by their surprise of the same tokens", () => {
  const game = new GuessGame(SCORE, 101);
  assert.equal(game.next, 4);
  const full = game.guess(".", 0.5);
  assert.deepEqual([full.text, full.right, full.bits, full.modelRight], [".", true, 1, true]);
  assert.ok(Math.abs(full.modelBits - 2) < 1e-12);
  // A line break cannot be typed: it is passed over. A word may be several tokens, and its case does not matter.
  assert.equal(game.next, 6);
  const word = game.guess("the, a", 0.5);
  assert.deepEqual([word.text, word.right, word.bits, word.modelRight], ["Th", true, 2, false]);
  // What is shorter than the token, or goes on in another way, is wrong: the rest is shared among the 100 other tokens.
  const wrong = game.guess("e", 0.5);
  assert.deepEqual([wrong.right, game.isOver], [false, true]);
  assert.ok(Math.abs(wrong.bits - Math.log2(200)) < 1e-12);
  const { count, bits, modelBits, right, modelRight } = game.totals;
  assert.deepEqual([count, right, modelRight], [3, 2, 2]);
  assert.ok(Math.abs(bits - (1 + 2 + Math.log2(200)) / 3) < 1e-12);
  assert.ok(Math.abs(modelBits - (2 + 0.1 / Math.LN2 + 3) / 3) < 1e-12);
});

test("tokens with commas can be guessed, and those within a character need not be", () => {
  const score = {
    ids: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    texts: ["He", " said", " so", ",", " and", ',"', "", "é", " x", " y"],
    nll: Array(9).fill(1),
    top_logprobs: Array(9).fill(top(1, "He", 0.5)),
  };
  const game = new GuessGame(score, 101);
  assert.equal(game.next, 5);
  assert.deepEqual([game.guess(',"', 0.5).bits, game.next], [1, 8]);
  // A comma after a word is none of the word, even where the text goes on with one.
  const again = new GuessGame(
    { ...score, texts: ["He", "He", " no", ",", " a", " money", ",", " no", " x", " y"] },
    101,
  );
  assert.deepEqual([again.next, again.guess("money, food", 0.5).bits], [5, 2]);
  // Two words that both fit share nothing away.
  assert.equal(game.guess("x, x", 0.5).bits, 1);
  assert.equal(new GuessGame(SCORE, 101).guess("., a", 0.5).bits, 2);
});

test("a prediction's shares add up to one", () => {
  for (const [typed, words, stake] of [
    ["x", 1, 0.9],
    ["x, y", 2, 0.5],
    ["x, y, z", 3, 0.1],
  ]) {
    const { bits } = new GuessGame(SCORE, 101).guess(typed, stake);
    assert.ok(Math.abs(stake + (101 - words) * 2 ** -bits - 1) < 1e-12);
  }
});

test("words that go on otherwise than the text are wrong", () => {
  for (const [typed, right] of [
    ["Th", true],
    ["thE", true],
    ["The end", true],
    ["this", false],
    ["T", false],
  ]) {
    const game = new GuessGame(SCORE, 101);
    game.guess("?", 0.5);
    assert.equal(game.guess(typed, 0.5).right, right, typed);
  }
});

test("the guessing view hides a text, takes guesses and sums them up", async () => {
  const page = openPage();
  const errors = [];
  let model;
  new GuessView(page, { model: () => model, name: () => "a fox", showError: (error) => error && errors.push(error) });
  const find = (id) => page.querySelector(`#${id}`);
  const settle = () => new Promise((resolve) => setTimeout(resolve));
  click(find("guess-story"));
  await settle();
  assert.deepEqual(errors, ["no model is loaded yet"]);
  const read = [];
  model = {
    scorer: async (text) => {
      read.push(text);
      return { step: async () => ({ done: 7, total: 7 }), finish: async () => SCORE, free() {} };
    },
    info: async () => ({ vocabulary_size: 101 }),
  };
  click(find("guess-story"));
  await settle();
  assert.equal(find("guess-status").textContent, "against a fox, which knows 101 tokens");
  assert.equal(read.length, 1);
  assert.ok(TEXTS.includes(read[0]));
  assert.equal(find("guess-shown").textContent, "A fox ran");
  const guess = (typed) => {
    find("guess-word").value = typed;
    find("guess-form").dispatchEvent(new Event("submit", { cancelable: true }));
  };
  guess(" ");
  assert.equal(find("guess-you").textContent, "–");
  guess(".");
  assert.equal(find("guess-shown").textContent, "A fox ran.\n");
  assert.equal(find("guess-you").textContent, "1.00");
  assert.match(
    find("guess-note").textContent,
    /It was \.\. You were right: 1\.0 bits\. The model gave it 25 %: 2\.0 bits\./,
  );
  assert.deepEqual(texts(page.querySelectorAll("#guess-expected .name")), ["."]);
  guess("It");
  assert.deepEqual(
    [...page.querySelectorAll("#guess-shown .token")].map(({ className }) => className),
    ["token right", "token missed shown"],
  );
  // Two bits of the seven that have the strongest colour.
  assert.equal(page.querySelector("#guess-shown .token").style.getPropertyValue("--surprise"), "0.286");
  assert.match(find("guess-note").textContent, /You said “It”/);
  click(find("guess-end"));
  assert.equal(find("guess-shown").textContent, SCORE.texts.join(""));
  assert.ok(find("guess-form").hidden);
  assert.match(find("guess-status").textContent, /^Over 2 tokens the model was surprised less than you: /);
  // The arrow keys go from guess to guess, over the line break between them.
  const shown = () => page.querySelector("#guess-shown .shown").textContent;
  press(find("guess-shown"), "ArrowLeft");
  assert.equal(shown(), ".");
  press(find("guess-shown"), "ArrowRight");
  assert.equal(shown(), "Th");
  // Another story follows, and the game begins anew.
  click(find("guess-story"));
  await settle();
  assert.notEqual(read[1], read[0]);
  assert.equal(find("guess-you").textContent, "–");
});
