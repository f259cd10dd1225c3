// The training view, the scoring view and the guessing view, used as a visitor uses them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { can, lacks, open, PLAIN } from "./harness.mjs";
import { screenshots, shots } from "./screenshots.mjs";

const text = `The owl saw the fox run to the river. "Hello," said the fox, and they played until night. `.repeat(40);
const settings = { steps: "60", context_length: "32", learning_rate: "0.01", seed: "1" };

const rest = (page) => page.waitForFunction(() => document.querySelector("#train-status").textContent.match(/rests|has learnt/), null, { timeout: 120_000 });
const number = async (page, id) => Number.parseFloat(await page.textContent(id));

async function openTraining(page, text, { preset = "tiny", ...numbers } = {}) {
  await page.click("label:has(#mode-train)");
  await page.waitForFunction(() => document.querySelector("#train-text").value.startsWith("CHAPTER I"));
  if (text !== undefined) await page.fill("#train-text", text);
  await page.click(`label:has([name=preset][value=${preset}])`);
  if (Object.keys(numbers).length > 0) await page.click("#training summary");
  for (const [name, value] of Object.entries(numbers)) await page.fill(`#train-config [name=${name}]`, value);
}

test("a visitor trains a model, looks at it learning, and writes with it", async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await openTraining(page, text, settings);
  assert.ok((await page.isHidden("#prompt")) && (await page.isHidden("#temperature")));
  await page.click("#train");
  await rest(page);
  assert.equal(await page.textContent("#train-step"), "60");
  // It is better than the unigram baseline, and the curve, the samples and the pairs show that.
  const levels = await page.locator("#train-curve .name").allTextContents();
  const [uniform, unigram] = levels.map((level) => Number(level.split(" ").at(-1)));
  assert.ok(uniform > unigram && (await number(page, "#train-held-out")) < unigram / 2, levels.join());
  assert.ok((await page.getAttribute("#train-curve .loss", "d")).split("L").length === 60);
  assert.ok((await page.locator("#train-curve .held-out").count()) >= 2);
  const samples = await page.locator("#train-samples li").allTextContents();
  assert.match(samples[0], /^step 60.*(fox|owl|river|played|night)/s);
  assert.match(samples.at(-1), /^step 0/);
  assert.equal(await page.inputValue("#train-line"), 'The owl saw the fox run to the river. "Hello," said the fox, and they played until night.');
  const pairs = await page.locator("#train-pairs li").evaluateAll((items) => items.map((item) => [...item.children].map((part) => part.textContent)));
  assert.equal(pairs[0][0], "<|endoftext|>");
  for (let i = 1; i < pairs.length; i++) assert.equal(pairs[i][0], pairs[i - 1][1]);
  assert.ok(pairs.filter(([, , share]) => Number.parseFloat(share) > 50).length > pairs.length / 2);

  // The file is a model, and the loss of the line is the generator's score of it.
  const line = await page.inputValue("#train-line");
  if (can("downloads")) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#train-download")]);
    const best = /step (\d+)/.exec(await page.textContent("#train-best"))[1];
    assert.equal(download.suggestedFilename(), `own-${best}.gguf`);
  }
  await page.fill("#train-prompt", "The owl");
  await page.click("#train-write");
  await page.waitForFunction(() => document.querySelector("#mode-write").checked && !document.querySelector("#write").disabled);
  assert.match(await page.textContent("#model-status"), /^This is own-\d+\.gguf: 0\.\d million parameters/);
  assert.equal(await page.inputValue("#prompt"), "The owl");
  await page.fill("#temperature", "0");
  await page.fill("#max_tokens", "12");
  await page.click("#write");
  await page.waitForFunction(() => document.querySelector("#stop").disabled);
  assert.match(await page.textContent("#text"), /^The owl saw the fox/);
  await page.click("label:has(#mode-score)");
  await page.fill("#score-text", line);
  await page.click("#score");
  await page.waitForFunction(() => document.querySelector("#score-status").textContent.startsWith("judged"));
  // It has the weights of the best step; the pairs above were told by those of the last one.
  assert.ok((await number(page, "#score-mean")) < unigram / 2);
  await close();
});

