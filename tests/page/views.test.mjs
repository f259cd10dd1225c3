// The views of the page as functions of an element, without a browser and without a model.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Branch, Branches } from "../../www/branches.js";
import { Chat } from "../../www/chat.js";
import { drawCurve } from "../../www/curve.js";
import { showDistribution } from "../../www/distribution.js";
import { finder, svgElement } from "../../www/dom.js";
import { digitsFor, segments } from "../../www/draw-line.js";
import { count, loadingText, percent, visible } from "../../www/format.js";
import { Narration } from "../../www/narration.js";
import { ScoreView } from "../../www/score.js";
import { StepView, takenStep } from "../../www/stages.js";
import { TextView } from "../../www/tokens.js";
import { TrainingReport, firstLine, outcome } from "../../www/train-report.js";
import { click, openPage, press, texts } from "./dom.mjs";

const options = { temperature: 0.5, top_k: 2, top_p: 0.9, min_p: 0.1, max_tokens: 5 };
const candidate = (id, text, given, probability, logit = 0) => ({
  id,
  text,
  logit,
  bytes: [],
  logprob: Math.log(given),
  probability,
});
const record = {
  step: 3,
  entropy: 1,
  chosen: { id: 7, rank: 1, surprisal: -Math.log(0.5), probability: 0.625 },
  candidates: [
    candidate(7, " fox", 0.5, 0.625, 2),
    candidate(8, " owl", 0.3, 0.375, 1.49),
    candidate(9, "\n", 0.2, 0, -1),
  ],
  stages: [
    {
      name: "top_k",
      kept: 2,
      removed: 1,
      removed_probability: 0.2,
      removed_tokens: [],
      probabilities: [0.625, 0.375, 0],
    },
    {
      name: "temperature",
      level: 0.5,
      kept: 2,
      removed: 0,
      removed_probability: 0,
      removed_tokens: [],
      probabilities: [0.625, 0.375, 0],
    },
  ],
  draw: { point: 0.25, id: 7, text: " fox", from: 0, to: 0.625 },
};
const token = (id, text, more = {}) => ({
  id,
  text,
  logprob: Math.log(0.5),
  probability: 0.5,
  top_logprobs: [],
  options,
  record,
  ...more,
});

test("numbers and tokens are written for people", () => {
  assert.deepEqual([0.5, 0.0951, 0.0004, 0].map(percent), ["50 %", "9.5 %", "< 0.1 %", "0.0 %"]);
  assert.deepEqual([count(1, "token"), count(1234, "token")], ["1 token", "1,234 tokens"]);
  assert.deepEqual([" a\n", ""].map(visible), ["␣a⏎", "∅"]);
});

