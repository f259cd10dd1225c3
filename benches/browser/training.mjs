// Records a training on the page, as a visitor would do it, and writes benches/training.svg and benches/training.md:
//
//     cargo run --release -- stories --seed 0 --count 280 > target/corpus.txt
//     cargo pkg site && cargo run --profile tool -p nexttoken-pkg -- serve --port 8080 &
//     cd benches/browser && npm ci --ignore-scripts
//     ORIGIN=http://127.0.0.1:8080 CHROMIUM=$(which chromium) node training.mjs ../../target/corpus.txt 120

import { statSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { chromium } from "playwright-core";

const [corpus, seconds = "120", preset = "small"] = process.argv.slice(2);
const here = new URL("../", import.meta.url);

/** The curve of the page with its colours in it, for a picture that stands alone. */
const STYLE = `
  text { fill: #66686f; font: 12px system-ui, sans-serif; }
  line { stroke: #e2ded5; } line.level { stroke: #66686f; stroke-dasharray: 5 4; }
  path { fill: none; stroke: #b4481e; } path.steps { opacity: 0.28; } path.loss { stroke-width: 2.2; }
  circle { fill: #22242a; stroke: #fff; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #9b9ca3; } line { stroke: #33363c; } line.level { stroke: #9b9ca3; } path { stroke: #f0956b; }
    circle { fill: #e6e3dc; stroke: #1e2024; }
  }`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage();
await page.goto(process.env.ORIGIN);
await page.click("label:has(#mode-train)");
await page.waitForFunction(() => document.querySelector("#train-text").value !== "");
await page.setInputFiles("#train-file", corpus);
await page.click(`label:has([name=preset][value=${preset}])`);
await page.click("#train");
await page.waitForSelector("#train-samples li", { timeout: 60_000 });
await page.waitForTimeout(1000 * Number(seconds));
await page.click("#train-pause");
await page.waitForFunction(() => document.querySelector("#train-status").textContent.includes("rests"));

const { history, levels, svg } = await page.evaluate(async (style) => {
  const { trainingState } = await import("/train-store.js");
  const { drawCurve } = await import("/curve.js");
  const { history } = await trainingState();
  const levels = [...document.querySelectorAll("#train-curve .name")].map(({ textContent }) => {
    const [, name, loss] = /^(.*) ([\d.]+)$/.exec(textContent);
    return { name, loss: Number(loss) };
  });
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  drawCurve(svg, {
    loss: history.steps.map(([, loss, seconds]) => [seconds, loss]),
    heldOut: history.looks.map(({ seconds, heldOut }) => [seconds, heldOut]),
    levels,
    unit: "seconds",
  }, { width: 760, height: 320 });
  const styled = document.createElementNS("http://www.w3.org/2000/svg", "style");
  styled.textContent = style;
  svg.prepend(styled);
  return { history, levels, svg: new XMLSerializer().serializeToString(svg) };
}, STYLE);
const version = browser.version();
await browser.close();

const [uniform, unigram] = levels.map(({ loss }) => loss);
const below = history.looks.find(({ heldOut }) => heldOut < unigram);
const last = history.steps.at(-1);
const pick = (wanted) => history.looks.reduce((best, look) => (Math.abs(look.seconds - wanted) < Math.abs(best.seconds - wanted) ? look : best));
const chosen = [...new Set([0, 5, 15, 30, 60, 90, 120].map(pick))];
const quoted = (text) => `> ${text.trim().replaceAll("\n", "\n> ")}`;
/** The mean loss of the batches of each fifth second. */
const table = [];
for (let start = 0; start < last[2]; start += 5) {
  const part = history.steps.filter(([, , at]) => at >= start && at < start + 5);
  if (part.length === 0) continue;
  const mean = part.reduce((sum, [, loss]) => sum + loss, 0) / part.length;
  table.push(`| ${start} to ${start + 5} | ${part.at(-1)[0]} | ${mean.toFixed(3)} |`);
}

writeFileSync(new URL("training.svg", here), `${svg}\n`);
writeFileSync(
  new URL("training.md", here),
  `# A training, recorded

The ${preset} preset on ${Math.round(statSync(corpus).size / 1000)} kB of text, on the page in Chromium ${version}, on all cores of a
machine with ${cpus().length} × ${cpus()[0].model.trim()}. Written by \`benches/browser/training.mjs\`, which tells how to repeat it.

![The loss of the batches falls from ${history.steps[0][1].toFixed(1)} to ${last[1].toFixed(1)} nats per token in ${Math.round(last[2])} seconds](training.svg)

The line is the loss of the batches, the dots are that on held-out text. Guessing among all tokens alike gives
${uniform} nats per token, counting how often each occurs ${unigram}. The held-out loss was below the latter after
${below ? `${below.seconds.toFixed(1)} seconds (step ${below.step}, ${below.heldOut.toFixed(3)})` : "no time that was recorded"}; after ${Math.round(last[2])} seconds it was ${history.looks.at(-1).heldOut.toFixed(3)}.

## What it wrote meanwhile

${chosen.map(({ step, seconds, heldOut, sample }) => `After ${seconds.toFixed(1)} s, step ${step}, held-out loss ${heldOut.toFixed(3)}:\n\n${quoted(sample)}`).join("\n\n")}

## The loss, second by second

| seconds | step | mean loss of the batches |
|---|--:|--:|
${table.join("\n")}
`,
);
console.log(`below the unigram loss (${unigram}) after ${below?.seconds.toFixed(1)} s; held-out loss ${history.looks.at(-1).heldOut.toFixed(3)} after ${last[2].toFixed(0)} s, step ${last[0]}`);