test("what has been learnt by heart is not what is written", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/");
  // Random numbers can only be guessed.
  let state = 1;
  const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
  const numbers = Array.from({ length: 1000 }, next).join(" ");
  await openTraining(page, numbers, { steps: "250", context_length: "32", weight_decay: "0", patience: "6" });
  await page.click("#train");
  await rest(page);
  const [, best, loss] = /best, after step (\d+) \(([\d.]+) on/.exec(await page.textContent("#train-status"));
  assert.match(await page.textContent("#train-status"), /ended early/);
  assert.equal(await page.textContent("#train-best"), `best: ${loss}, after step ${best}`);
  assert.equal(await number(page, "#train-step"), Number(best) + 60);
  assert.ok((await number(page, "#train-held-out")) > Number(loss));
  assert.equal(await page.locator("#train-curve .best").count(), 1);
  if (can("downloads")) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click("#train-download")]);
    assert.equal(download.suggestedFilename(), `own-${best}.gguf`);
  }
  await close();
});

test("the score of a text is the trainer's loss", async () => {
  const { page, close } = await open(PLAIN);
  const { pairs, score, plain } = await page.evaluate(async (text) => {
    const { WorkerTrainer } = await import("/pkg/trainer.js");
    const { WorkerGenerator } = await import("/pkg/index.js");
    const trainer = await WorkerTrainer.create(text, { preset: "tiny", context_length: 32 });
    for (let i = 0; i < 20; i++) await trainer.step();
    const line = "The fox said hello to the owl.";
    const pairs = await trainer.pairs(line);
    const generator = await WorkerGenerator.load(await trainer.to_gguf("f32"));
    trainer.free();
    return { pairs, score: await generator.score(line, { top: 3 }), plain: await generator.score(line) };
  }, text);
  const mean = pairs.reduce((sum, { nll }) => sum + nll, 0) / pairs.length;
  assert.ok(Math.abs(score.mean_nll - mean) < 1e-3, `${score.mean_nll} ${mean}`);
  score.nll.forEach((nll, i) => assert.ok(Math.abs(nll - pairs[i].nll) < 5e-3));
  assert.equal(score.texts.join(""), "The fox said hello to the owl.");
  assert.equal(score.top_logprobs.length, score.nll.length);
  assert.ok(score.top_logprobs.every((best) => best.length === 3 && best[0].logprob >= best[2].logprob));
  assert.deepEqual(plain.nll, score.nll);
  assert.equal(plain.top_logprobs, undefined);
  await close();
});

test("a closed tab loses nothing that was saved", async () => {
  const { page, context, close } = await open("/");
  await openTraining(page, text, { ...settings, steps: "100000" });
  await page.click("#train");
  await page.waitForFunction(() => Number(document.querySelector("#train-step").textContent) > 20);
  await page.click("#train-pause");
  await rest(page);
  const [step, loss] = [await number(page, "#train-step"), await number(page, "#train-loss")];
  await page.click("#train-pause");
  await page.waitForFunction((step) => Number(document.querySelector("#train-step").textContent) > step, step);
  await page.close({ runBeforeUnload: true });

  const again = await context.newPage();
  await again.goto(page.url());
  await again.click("label:has(#mode-train)");
  await again.waitForSelector("#train-kept:not([hidden])");
  const kept = Number(/step (\d+) of 100000/.exec(await again.textContent("#train-kept"))[1]);
  assert.ok(kept >= step, `${kept} ${step}`);
  await again.click("#train-resume");
  await again.waitForFunction((kept) => Number(document.querySelector("#train-step").textContent) > kept, kept);
  assert.ok((await number(again, "#train-loss")) < loss + 0.1);
  assert.equal(await again.inputValue("#train-text"), text.replace(/\s+$/, " "));
  await again.keyboard.press("Escape");
  await rest(again);
  assert.match(await again.locator("#train-samples li").last().textContent(), /^step 0/);

  // Nothing is offered any more once it is deleted.
  await again.reload();
  await again.click("label:has(#mode-train)");
  await again.click("#train-forget");
  await again.waitForSelector("#train-kept", { state: "hidden" });
  await again.reload();
  await again.click("label:has(#mode-train)");
  await again.waitForTimeout(300);
  assert.ok(await again.isHidden("#train-kept"));
  await close();
});