test("a part that the page lacks is an error that names it", () => {
  const find = finder(openPage());
  assert.equal(find("prompt", "textarea").id, "prompt");
  assert.throws(() => find("prompt", "button"), /no button#prompt/);
});

test("a step is shown as bars, stage by stage, and a candidate can be picked", () => {
  const page = openPage();
  let left = 0;
  const view = new StepView(page, () => (left += 1));
  const bars = page.querySelector("#bars");
  const picked = [];
  view.show(takenStep(token(7, " fox")), (id) => picked.push(id));
  assert.deepEqual(texts(bars.querySelectorAll(".name")), ["␣fox", "␣owl", "⏎"]);
  assert.deepEqual(texts(bars.querySelectorAll(".share")), ["63 %", "38 %", "top-k"]);
  assert.deepEqual(
    [...bars.children].map((item) => item.className),
    ["taken", "", "cut"],
  );
  assert.match(
    page.querySelector("#distribution-note").textContent,
    /^␣fox drawn with 63 %.* 50 %, its first guess\.$/,
  );
  assert.match(page.querySelector("#caption").textContent, /Filled: what is drawn from/);
  assert.deepEqual(texts(page.querySelectorAll("#draw-line span")), ["␣fox", "␣owl", ""]);
  assert.equal(
    page.querySelector("#draw-said").textContent,
    "A random number from 0 to 1 was drawn: 0.25. It falls on ␣fox, which lies from 0.00 to 0.63.",
  );

  const stages = page.querySelector("#stages");
  assert.deepEqual(texts(stages.querySelectorAll("b")), ["logits", "softmax", "top-k", "temperature", "draw"]);
  click(stages.querySelector("[data-stage=logits]"));
  assert.deepEqual(texts(bars.querySelectorAll(".share")), ["2.00", "1.49", "-1.00"]);
  assert.deepEqual(
    [...bars.querySelectorAll("li")].map((item) => [item.className, item.querySelector(".fill").style.width]),
    [
      ["taken", "100%"],
      ["", "74.5%"],
      ["below", "50%"],
    ],
  );
  assert.equal(page.querySelector("#full").textContent, "2.0");
  click(stages.querySelector("[data-stage=model]"));
  assert.deepEqual(texts(bars.querySelectorAll(".share")), ["50 %", "30 %", "20 %"]);
  assert.match(page.querySelector("#caption").textContent, /sum of all: the model's own guesses\. Entropy 1\.00/);
  click(stages.querySelector("[data-stage=top_k] b"));
  assert.equal(bars.dataset.view, "top_k");
  assert.match(
    page.querySelector("#caption").textContent,
    /^Keeps the 2 likeliest tokens.*the line: 1 token with 20 %/,
  );
  assert.equal(texts(page.querySelectorAll("#marks .label"))[0], "k = 2");
  click(stages.querySelector("[data-stage=temperature]"));
  assert.match(page.querySelector("#caption").textContent, /^Divides the logits by 0.50, which sharpens/);

  click(bars.querySelector("[data-id='8'] .bar"));
  assert.deepEqual(picked, [8]);
  press(bars.querySelector("button"), "Escape");
  assert.equal(left, 1);
  view.show({ record, options, note: ["Only to look at."] });
  assert.ok([...bars.querySelectorAll("button")].every((button) => button.disabled));
  view.clear();
  assert.equal(bars.children.length + stages.children.length, 0);
  assert.equal(page.querySelector("#distribution-note").textContent, "");
});

test("the draw is a point on the line of what is left, and said in words", () => {
  const page = openPage();
  const view = new StepView(page, () => {});
  const said = () => page.querySelector("#draw-said").textContent;
  const parts = () =>
    [...page.querySelectorAll("#draw-line span")].map(({ className, style }) => [
      className,
      Number(style.getPropertyValue("--from")),
      Number(style.getPropertyValue("--size")),
    ]);
  view.show(takenStep(token(8, " owl", { forced: true })));
  assert.equal(said(), "You chose ␣owl. The random number, 0.25, falls on ␣fox, which lies from 0.00 to 0.63.");
  assert.deepEqual(parts(), [
    ["colour-0", 0, 0.625],
    ["colour-1 taken", 0.625, 0.375],
    ["point", 0.25, 0],
  ]);
  view.show({ record, options, taken: 7, note: [] });
  assert.match(said(), /^The random number of this step stays 0\.25\. With these sliders it falls on ␣fox/);
  // Before the step there is no point yet.
  view.show({ record, options, note: [] });
  assert.match(said(), /^A step draws a random number/);
  assert.deepEqual(parts().at(-1)[0], "");
  const alone = { ...record, draw: { ...record.draw, from: 0, to: 1 } };
  view.show(takenStep(token(7, " fox", { record: alone })));
  assert.equal(said(), "Only ␣fox is left, so nothing needs to be drawn.");
  view.show(takenStep(token(9, "\n", { record: alone, forced: true })));
  assert.equal(said(), "You chose ⏎. Only ␣fox is left, so nothing needs to be drawn.");
  assert.equal(parts().at(-1)[0], "");
  view.clear();
  assert.equal(said() + page.querySelector("#draw-line").children.length, "0");
});

test("the line from 0 to 1 has what is left, the likeliest first, and what has no name", () => {
  const draw = { point: 0.7, id: 70, text: "x", from: 0.6, to: 0.75 };
  const left = [candidate(1, "a", 0.4, 0.2), candidate(2, "b", 0.3, 0.4), candidate(3, "c", 0.2, 0)];
  const line = (given) => segments(given).map(({ id, text, from, to }) => [id ?? text, round(from), round(to)]);
  const round = (number) => Math.round(1e6 * number) / 1e6;
  // What was drawn is not among the candidates that have names.
  assert.deepEqual(line({ candidates: left, draw }), [
    [2, 0, 0.4],
    [1, 0.4, 0.6],
    [70, 0.6, 0.75],
    ["others", 0.75, 1],
  ]);
  // Others lie before it.
  const late = { ...draw, from: 0.8, to: 0.85 };
  assert.deepEqual(line({ candidates: left, draw: late }).slice(2), [
    ["others", 0.6, 0.8],
    [70, 0.8, 0.85],
    ["others", 0.85, 1],
  ]);
  assert.deepEqual(segments({ candidates: [] }), [{ text: "others", from: 0, to: 1 }]);
  assert.deepEqual(
    [
      [0, 1],
      [0.2, 0.5],
      [0.51, 0.52],
      [0.5, 0.5000001],
      [0, 0.996],
      [0.004, 1 - 1e-8],
    ].map(([from, to]) => digitsFor({ from, to })),
    [2, 2, 3, 6, 4, 4],
  );
});

test("a conversation keeps what was answered, and gives back what was not", async () => {
  const page = openPage();
  const chat = new Chat(page);
  const [system, box] = [page.querySelector("#system"), page.querySelector("#say")];
  system.value = "Be brief.";
  box.value = " Hello <b> ";
  await chat.send(async (into, seen) => {
    for (const [text, finish_reason] of [
      ["Hi", undefined],
      ["!", "length"],
    ]) {
      seen([token(1, text, { finish_reason })], () => into.append(text));
    }
    return true;
  });
  const conversation = [
    { role: "system", content: "Be brief." },
    { role: "user", content: "Hello <b>" },
    { role: "assistant", content: "Hi!" },
  ];
  assert.deepEqual(chat.conversation, conversation);
  assert.deepEqual(texts(page.querySelectorAll("#messages li")), ["Hello <b>", "Hi!"]);
  assert.equal(page.querySelector("#messages li:last-child").className, "assistant cut");

  box.value = "And now?";
  await chat.send(async () => false);
  assert.deepEqual([box.value, chat.conversation], ["And now?", conversation]);
  chat.clear();
  assert.equal(chat.conversation.length, 1);
});

test("branches are a tree in depth-first order, and one that is forgotten leaves its children to its parent", () => {
  const page = openPage();
  const seen = [];
  const branches = new Branches(page.querySelector("#branches"), {
    show: (branch) => seen.push(["show", branch]),
    forget: (branch) => seen.push(["forget", branch]),
  });
  const freed = [];
  const make = (name, parent, at) => {
    const branch = new Branch({
      generator: { free: () => freed.push(name) },
      prompt: "",
      seed: 1,
      options,
      parent,
      at,
    });
    branch.tokens.push(token(name.length, ` ${name}`), token(50, " on"));
    branches.add(branch);
    return branch;
  };
  branches.begin(new Branch({ generator: { free() {} }, prompt: "", seed: 1, options }));
  const [root] = branches.all;
  root.tokens.push(token(1, "a"), token(2, "b"));
  const one = make("one", root, 1);
  const deep = make("deeper", one, 2);
  const two = make("another", root, 0);
  assert.deepEqual(branches.all, [root, one, deep, two]);
  assert.deepEqual(
    branches.all.map(({ depth }) => depth),
    [0, 1, 2, 1],
  );
  branches.current = root;
  assert.equal(branches.find(1, 3), one);
  branches.render();
  const items = page.querySelectorAll("#branches li");
  assert.equal(items.length, 4);
  click(items[2].querySelector(".rest"));
  click(items[1].querySelector(".forget"));
  assert.deepEqual(seen, [
    ["show", deep],
    ["forget", one],
  ]);
  branches.forget(one);
  assert.deepEqual([branches.all, deep.parent, deep.at, freed], [[root, deep, two], root, 1, ["one"]]);
});

test("the text knows its tokens, and the place of the next one", () => {
  const page = openPage();
  const box = page.querySelector("#text");
  const view = new TextView(box, page.querySelector("#heard"));
  view.set("Once", [token(1, " upon"), token(2, "", { finish_reason: "stop" })], 1);
  view.open = true;
  const spans = box.querySelectorAll("span");
  assert.deepEqual(
    [...spans].map((span) => view.indexOf(span)),
    [undefined, 0, 1, 2],
  );
  assert.equal(spans[2].dataset.mark, "■");
  assert.match(spans[2].title, /leaves another branch/);
  view.mark(2);
  view.mark(0);
  assert.deepEqual([...box.querySelectorAll(".shown")], [spans[1]]);
});

test("a step is told in the order of the loop", async () => {
  const page = openPage();
  const narration = new Narration(page.querySelector("#loop"));
  const calls = [];
  const called = (name, value) => async () => (calls.push(name), value);
  const generator = {
    state: called("state", { prompt_ids: new Uint32Array([5]), context_used: 1 }),
    detokenize: async () => "Once",
    peek: called("peek", record),
    timings: called("timings", { reused_tokens: 0, prefill_tokens: 1, prefill_ms: 12, decode_tokens: 0, decode_ms: 0 }),
    next_token: called("next_token", token(7, " fox", { probability: 0.625 })),
  };
  const info = { layers: 2, hidden_size: 64, context_length: 128, vocabulary_size: 300 };
  const shown = [];
  const on = {
    predicted: () => shown.push("predicted"),
    chosen: () => shown.push("chosen"),
    append: () => shown.push("append"),
  };
  const branch = { generator, prompt: "Once", seed: 42, tokens: [] };
  assert.equal((await narration.tellStep(branch, info, on)).id, 7);
  assert.deepEqual(calls, ["state", "peek", "timings", "next_token"]);
  assert.deepEqual(shown, ["predicted", "chosen", "append"]);
  const told = texts(page.querySelectorAll("#loop .told"));
  assert.match(told[0], /The prompt, 4 characters, becomes 1 token:Once5/);
  assert.match(told[1], /1 token through 2 layers, 64 numbers wide: 12 ms/);
  assert.match(
    told[3],
    /top-k cuts 1, leaves 2.*Drawn with seed 42, step 4: the number 0\.25, which falls on ␣fox, 63 %/,
  );
  narration.silence();
  assert.equal(texts(page.querySelectorAll("#loop .told")).join(""), "");
});

test("a text is scored token by token, and the most surprising one is shown", async () => {
  const page = openPage();
  const errors = [];
  let model;
  const view = new ScoreView(page, {
    model: () => model,
    name: () => "a model",
    showError: (error) => error && errors.push(error),
  });
  await view.score();
  assert.deepEqual(errors, ["no model is loaded yet"]);
  let freed = 0;
  const guesses = [{ id: 2, text: " b", logprob: -0.1 }];
  const score = {
    ids: [1, 2, 3],
    texts: ["a", " b", " c"],
    nll: [0.1, 4],
    mean_nll: 2.05,
    perplexity: 7.77,
    top_logprobs: [guesses, guesses],
  };
  const steps = [
    { done: 1, total: 2 },
    { done: 2, total: 2 },
  ];
  model = {
    scorer: async () => ({ step: async () => steps.shift(), finish: async () => score, free: () => (freed += 1) }),
  };
  await view.score();
  assert.deepEqual(texts(page.querySelectorAll("#score-tokens span")), ["a", " b", " c"]);
  assert.deepEqual(texts(page.querySelectorAll("#score-tokens .shown")), [" c"]);
  assert.match(page.querySelector("#expected-note").textContent, /^A surprise of 4.00 nats.* 1.8 %, not among/);
  assert.deepEqual(texts(page.querySelectorAll("#expected .name")), ["␣b", "␣c"]);
  assert.equal(page.querySelector("#score-status").textContent, "judged by a model");
  const event = press(page.querySelector("#score-tokens"), "ArrowLeft");
  assert.ok(event.defaultPrevented);
  assert.match(page.querySelector("#expected-note").textContent, /the likeliest of all/);
  assert.equal(freed, 1);
});

test("a distribution shows the taken token even where it is not among the likeliest", () => {
  const list = openPage().querySelector("#expected");
  const top_logprobs = [
    { id: 1, text: "a", logprob: Math.log(0.6), probability: 0.6 },
    { id: 2, text: "b", logprob: Math.log(0.2), probability: 0 },
  ];
  showDistribution(list, { id: 3, text: "<c>", logprob: Math.log(0.1), probability: 0.1, top_logprobs });
  assert.deepEqual(texts(list.children), ["a60 %", "b20 %", "<c>10 %"]);
  assert.deepEqual(
    [...list.children].map((item) => item.className),
    ["", "cut", "taken"],
  );
});

test("a training is reported in numbers, as a curve and in words", () => {
  const page = openPage();
  const report = new TrainingReport(page, () => true);
  const info = {
    steps: 10,
    parameters: 1000,
    vocabulary_size: 300,
    training_tokens: 5000,
    uniform_loss: 5.7,
    unigram_loss: 5,
  };
  const history = {
    seconds: 4,
    steps: [1, 2, 3, 4].map((step) => [step, 6 - step, step]),
    heldOut: [
      [0, 5.7],
      [4, 3.5],
    ],
    looks: [
      { step: 0, seconds: 0, prompt: "A", sample: " b" },
      { step: 4, seconds: 4, prompt: "A", sample: " c\n\n\nd" },
    ],
  };
  const training = {
    info,
    history,
    step: 4,
    best: [4, 3.5],
    loss: 3.5,
    source: { name: "x", text: "A line that is short\nand one" },
  };
  report.open(training);
  report.paint(training);
  const told = (id) => page.querySelector(`#train-${id}`).textContent;
  assert.deepEqual(["step", "left", "loss", "held-out", "best"].map(told), [
    "4",
    "of 10, 6 s left",
    "3.500",
    "3.500",
    "best: 3.500, after step 4",
  ]);
  assert.deepEqual(texts(page.querySelectorAll("#train-samples li")), ["step 4, 4 sA c\nd", "step 0, 0 sA b"]);
  assert.equal(page.querySelectorAll("#train-curve .held-out").length, 2);
  assert.equal(page.querySelector("#train-line").value, "A line that is short");
  assert.match(outcome(training), /as it was best, after step 4 .*It ended early/);
  assert.match(outcome({ ...training, best: [4, 5.5] }), /no better than counting tokens/);
});

test("a curve stays within its picture", () => {
  openPage();
  const svg = svgElement("svg", {});
  const loss = Array.from({ length: 5000 }, (_, i) => [i, 8 * Math.exp(-i / 500)]);
  drawCurve(
    svg,
    { loss, heldOut: [[0, 8]], levels: [{ name: "guessing", loss: 9 }], unit: "steps" },
    { width: 300, height: 100 },
  );
  const points = svg
    .querySelector(".loss")
    .getAttribute("d")
    .match(/[\d.-]+ [\d.-]+/g)
    .map((point) => point.split(" ").map(Number));
  assert.ok(points.length <= 150 && points.every(([x, y]) => x >= 0 && x <= 300 && y >= 0 && y <= 100));
  assert.deepEqual(texts(svg.querySelectorAll(".name")), ["guessing 9.00"]);
});

test("the curve of a few steps goes through each of them", () => {
  openPage();
  const svg = svgElement("svg", {});
  const loss = [8, 4, 2, 1, 1].map((value, step) => [step, value]);
  drawCurve(svg, { loss, heldOut: [], levels: [], unit: "steps" }, { width: 300, height: 100 });
  const [line, steps] = ["loss", "steps"].map((name) => svg.querySelector(`path.${name}`).getAttribute("d"));
  assert.equal(line, steps);
});

test("the line that is shown of a text is long enough, and cut between words", () => {
  assert.equal(
    firstLine("short\n<|endoftext|>" + "a line of words ".repeat(10)),
    "a line of words ".repeat(5) + "a line of",
  );
  assert.equal(firstLine("\nshort\n"), "short");
});

test("a load tells how far it is, how fast, and that it goes on", () => {
  const told = { loaded: 45e6, total: 90e6, state: "downloading", resumed: 0 };
  assert.equal(loadingText(told), "45 of 90 MB, 50 %");
  assert.equal(loadingText({ ...told, speed: 1.5e6, remaining: 30 }), "45 of 90 MB, 50 %, 1.5 MB/s, 30 s left");
  assert.equal(loadingText({ ...told, remaining: 100 }), "45 of 90 MB, 50 %, 2 min left");
  assert.equal(loadingText({ ...told, resumed: 40e6 }), "45 of 90 MB, 50 %, going on from 40 MB");
  assert.match(loadingText({ ...told, state: "reconnecting" }), /the line dropped/);
  assert.match(loadingText({ loaded: 1e6, state: "waiting" }), /^1 MB, downloaded by another tab$/);
});
