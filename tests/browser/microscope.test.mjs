// The microscope: one step at a time, the colours, the pictures of the sampler, and the branches.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { lacks, open } from "./harness.mjs";
import { screenshots } from "./screenshots.mjs";

const GIVEN = "Once upon a time, there was";
const TOKENS = "#text .token:not(.end-of-text)";

/** What is seen of the draw: the point, the segment of the token that was taken, both on the line from 0 to 1, and the words. */
const lookAtDraw = (page) =>
  page.evaluate(() => {
    const line = document.querySelector("#draw-line").getBoundingClientRect();
    const [taken, point] = [".taken", ".point"].map((name) => document.querySelector(`#draw-line ${name}`)?.getBoundingClientRect());
    const on = (x) => (x - line.left) / line.width;
    return {
      point: point && on((point.left + point.right) / 2),
      from: taken && on(taken.left),
      to: taken && on(taken.right),
      said: document.querySelector("#draw-said").textContent,
    };
  });

/** Asserts that the point lies in the segment of the token that was taken, up to a pixel. */
function assertHit({ point, from, to, said }) {
  if (/^Only/.test(said)) return;
  const [, number, low, high] = said.match(/drawn: ([\d.]+)\. It falls on .* from ([\d.]+) to ([\d.]+)\.$/);
  assert.ok(Number(number) >= Number(low) && Number(number) <= Number(high), said);
  assert.ok(point > from - 0.005 && point < to + 0.005, `${point}, ${from} to ${to}`);
  assert.ok(Math.abs(point - Number(number)) < 0.01, `${point}: ${said}`);
}

/** The page with the model of stories, and nothing running. */
async function reader(context = {}) {
  const opened = await open("/", { reducedMotion: "reduce", ...context });
  const { page } = opened;
  await page.waitForFunction(() => document.querySelector("#step").getAttribute("aria-disabled") === "false", null, { timeout: 60_000 });
  await page.fill("#prompt", GIVEN);
  await page.fill("#seed", "1");
  await page.fill("#max_tokens", "30");
  await page.fill("#temperature", "1.5");
  await page.fill("#top_p", "1");
  await page.fill("#min_p", "0");
  const rest = () => page.waitForFunction(() => document.querySelector("#stop").disabled, null, { timeout: 60_000 });
  const write = async () => {
    await page.click("#write");
    await page.waitForSelector(TOKENS);
    await rest();
  };
  return {
    ...opened,
    rest,
    shot: (name) => page.screenshot({ path: `${screenshots}${name}.png`, fullPage: true }),
    text: () => page.textContent("#text"),
    ids: () => page.locator(TOKENS).evaluateAll((tokens) => tokens.map(({ textContent }) => textContent)),
    write,
  };
}