test("what cannot be trained is said in a sentence", async () => {
  const { page, close } = await open("/");
  const says = async (pattern) => {
    await page.waitForSelector("#error:not([hidden])");
    assert.match(await page.textContent("#error"), pattern);
  };
  await openTraining(page, "  \n ", { hidden_size: "64" });
  await page.click("#train");
  await says(/^There is no text to learn from/);
  await page.fill("#train-text", "a few words");
  await page.click("#train");
  await says(/^The text has \d+ tokens; training needs at least \d+\.$/);
  await page.setInputFiles("#train-file", { name: "latin.txt", mimeType: "text/plain", buffer: Buffer.from("caf\xe9 ".repeat(200), "latin1") });
  await says(/^Latin\.txt is not UTF-8 text/);
  await page.setInputFiles("#train-file", { name: "owl.txt", mimeType: "text/plain", buffer: Buffer.from(text) });
  await page.waitForSelector("#error", { state: "hidden" });
  assert.match(await page.textContent("#train-source"), /^owl\.txt, 4 kB$/);
  await page.fill("#train-config [name=hidden_size]", "40");
  await page.keyboard.press("Control+Enter");
  await says(/"hidden_size" is not usable: it must be a multiple of 32/);
  for (const [name, value] of [["hidden_size", "8192"], ["layers", "200"], ["heads", "2"]]) await page.fill(`#train-config [name=${name}]`, value);
  await page.click("#train");
  await says(/does not fit into the memory/);
  // After all that, training still works.
  for (const name of ["hidden_size", "layers", "heads"]) await page.fill(`#train-config [name=${name}]`, "");
  await page.fill("#train-config [name=steps]", "3");
  await page.click("#train");
  await rest(page);
  assert.ok(await page.isHidden("#error"));
  await close();
});

test("a dropped text is learnt from, a dropped model is loaded", async () => {
  const { page, close } = await open("/");
  await openTraining(page);
  const drop = (name, content) =>
    page.evaluate(([name, content]) => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File([content], name));
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
    }, [name, content]);
  await drop("fable.txt", "Die Füchsin <b>sprach</b>.");
  await page.waitForFunction(() => document.querySelector("#train-text").value === "Die Füchsin <b>sprach</b>.");
  await drop("broken.gguf", "no model");
  await page.waitForSelector("#error:not([hidden])");
  assert.equal(await page.inputValue("#train-text"), "Die Füchsin <b>sprach</b>.");
  await close();
});

test("the training view in the light, in the dark and on a phone", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await openTraining(page, undefined, { steps: "150" });
  await page.click("#train");
  await rest(page);
  await shots(page, "train");
  await close();
});

