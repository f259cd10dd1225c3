// The guided tour: each chapter's instrument shows what the model gives, in every language and size.

import assert from "node:assert/strict";
import { test } from "node:test";
import { browserName, open } from "./harness.mjs";
import { screenshots } from "./screenshots.mjs";

const near = (a, b, by) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);
const sum = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
const TIME = { timeout: 60_000 };

/** The page, with what the chapters' checks need of it. */
async function openTour(path, context) {
  const opened = await open(path, context);
  const { page } = opened;
  await page.waitForFunction(() => document.body.dataset.ready !== undefined, null, TIME);
  /** Waits until an instrument is in a state. */
  const until = (name, state = "ready") =>
    page.waitForFunction(
      ([name, state]) => document.querySelector(`#try-${name}`).dataset.state === state,
      [name, state],
      TIME,
    );
  return {
    ...opened,
    until,
    /** Brings a chapter's instrument on the screen and waits for it. */
    async at(name, state) {
      await page.evaluate((name) => document.querySelector(`#try-${name}`).scrollIntoView({ block: "center" }), name);
      await until(name, state);
    },
    async write(name, field, text) {
      await page.fill(`#${name}-${field}`, text);
      await until(name);
    },
    texts: (selector) =>
      page.evaluate(
        (selector) => [...document.querySelectorAll(selector)].map(({ textContent }) => textContent),
        selector,
      ),
    data: (selector, name) =>
      page.evaluate(([selector, name]) => document.querySelector(selector).dataset[name], [selector, name]),
    async shot(name) {
      await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: `${screenshots}learn-${name}.png`, fullPage: true });
    },
  };
}

const wide = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;

test("nothing is computed before a chapter comes near, and the tour goes from token to story", async () => {
  const { page, at, write, texts, data, shot, until, close } = await openTour("/learn/?lang=en", {
    viewport: { width: 1280, height: 800 },
    reducedMotion: "reduce",
  });
  assert.equal(await data("#try-choosing", "state"), undefined);

  await at("tokens");
  await write("tokens", "text", "The fox was unhappy.");
  assert.equal((await texts("#tokens-out .coin span")).join(""), "The␣fox␣was␣unhappy.");
  assert.ok((await texts("#tokens-out small")).every((id) => Number(id) >= 0 && Number(id) < 2048));

  await at("embedding");
  const neighbours = await texts("#embedding-nearest button");
  assert.ok(neighbours[0].startsWith("␣three"), neighbours.join());
  const cosines = await page.evaluate(() =>
    [...document.querySelectorAll("#embedding-nearest button")].map(({ dataset }) => Number(dataset.cosine)),
  );
  assert.ok(cosines.every((cosine, at) => cosine <= (cosines[at - 1] ?? 1) && cosine > 0));
  assert.equal(await page.evaluate(() => document.querySelectorAll("#embedding-vector rect").length), 160);
  // A neighbour has neighbours in turn, of which the first token is one.
  await page.click("#embedding-nearest button");
  await until("embedding");
  assert.equal(await page.inputValue("#embedding-word"), "three");

  await at("order");
  const [[first], [second]] = [await texts("#order-bars-a .name"), await texts("#order-bars-b .name")];
  assert.deepEqual([first, second], ["␣Lily", "␣Otto"]);
  assert.match((await texts("#order-note"))[0], /^The same words/);

  await at("attention");
  const shares = async () => {
    await until("attention");
    return page.evaluate(() => [...document.querySelectorAll("#attention-tokens .looked")].map(({ dataset }) => Number(dataset.share)));
  };
  const speaker = await shares();
  const looked = await texts("#attention-tokens .looked .name");
  assert.equal(looked.at(-1), "␣said");
  assert.equal(looked[speaker.indexOf(Math.max(...speaker))], "␣Lily");
  await page.selectOption("#attention-head", "mean");
  const mean = await shares();
  await page.selectOption("#attention-layer", "1");
  const lower = await shares();
  for (const of of [speaker, mean, lower]) near(sum(of), 1, 1e-3);
  assert.ok(String(speaker) !== String(mean) && String(mean) !== String(lower));

  await at("layers");
  const prompt = "Once upon a time, there lived a little owl named Mia in a";
  await write("layers", "text", prompt);
  const lens = await page.evaluate(() =>
    [...document.querySelectorAll("#layers-rows tr")].map((row) => row.querySelector("td").dataset.id),
  );
  assert.ok(lens.length > 2);

  await at("context");
  const after = Number(await data("#context-after", "value"));
  assert.ok(after > 0 && after < 0.99, String(after));
  assert.deepEqual(await texts("#context-before"), ["1.00"]);
  await write("context", "b", await page.inputValue("#context-a"));
  near(Number(await data("#context-after", "value")), 1, 1e-6);

  await at("head");
  await write("head", "text", prompt);
  const isSum = async () => {
    const [products, logit] = [await data("#head-sum", "value"), await data("#head-logit", "value")].map(Number);
    near(products, logit, 0.05 + 0.02 * Math.abs(logit));
    return logit;
  };
  const best = await isSum();
  await page.locator("#head-choices button").nth(1).click();
  await until("head");
  assert.ok((await isSum()) < best);

  await at("softmax");
  await write("softmax", "text", prompt);
  assert.equal(await data("#try-softmax", "best"), lens.at(-1));
  near(sum(JSON.parse(await data("#try-softmax", "shares"))), 1, 1e-6);
  await page.check("#try-softmax [value=share]", { force: true });
  await page.waitForSelector("#softmax-bars .sum");
  assert.equal((await texts("#softmax-bars .sum .share"))[0], "100 %");

  await at("choosing");
  await page.click("#choosing-draw");
  await page.waitForSelector("#choosing-line .point");
  const line = JSON.parse(await data("#try-choosing", "line"));
  near(line.at(-1)[1], 1, 1e-9);
  assert.ok(line.length > 2 && line.every(([from, to], at) => to > from && from === (line[at - 1]?.[1] ?? 0)));
  assert.match((await texts("#choosing-drawn"))[0], /falls on “.+”/);
  // The point lies in the segment of the token that it falls on, and stays where it is while the line below it changes.
  const point = () => page.evaluate(() => Number(document.querySelector("#choosing-line .point").style.getPropertyValue("--from")));
  const hit = async () => {
    const [from, size] = await page.evaluate(() =>
      ["--from", "--size"].map((name) => Number(document.querySelector("#choosing-line .taken").style.getPropertyValue(name))),
    );
    assert.ok((await point()) >= from - 1e-5 && (await point()) <= from + size + 1e-5);
  };
  const before = await point();
  await hit();
  await page.evaluate(() => {
    const slider = document.querySelector("#choosing-top_k");
    slider.value = "2";
    document.querySelector("#choosing-top_p").value = "1";
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  });
  await until("choosing");
  assert.equal(JSON.parse(await data("#try-choosing", "line")).length, 2);
  assert.equal(await point(), before);
  await hit();

  await at("loop");
  const length = async () => (await texts("#loop-text"))[0].length;
  const start = await length();
  for (const tokens of ["1", "2"]) {
    await page.click("#loop-step");
    await page.waitForFunction((tokens) => document.querySelector("#try-loop").dataset.tokens === tokens, tokens, TIME);
  }
  assert.ok((await length()) > start);
  await page.click("#loop-go");
  // It is stopped from within the page: by the time that a driver has clicked, the story may have ended.
  await page.waitForFunction(
    () => {
      if (Number(document.querySelector("#try-loop").dataset.tokens) < 7) return document.querySelector("#loop-go").disabled;
      document.querySelector("#loop-go").click();
      return true;
    },
    null,
    TIME,
  );
  // It rests, or has ended by itself.
  await page.waitForFunction(
    () => !document.querySelector("#loop-step").disabled || document.querySelector("#loop-go").disabled,
    null,
    TIME,
  );

  assert.ok((await page.evaluate(wide)) <= 0);
  await shot(`wide-${browserName}`);
  await close();
});