test("a link writes the same text again, and a record tells of it", { skip: lacks("time") }, async () => {
  const { page, ids, write, rest, close } = await reader();
  await page.click("#share summary");
  await page.click("#link");
  assert.match(await page.textContent("#shared"), /no text yet/);
  await page.fill("#max_tokens", "12");
  await write();
  // Another token in place of the fifth, on a branch of its own, with other sliders from there on. A seed that is typed
  // now is one for the next text.
  await page.fill("#temperature", "0.3");
  await page.fill("#seed", "77");
  await page.click(`${TOKENS}:nth-child(6)`);
  await page.waitForSelector("#bars .candidate:not(:disabled)");
  await page.locator("#bars li:not(.taken) .candidate").first().click();
  await page.waitForFunction(() => document.querySelectorAll("#branches li").length === 2);
  await rest();
  await page.fill("#temperature", "1.2");
  await page.click("#step");
  await rest();
  const written = await ids();
  assert.ok(written.length > 6, written.join("|"));
  await page.click("#link");
  await page.waitForFunction(() => /^The link is in the address bar/.test(document.querySelector("#shared").textContent));
  const address = page.url();
  assert.match(address, /#model=stories&prompt=Once\+upon.*&forced=&.*&from=0%3A4&.*&forced=4%3A\d+&.*&shown=1&/);

  // Elsewhere, where nothing is known of it.
  const other = await open(address.slice(address.indexOf("/", 9)), { reducedMotion: "reduce" });
  await other.page.waitForFunction(() => /^Written again/.test(document.querySelector("#shared").textContent), null, { timeout: 60_000 });
  assert.match(await other.page.textContent("#shared"), /the same text as there/);
  assert.deepEqual(await other.page.locator(TOKENS).evaluateAll((tokens) => tokens.map(({ textContent }) => textContent)), written);
  assert.equal(await other.page.inputValue("#prompt"), GIVEN);
  assert.equal(await other.page.inputValue("#temperature"), "1.2");
  // Each token was drawn by the same number as there.
  for (let index = 1; index <= written.length; index += 1) {
    const seen = [];
    for (const where of [page, other.page]) {
      await where.click(`${TOKENS}:nth-child(${index + 1})`);
      await where.waitForFunction((text) => document.querySelector("#distribution-note").textContent.startsWith(text), written[index - 1].replaceAll(" ", "␣").replaceAll("\n", "⏎"));
      seen.push((await lookAtDraw(where)).said);
    }
    assert.equal(seen[0], seen[1]);
    if (index === 5) assert.match(seen[0], /^You chose /);
    else assertHit(await lookAtDraw(other.page));
  }
  // The branch that was left is there too, and goes on.
  const texts = (of) => of.locator("#branches .rest").allTextContents();
  assert.deepEqual(await texts(other.page), await texts(page));
  await other.page.screenshot({ path: `${screenshots}link.png`, fullPage: true });
  await other.page.click("#branches li:first-child .way");
  await page.click("#branches li:first-child .way");
  await other.page.waitForFunction(([tokens]) => document.querySelectorAll(tokens).length === 12, [TOKENS]);
  assert.deepEqual(await other.page.locator(TOKENS).evaluateAll((tokens) => tokens.map(({ textContent }) => textContent)), await ids());
  await other.page.click("#branches li:nth-child(2) .way");
  // Opened once more on a page that has its own settings.
  await other.page.fill("#seed", "5");
  await other.page.fill("#max_tokens", "3");
  await other.page.evaluate((hash) => {
    document.querySelector("#shared").textContent = "";
    location.hash = "";
    location.hash = hash;
  }, new URL(address).hash);
  await other.page.waitForFunction(() => /^Written again/.test(document.querySelector("#shared").textContent), null, { timeout: 60_000 });
  assert.match(await other.page.textContent("#shared"), /the same text as there/);
  assert.equal(await other.page.inputValue("#max_tokens"), "3");
  await other.page.click("#share summary");
  const csv = other.page.waitForEvent("download");
  await other.page.click("#save-csv");
  const lines = readFileSync(await (await csv).path(), "utf8").split("\r\n");
  assert.equal(lines[0], "index,id,text,probability,sampled,surprisal,rank,entropy,forced");
  assert.equal(lines.filter((line) => line.endsWith(",true")).length, 1);
  const json = other.page.waitForEvent("download");
  await other.page.click("#save-json");
  const record = JSON.parse(readFileSync(await (await json).path(), "utf8"));
  assert.deepEqual(record.tokens.map(({ text }) => text), written);
  assert.deepEqual([record.prompt, record.seed, record.tokens[4].forced], [GIVEN, "1", true]);
  assert.equal(record.tokens[0].candidates.length, 16);
  const svg = other.page.waitForEvent("download");
  await other.page.click("#save-svg");
  const drawn = await other.page.evaluate((source) => {
    const { documentElement: picture } = new DOMParser().parseFromString(source, "image/svg+xml");
    return { name: picture.localName, text: [...picture.querySelectorAll("text")].map(({ textContent }) => textContent) };
  }, readFileSync(await (await svg).path(), "utf8"));
  assert.equal(drawn.name, "svg");
  assert.ok(drawn.text.join("").includes(written.slice(0, 3).join("")), drawn.text.join("|"));
  assert.match(drawn.text.at(-1), /seed 1, temperature/);
  await other.close();

  // A link that is not the text's says so; one that is broken is an error.
  const wrong = await open(`/#${new URL(address).hash.slice(1).replace(/check=\w+/, "check=00000000")}`);
  await wrong.page.waitForFunction(() => /another text than there/.test(document.querySelector("#shared").textContent), null, { timeout: 60_000 });
  await wrong.close();
  const broken = await open("/#model=stories&prompt=x&tokens=many");
  await broken.page.waitForFunction(() => /damaged/.test(document.querySelector("#shared").textContent));
  await broken.close();
  await close();
});

test("a link knows a model that came as a file by its hash", { skip: lacks("time") }, async () => {
  const file = fileURLToPath(new URL("../../www/stories.gguf", import.meta.url));
  const { page, ids, write, close } = await reader();
  const loaded = (of) => of.waitForFunction(() => /million parameters/.test(document.querySelector("#model-status").textContent));
  const told = (of, pattern) => of.waitForFunction((source) => new RegExp(source).test(document.querySelector("#shared").textContent), pattern.source, { timeout: 60_000 });
  await page.setInputFiles("#file", file);
  await loaded(page);
  await page.fill("#max_tokens", "6");
  await write();
  await page.click("#share summary");
  await page.click("#link");
  await told(page, /^The link is in the address bar/);
  const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
  const address = new URL(page.url());
  assert.match(address.hash, new RegExp(`model=stories.gguf&sha256=${hash}&`));
  // The same model by its name is not taken for the file, which need not be called the same.
  const other = await open(`/${address.hash}`);
  await told(other.page, new RegExp(`the file stories.gguf .SHA-256 ${hash}.: load it`));
  await other.page.setInputFiles("#file", { name: "another.gguf", mimeType: "", buffer: readFileSync(file) });
  await told(other.page, /^Written again from the link: the same text as there/);
  assert.deepEqual(await other.page.locator(TOKENS).evaluateAll((tokens) => tokens.map(({ textContent }) => textContent)), await ids());
  await other.close();
  await close();
});

test("a screen reader hears a text sentence by sentence while it is written", async () => {
  const { page, ids, write, rest, close } = await reader();
  const heard = () => page.locator("#heard span").evaluateAll((said) => said.map(({ textContent }) => textContent));
  assert.equal(await page.getAttribute("#heard", "role"), "log");
  await page.fill("#max_tokens", "120");
  await write();
  const said = await heard();
  assert.equal(said.join(""), (await ids()).join(""));
  assert.ok(said.length >= 3, said.join("|"));
  for (const sentence of said.slice(0, -1)) assert.match(sentence, /[.!?…"”’]\s*$/);
  // One token is said when it comes, and an old text is not said again.
  await page.fill("#max_tokens", "1");
  await page.fill("#prompt", "The owl");
  await page.click("#step");
  await page.waitForFunction((tokens) => document.querySelectorAll(tokens).length === 1, TOKENS, { timeout: 60_000 });
  await rest();
  assert.deepEqual(await heard(), await ids());
  await close();
});

test("one step is one token, told with its numbers", async () => {
  const { page, rest, ids, text, close, shot, write } = await reader();
  for (let step = 1; step <= 3; step++) {
    const before = await text();
    await page.click("#step");
    await page.waitForFunction(([tokens, step]) => document.querySelectorAll(tokens).length === step, [TOKENS, step], { timeout: 60_000 });
    await rest();
    assert.equal((await ids()).length, step);
    if (step > 1) assert.equal((await text()).slice(0, before.length), before);
    const told = await page.locator("#loop .told").allTextContents();
    // The prompt consists of the typed text and the token that begins a text.
    assert.match(told[0], step === 1 ? /becomes (\d+) tokens/ : /Nothing new to encode/);
    assert.match(told[1], /4 layers, 160 numbers wide/);
    assert.match(told[2], /each of 2,048 tokens.*Entropy \d+\.\d\d nats/);
    assert.match(told[3], /top-k cuts 2,008, leaves 40.*temperature 1\.50/);
    const context = Number(told[4].match(/Context: (\d+) tokens/)[1]);
    const read = Number(told[1].match(/Context: (\d+) of 320/)[1]);
    assert.equal(context, read + 1);
    // The token that was drawn is the one that was appended, and it is marked among the candidates.
    const token = told[4].match(/^(.+) \(token/)[1];
    assert.ok((await page.textContent("#bars .taken")).startsWith(token), token);
    assert.equal((await ids()).at(-1), token.replaceAll("␣", " ").replaceAll("⏎", "\n"));
    const seen = await lookAtDraw(page);
    assertHit(seen);
    if (seen.point !== undefined) assert.ok(told[3].includes(seen.said.match(/drawn: ([\d.]+)\./)[1]), told[3]);
  }
  await shot("microscope-step");
  // The same steps without explanations generate the same text.
  const stepped = await text();
  await write();
  assert.ok((await text()).startsWith(stepped));
  // A text that ended because of its length can be continued step by step.
  const length = (await ids()).length;
  assert.equal(length, 30);
  await page.click("#step");
  await page.waitForFunction(([tokens, length]) => document.querySelectorAll(tokens).length > length, [TOKENS, length], { timeout: 60_000 });
  await rest();
  assert.equal((await ids()).length, length + 1);
  await close();
});

test("tokens have the colour of their probability", async () => {
  const { page, close, write, rest } = await reader();
  await write();
  const seen = await page.locator(TOKENS).evaluateAll((tokens) =>
    tokens.map((token) => ({
      surprise: Number(token.style.getPropertyValue("--surprise")),
      probability: Number(token.title.match(/([\d.]+) %/)[1]) / 100,
      colour: getComputedStyle(token).backgroundColor,
    })),
  );
  const by = seen.toSorted((a, b) => a.surprise - b.surprise);
  assert.ok(by[0].probability > 0.9 && by.at(-1).probability < 0.5, JSON.stringify(by));
  assert.notEqual(by[0].colour, by.at(-1).colour);
  for (const { surprise, probability } of seen) {
    if (probability > 0.02) assert.ok(Math.abs(surprise - Math.min(1, -Math.log2(probability) / 7)) < 0.06);
  }
  await close();
});

test("sliders reshape the bars without a new token", async () => {
  const { page, close, text, shot, rest, write } = await reader();
  await write();
  const written = await text();
  const widths = () => page.locator("#bars .fill").evaluateAll((bars) => bars.map(({ style }) => style.width).join());
  // A token that was neither certain nor unlikely.
  const share = ({ title }) => Number(title.match(/([\d.]+) %/)[1]);
  const titles = await page.locator(TOKENS).evaluateAll((tokens) => tokens.map(({ title }) => ({ title })));
  const middling = titles.map(share).reduce((best, share, index, all) => (Math.abs(share - 30) < Math.abs(all[best] - 30) ? index : best), 0);
  await page.locator(TOKENS).nth(middling).click();
  const seen = [];
  for (const [slider, value, caption, mark] of [
    ["temperature", "0.5", "by 0.50"],
    ["top_k", "5", "Keeps the 5 likeliest", ".cut-line"],
    ["top_p", "0.6", "until 60 %", ".curve"],
    ["min_p", "0.3", "at 0.3 times", ".threshold"],
    ["temperature", "2", "by 2.00"],
  ]) {
    await page.fill(`#${slider}`, value);
    await page.waitForFunction((caption) => document.querySelector("#caption").textContent.includes(caption), caption, { timeout: 60_000 });
    assert.equal(await page.getAttribute("#stages [aria-pressed=true]", "data-stage"), slider);
    if (mark) assert.equal(await page.locator(`#marks ${mark}`).count(), 1, slider);
    seen.push(await widths());
    await page.waitForTimeout(250); // until the bars have moved
    await shot(`microscope-${slider}`);
  }
  assert.notEqual(seen[0], seen[1]);
  assert.notEqual(seen[1], seen[2]);
  // The token is drawn from what the five stages leave.
  await page.click("#stages [data-stage=draw]");
  const shares = await page.locator("#bars li:not(.cut) .share").allTextContents();
  const sum = shares.reduce((sum, share) => sum + Number.parseFloat(share), 0);
  assert.ok(shares.length <= 5 && Math.abs(sum - 100) < 2, shares.join());
  assert.match((await page.locator("#bars .cut .share").allTextContents()).join(), /top-k/);
  assert.equal(await text(), written);
  await close();
});

test("another candidate makes a branch, and the old one stays", async () => {
  const { page, close, text, ids, rest, shot, write } = await reader();
  await write();
  const old = await ids();
  assert.ok(await page.isHidden("#branches"));

  await page.locator(TOKENS).nth(2).click();
  const other = page.locator("#bars li:not(.taken) button").first();
  const name = (await other.locator(".name").textContent()).replaceAll("␣", " ");
  const id = await other.getAttribute("data-id");
  await other.click();
  await page.waitForSelector("#branches [aria-current]");
  await rest();
  const branched = await ids();
  assert.deepEqual(branched.slice(0, 2), old.slice(0, 2));
  assert.equal(branched[2], name);
  assert.notEqual(branched[2], old[2]);
  assert.equal(branched.length, 30);
  assert.equal(await page.locator("#branches li").count(), 2);
  assert.equal(await page.locator("#text .branched").count(), 1);
  await shot("microscope-branches");

  // Back, and there again by choosing the same candidate: there is no third branch.
  await page.locator("#branches .way").first().click();
  await rest();
  assert.deepEqual(await ids(), old);
  await page.locator(TOKENS).nth(2).click();
  await page.click(`#bars [data-id="${id}"]`);
  await rest();
  assert.deepEqual(await ids(), branched);
  assert.equal(await page.locator("#branches li").count(), 2);

  // Each branch continues from its own end.
  await page.click("#step");
  await page.waitForFunction((tokens) => document.querySelectorAll(tokens).length === 31, TOKENS, { timeout: 60_000 });
  await rest();
  assert.deepEqual((await ids()).slice(0, 30), branched);
  await page.locator("#branches .forget").click();
  assert.ok(await page.isHidden("#branches"));
  assert.ok((await text()).startsWith(GIVEN + branched.join("")));
  await close();
});

test("a text is written by hand, by keyboard, on a phone in the dark", async () => {
  const { page, close, ids, rest, shot } = await reader({ viewport: { width: 390, height: 844 }, colorScheme: "dark" });
  await page.focus("#step");
  await page.keyboard.press("Enter");
  await page.waitForSelector(TOKENS);
  await rest();
  // Goes to the open end, to its candidates, and to the second of them.
  await page.focus("#text");
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => document.querySelectorAll("#bars .taken").length === 0 && document.querySelectorAll("#bars button:enabled").length > 0);
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  const name = await page.evaluate(() => document.activeElement.querySelector(".name").textContent);
  await page.keyboard.press("Enter");
  await page.waitForFunction((tokens) => document.querySelectorAll(tokens).length === 2, TOKENS, { timeout: 60_000 });
  await rest();
  assert.equal((await ids())[1], name.replaceAll("␣", " ").replaceAll("⏎", "\n"));
  // Goes back to the first token, which the note then names.
  await page.focus("#text");
  await page.keyboard.press("Home");
  await page.waitForSelector("#bars .taken");
  assert.ok((await page.textContent("#distribution-note")).startsWith((await ids())[0].replaceAll(" ", "␣")));
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0);
  await shot("microscope-phone-dark");
  await close();
});

test("a phone held upright shows the text and the distribution together", async () => {
  const { page, close, write, shot } = await reader({ viewport: { width: 390, height: 844 } });
  await page.fill("#max_tokens", "200");
  await write();
  const seen = await page.evaluate((tokens) => {
    const bars = [...document.querySelectorAll("#bars li")];
    scrollBy(0, bars.at(-1).getBoundingClientRect().bottom - innerHeight + 4);
    const [text, first, last, token] = [document.querySelector("#text"), bars[0], bars.at(-1), [...document.querySelectorAll(tokens)].at(-1)];
    const edges = [text, first, last, token].map((part) => part.getBoundingClientRect());
    return { height: innerHeight, bars: bars.length, text: edges[0].toJSON(), first: edges[1].top, last: edges[2].bottom, token: edges[3].toJSON() };
  }, TOKENS);
  assert.ok(seen.bars >= 16);
  assert.ok(seen.text.top >= 0 && seen.text.bottom <= seen.first && seen.last <= seen.height, JSON.stringify(seen));
  // The token that is looked at is in the part of the text that is shown.
  assert.ok(seen.token.top >= seen.text.top && seen.token.bottom <= seen.text.bottom + 1, JSON.stringify(seen));
  await shot("microscope-phone-scrolled");
  await page.screenshot({ path: `${screenshots}microscope-phone-together.png` });
  await close();
});

test("the text can be paused, looked at and continued", async () => {
  const { page, close, ids, rest, text } = await reader();
  await page.fill("#max_tokens", "200");
  // Pauses as soon as there is a token, because the model is fast.
  await page.evaluate((tokens) => {
    const watch = new MutationObserver(() => {
      if (!document.querySelector(tokens)) return;
      watch.disconnect();
      document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    });
    watch.observe(document.querySelector("#text"), { childList: true });
  }, TOKENS);
  await page.click("#write");
  await page.waitForSelector(TOKENS);
  await rest();
  const paused = await text();
  const count = (await ids()).length;
  assert.ok(count < 10, `${count} tokens`);
  await page.click("#go-on");
  await page.waitForFunction(([tokens, count]) => document.querySelectorAll(tokens).length > count, [TOKENS, count], { timeout: 60_000 });
  await rest();
  const whole = await text();
  assert.ok(whole.startsWith(paused));
  // The text is the same as without a pause.
  await page.click("#write");
  await page.waitForFunction((tokens) => document.querySelectorAll(tokens).length > 0, TOKENS);
  await rest();
  assert.equal(await text(), whole);
  await close();
});

test("a text is drawn once a frame, its candidates only in sight, and both are whole at the end", async () => {
  for (const [height, inSight] of [[1400, true], [300, false]]) {
    const { page, close, ids, write } = await reader({ viewport: { width: 390, height } });
    await page.evaluate(() => scrollTo(0, 0));
    await page.evaluate((tokens) => {
      const seen = (globalThis.seen = { frames: 0, texts: 0, bars: 0 });
      const frame = () => ((seen.frames += 1), requestAnimationFrame(frame));
      requestAnimationFrame(frame);
      let last = 0;
      new MutationObserver(() => {
        const count = document.querySelectorAll(tokens).length;
        if (count !== last) seen.texts += 1;
        last = count;
      }).observe(document.querySelector("#text"), { childList: true });
      const bars = { childList: true, subtree: true, characterData: true, attributes: true };
      new MutationObserver(() => (seen.bars += 1)).observe(document.querySelector("#bars"), bars);
    }, TOKENS);
    await write();
    const { frames, texts, bars } = await page.evaluate(() => globalThis.seen);
    const count = (await ids()).length;
    assert.equal(count, 30);
    // One more at the beginning, before a frame, and one at the end.
    assert.ok(texts <= frames + 2, `the text was drawn ${texts} times in ${frames} frames`);
    // The text is cleared, shows its last step, and that where the open end is.
    if (inSight) assert.ok(bars <= texts + 3, `the bars were drawn ${bars} times, the text ${texts} times`);
    else assert.ok(bars <= 3, `the bars were drawn ${bars} times out of sight`);
    assert.equal((await page.textContent("#bars .taken .name")).replaceAll("␣", " ").replaceAll("⏎", "\n"), (await ids()).at(-1));
    await close();
  }
});