test("a visitor sees what a model did not expect", async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await page.click("label:has(#mode-score)");
  await page.click("#score");
  await page.waitForFunction(() => document.querySelector("#score-status").textContent.startsWith("judged"));
  const given = await page.inputValue("#score-text");
  assert.equal((await page.textContent("#score-tokens")).trim(), given);
  // Beside the expected tokens, and not squeezed by them.
  const [text, whole] = await Promise.all(["#score-tokens", "#score-result"].map((id) => page.locator(id).boundingBox()));
  assert.ok(text.width > 0.4 * whole.width, `${text.width} of ${whole.width}`);
  const tokens = await page.locator("#score-tokens .token").count();
  assert.equal(await number(page, "#score-count"), tokens);
  const [mean, perplexity] = [await number(page, "#score-mean"), await number(page, "#score-perplexity")];
  assert.ok(Math.abs(Math.exp(mean) / perplexity - 1) < 0.01);
  const heats = await page.locator("#score-tokens .token").evaluateAll((items) => items.map((item) => Number.parseFloat(item.style.getPropertyValue("--heat"))));
  // A token with the strongest colour may have a higher loss still.
  assert.ok(heats.reduce((sum, heat) => sum + heat, 0) / heats.length / 10 < mean + 0.1);
  assert.ok(Math.max(...heats) > 50 && Math.min(...heats) < 10);
  assert.equal(await page.locator("#score-tokens .shown").evaluate((token) => Number.parseFloat(token.style.getPropertyValue("--heat"))), Math.max(...heats));
  // The token with the highest loss is shown first; others by pointer and by key.
  assert.equal(await page.locator("#expected li.taken").count(), 1);
  assert.match(await page.textContent("#expected-note"), /not among its 10 best guesses/);
  await page.hover("#score-tokens .token:nth-child(4)");
  const shown = () => page.locator("#score-tokens > *").evaluateAll((items) => items.findIndex((item) => item.classList.contains("shown")));
  assert.equal(await shown(), 3);
  // Focus may scroll the page, so that another token is below the pointer.
  await page.mouse.move(0, 0);
  await page.focus("#score-tokens");
  await page.keyboard.press("ArrowRight");
  assert.equal(await shown(), 4);
  assert.match(await page.textContent("#expected-note"), /^A surprise of [\d.]+ nats: the model gave this token [\d.]+ %, /);
  await shots(page, "score");

  await page.fill("#score-text", "");
  await page.focus("#score-text");
  await page.keyboard.press("Control+Enter");
  await page.waitForSelector("#error:not([hidden])");
  assert.match(await page.textContent("#error"), /at least two|needs/);
  await page.fill("#score-text", "word ".repeat(5000));
  await page.click("#score");
  await page.waitForFunction(() => /context holds/.test(document.querySelector("#error").textContent));
  await close();
});

test("a reader guesses a hidden text against the model", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await page.click("label:has(#mode-guess)");
  assert.ok((await page.isHidden("#prompt")) && (await page.isHidden("#temperature")));
  const text = "Once upon a time, there was a little dog who was very happy.";
  await page.click("#guess-own summary");
  await page.fill("#guess-text", text);
  await page.click("#guess-begin");
  await page.waitForFunction(() => /^against /.test(document.querySelector("#guess-status").textContent));
  // The whole text is nowhere to be read now.
  assert.ok(await page.isHidden("#guess-text"));
  const start = await page.textContent("#guess-shown");
  assert.ok(text.startsWith(start) && start.length < text.length, start);
  const next = () => page.evaluate(() => document.querySelector("#guess-shown").textContent.length);
  const word = (from) => text.slice(from).trim().split(/ |(?=[.,])/)[0];
  const right = word(await next());
  // On a phone, too, the box of the guess and what the model expected are in sight together.
  await page.setViewportSize({ width: 390, height: 844 });
  await page.keyboard.type(`${right}, cat`);
  await page.keyboard.press("Enter");
  const edges = await page.evaluate(() => {
    const [box, list] = ["#guess-word", "#guess-expected"].map((id) => document.querySelector(id).getBoundingClientRect());
    return [0, box.top, Math.floor(list.bottom), innerHeight];
  });
  assert.deepEqual(edges, edges.toSorted((a, b) => a - b));
  await page.setViewportSize({ width: 1280, height: 800 });
  assert.equal(await page.textContent("#guess-you"), "2.00");
  assert.match(await page.textContent("#guess-note"), /You were right: 2\.0 bits\. The model gave it [\d.<]+ %: [\d.]+ bits\./);
  assert.equal(await page.locator("#guess-expected li.taken").count(), 1);
  // Keys that write in the writing view are none here, and a wrong guess costs more than choosing among all tokens.
  await page.keyboard.type("zebra");
  await page.keyboard.press("Control+Enter");
  if ((await page.inputValue("#guess-word")) !== "") await page.click("#guess-form button[type=submit]");
  await page.waitForFunction(() => document.querySelectorAll("#guess-shown .token").length === 2);
  assert.match(await page.textContent("#guess-note"), /You said “zebra”/);
  assert.ok((await number(page, "#guess-you")) > 6);
  assert.equal(await page.textContent("#text"), "");
  // The score is the scoring view's.
  const model = await number(page, "#guess-model");
  await shots(page, "guess");
  await page.click("#guess-end");
  assert.equal(await page.textContent("#guess-shown"), text);
  assert.match(await page.textContent("#guess-status"), /^Over 2 tokens /);
  await page.click("label:has(#mode-score)");
  await page.fill("#score-text", text);
  await page.click("#score");
  await page.waitForFunction(() => document.querySelector("#score-status").textContent.startsWith("judged"));
  const surprise = async (token) => {
    await page.hover(`#score-tokens .token:nth-child(${token})`);
    return Number(/of ([\d.]+) nats/.exec(await page.textContent("#expected-note"))[1]) / Math.LN2;
  };
  const lengths = await page.locator("#score-tokens > *").evaluateAll((tokens) => tokens.map((token) => token.textContent.length));
  let from = 0;
  const first = lengths.findIndex((length) => (from += length) > start.length);
  const mean = ((await surprise(first + 1)) + (await surprise(first + 2))) / 2;
  assert.ok(Math.abs(mean - model) < 0.02, `${mean} ${model}`);
  await close();
});

