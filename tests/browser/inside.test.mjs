// The view "Inside the model": the logit lens, the attention, and the product of hidden state and head row.

import assert from "node:assert/strict";
import { test } from "node:test";
import { can, open } from "./harness.mjs";
import { screenshots } from "./screenshots.mjs";

const TOKENS = "#text .token:not(.end-of-text)";

/** In the page: what the view shows. */
function seen() {
  const find = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  return {
    layers: all("#inside-layers tr").map((row) => [...row.querySelectorAll("td")].map(({ dataset }) => dataset.id)),
    marked: all("#inside-layers .taken").length,
    candidate: find("#bars [data-id]").dataset.id,
    weights: all("#inside-tokens .token").map(({ dataset }) => Number(dataset.weight)),
    layer: find("#inside-layer").value,
    head: find("#inside-head").value,
    heads: find("#inside-head").options.length - 2,
    cells: all("#inside-vector rect").length,
    choices: all("#inside-choices button").map(({ textContent }) => textContent),
    chosen: find("#inside-choices [aria-pressed=true]").textContent,
    products: all("#inside-products tr").length,
    sum: Number(find("#inside-sum").textContent),
    logit: Number(find("#inside-logit").textContent),
    status: find("#inside-status").textContent,
    error: find("#error").textContent,
  };
}

const sum = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
const near = (a, b, by) => assert.ok(Math.abs(a - b) <= by, `${a} is not ${b}`);
/** The engine multiplies rounded numbers, so that its logit differs a little. */
const isLogit = ({ sum, logit }) => near(sum, logit, Math.max(0.5, 0.05 * Math.abs(logit)));

/** On a sheet of A4, nothing of the text and of the view is cut off, and what was chosen can be read. */
async function isWholeOnPaper(page) {
  await page.setViewportSize({ width: 718, height: 400 });
  const cut = () =>
    ["#text", "#inside-tokens", ".inside-scroll"].filter((name) => {
      const { scrollHeight, clientHeight } = document.querySelector(name);
      return scrollHeight > clientHeight;
    });
  // So that there is something to cut off.
  await page.evaluate(() => document.querySelector("#text").append("\n".repeat(20)));
  assert.deepEqual(await page.evaluate(cut), ["#text"]);
  await page.emulateMedia({ media: "print" });
  assert.deepEqual(await page.evaluate(cut), []);
  for (const name of ["#inside-choices [aria-pressed=true]", "#inside-head", "#speed"]) assert.ok(await page.isVisible(name), name);
  for (const name of ["#write", "#share", "#temperature"]) assert.ok(await page.isHidden(name), name);
  await page.emulateMedia({ media: "screen" });
}

test("the model is looked into, at one token and at another", async () => {
  const { page, close } = await open("/", { reducedMotion: "reduce" });
  await page.waitForFunction(() => !document.querySelector("#write").disabled, null, { timeout: 60_000 });
  await page.fill("#prompt", "Once upon a time, there was");
  await page.fill("#seed", "1");
  await page.fill("#max_tokens", "12");
  await page.fill("#temperature", "1");
  const write = async () => {
    await page.click("#write");
    await page.waitForSelector(TOKENS);
    await page.waitForFunction(() => document.querySelector("#stop").disabled, null, { timeout: 60_000 });
  };
  /** Waits until the view shows the token `look`. */
  const shows = (look) =>
    page.waitForFunction(
      (look) => {
        const result = document.querySelector("#inside-result");
        const now = document.querySelector("#inside").dataset.look;
        return !result.hidden && result.getAttribute("aria-busy") === "false" && now === String(look);
      },
      look,
      { timeout: 60_000 },
    );
  await write();
  assert.equal(await page.locator("#inside-layers tr").count(), 0);

  const last = (await page.locator(TOKENS).count()) - 1;
  assert.ok(last > 3, `${last + 1} tokens`);
  await page.click("#inside summary");
  await shows(last);
  const end = await page.evaluate(seen);
  assert.equal(end.layers.length, 4);
  assert.ok(end.layers.every((guesses) => guesses.length === 5));
  assert.equal(end.layers.at(-1)[0], end.candidate);
  near(sum(end.weights), 1, 1e-3);
  assert.deepEqual([end.layer, end.head], ["3", "mean"]);
  assert.equal(end.cells, 160);
  assert.equal(end.products, 12);
  assert.ok(end.choices.length >= 5);
  isLogit(end);
  assert.match(end.status, new RegExp(`token ${last + 1} of the text`));
  assert.equal(end.error, "");
  await page.screenshot({ path: `${screenshots}inside.png`, fullPage: true });

  // Another candidate has another row, and so another logit.
  await page.locator(`#inside-choices [aria-pressed="false"]`).first().click();
  const other = await page.evaluate(seen);
  assert.notEqual(other.chosen, end.chosen);
  assert.notEqual(other.logit, end.logit);
  isLogit(other);

  // An earlier token was predicted from fewer.
  await page.locator(TOKENS).nth(2).click();
  await shows(2);
  const early = await page.evaluate(seen);
  assert.equal(early.weights.length, end.weights.length - (last - 2));
  near(sum(early.weights), 1, 1e-3);
  assert.equal(early.layers.at(-1)[0], early.candidate);
  assert.notDeepEqual(early.layers, end.layers);
  isLogit(early);

  // The weights of each head of the first layer add up to 1 too, and so does their mean.
  const choose = (id, value) =>
    page.evaluate(
      ([id, value]) => {
        const select = document.querySelector(id);
        select.value = value;
        select.dispatchEvent(new Event("change", { bubbles: true }));
      },
      [id, value],
    );
  await choose("#inside-layer", "0");
  const means = (await page.evaluate(seen)).weights;
  const heads = [];
  for (let head = 0; head < early.heads; head += 1) {
    await choose("#inside-head", String(head));
    const { weights, layer } = await page.evaluate(seen);
    assert.equal(layer, "0");
    near(sum(weights), 1, 1e-3);
    heads.push(weights);
  }
  for (const [position, mean] of means.entries()) {
    near(mean, sum(heads.map((weights) => weights[position])) / heads.length, 1e-3);
  }

  // The next text is looked into when it has been written, on a phone too.
  await page.setViewportSize({ width: 390, height: 844 });
  await write();
  await shows(last);
  const again = await page.evaluate(seen);
  assert.deepEqual(again.layers, end.layers);
  assert.equal(again.error, "");
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await page.screenshot({ path: `${screenshots}inside-phone.png`, fullPage: true });
  if (can("cdp")) await isWholeOnPaper(page);
  await page.check("#mode-score", { force: true }); // its label covers it
  assert.ok(await page.isHidden("#inside"));
  await close();
});