test("a tiny model learns, and pauses", async () => {
  const { page, at, data, until, texts, shot, close } = await openTour("/learn/?lang=de", {
    viewport: { width: 390, height: 844 },
    colorScheme: "dark",
  });
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  await at("training", "new");
  await page.click("#training-start");
  // Paused from within the page: by the time that a driver has clicked, it may have learnt all.
  await page.waitForFunction(
    () => {
      const isDue = Number(document.querySelector("#try-training").dataset.step) >= 20;
      if (isDue) document.querySelector("#training-start").click();
      return isDue;
    },
    null,
    TIME,
  );
  await until("training", "paused");
  const loss = JSON.parse(await data("#try-training", "loss"));
  assert.ok(sum(loss.slice(-3)) < 0.85 * sum(loss.slice(0, 3)), loss.join());
  const [inputs, targets] = [await texts("#training-pairs .input"), await texts("#training-pairs .target")];
  assert.ok(inputs.length > 5);
  assert.deepEqual(inputs.slice(1), targets.slice(0, -1));
  assert.equal((await texts("#training-start"))[0], "Weiter");

  for (const name of ["tokens", "embedding", "order", "attention", "layers", "context", "head", "softmax", "choosing", "loop"]) {
    await at(name);
  }
  // Each guess has its probability, in numbers and as a colour.
  const [colour, width] = await page.evaluate(() => {
    const best = document.querySelector("#layers-rows tr:last-child td");
    return [getComputedStyle(best).backgroundColor, best.querySelector("small").getBoundingClientRect().width];
  });
  assert.notEqual(colour, "rgba(0, 0, 0, 0)");
  assert.ok(width > 10, String(width));
  assert.ok((await page.evaluate(wide)) <= 0);
  await shot(`phone-${browserName}`);

  // Another language, without a new page.
  await page.click("#languages [lang=en]");
  await page.waitForFunction(() => document.documentElement.lang === "en");
  assert.deepEqual(await texts("#tokens-title"), ["Tokens"]);
  assert.equal((await texts("#training-start"))[0], "Go on");
  assert.ok((await texts("#training h2"))[0].includes("How it learns"));
  assert.match(await page.evaluate(() => location.search), /lang=en/);
  await page.click("#languages [lang=de]");
  await page.waitForFunction(() => document.documentElement.lang === "de");
  assert.ok((await texts("#tokens-count"))[0].includes("Tokens geworden"));
  await close();
});