test("a long text is scored in sight, and can be stopped", { skip: lacks("time") }, async () => {
  const { page, close } = await open("/", { colorScheme: "light" });
  await page.click("#load-sample");
  await page.waitForFunction(() => document.querySelector("#model-status").textContent.includes("135 million"), null, { timeout: 120_000 });
  await page.click("label:has(#mode-score)");
  const long = "The owl saw the fox run to the river. ".repeat(100).trim();
  await page.fill("#score-text", long);
  await page.click("#score");
  await page.waitForFunction(() => /^\d+ of \d+ tokens$/.test(document.querySelector("#score-status").textContent));
  const [done, total] = (await page.textContent("#score-status")).match(/\d+/g).map(Number);
  assert.ok(done > 0 && done < total && total > 500, `${done} of ${total}`);
  assert.ok((await page.evaluate(() => document.querySelector("#score-bar").value)) > 0);
  assert.ok((await page.isVisible("#score-bar")) && (await page.isDisabled("#score")));
  await page.screenshot({ path: `${screenshots}score-progress.png` });
  await page.click("#score-stop");
  await page.waitForFunction(() => document.querySelector("#score-status").textContent.startsWith("stopped after"));
  const [judged] = (await page.textContent("#score-status")).match(/\d+/g).map(Number);
  assert.ok(judged >= done && judged < total);
  // The scored part is shown with colours, and the rest without.
  assert.equal(await number(page, "#score-count"), judged);
  assert.equal(await page.locator("#score-tokens .token").count(), judged);
  assert.equal(await page.textContent("#score-tokens"), long);
  assert.ok((await page.isHidden("#score-stop")) && (await page.isHidden("#score-bar")));
  await page.screenshot({ path: `${screenshots}score-stopped.png` });

  // The next text is scored to its end.
  await page.fill("#score-text", "The owl saw the fox.");
  await page.click("#score");
  await page.waitForFunction(() => document.querySelector("#score-status").textContent.startsWith("judged"));
  assert.equal((await page.textContent("#score-tokens")).trim(), "The owl saw the fox.");
  await close();
});

test("a worker scores step by step what it scores at once", async () => {
  const { page, close } = await open(PLAIN);
  const found = await page.evaluate(async () => {
    const { WorkerGenerator } = await import("/pkg/index.js");
    const generator = await WorkerGenerator.load("/stories.gguf");
    const text = "Once upon a time there was a fox. ".repeat(12);
    const scorer = await generator.scorer(text, { top: 2 });
    const seen = [];
    let progress;
    do seen.push((progress = await scorer.step()).done);
    while (progress.done < progress.total);
    const [stepped, whole] = [await scorer.finish(), await generator.score(text, { top: 2 })];
    const after = await scorer.step().catch((error) => error.code);
    const part = await generator.scorer(text);
    await part.step();
    const partial = await part.finish();
    (await generator.scorer(text)).free();
    generator.free();
    return { seen, total: progress.total, stepped, whole, after, partial };
  });
  assert.ok(found.seen.length > 1 && found.seen.at(-1) === found.total);
  assert.deepEqual(found.stepped, found.whole);
  assert.equal(found.after, "freed");
  assert.equal(found.partial.nll.length, found.seen[0]);
  assert.deepEqual([...found.partial.nll], [...found.whole.nll].slice(0, found.seen[0]));
  await close();
});
