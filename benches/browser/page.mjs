// How fast the page writes, against the engine alone in a worker of the same tab: the same model, prompt and options,
// in turn, so that a machine that is busy slows both. Medians; tokens per second from the first token to the last.
//
//     cargo pkg site && cargo run --profile tool -p nexttoken-pkg -- serve --port 8080 &
//     cd benches/browser && npm ci --ignore-scripts
//     ORIGIN=http://127.0.0.1:8080 CHROMIUM=$(which chromium) node page.mjs
//
// MODEL=stories takes the storyteller; ROUNDS and TOKENS say how often and how much is written. TRACE=1 tells besides
// what the threads do while the page writes, by the browser's own trace.
//
// The engine writes once as a program would have it, and once with the record of each step, which the page shows. While
// the page writes, a key is pressed now and then, and the table says how long the slowest waited. On Linux it also says
// how many milliseconds of processor time a token took, in the engine's thread and in all others of the browser: on a
// machine that has other work, whose processors both compete for, these tell more than the speed.

import { readFileSync, readdirSync } from "node:fs";
import { chromium } from "playwright-core";

const { ORIGIN, CHROMIUM, MODEL = "sample", ROUNDS = 5, TOKENS = 300, TRACE } = process.env;
const PROMPT = "Once upon a time, there lived a little fox named";
const MODELS = {
  sample: { button: "#load-sample", url: "/models/SmolLM2-135M-Instruct.Q4_1.gguf", said: "135 million" },
  stories: { button: "#load-stories", url: "/stories.gguf", said: "million parameters" },
};
const model = MODELS[MODEL];
if (!model) throw new Error(`MODEL is none of ${Object.keys(MODELS)}`);

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
const page = await browser.newPage();
page.setDefaultTimeout(0);
await page.goto(ORIGIN);
await page.waitForFunction(() => !document.querySelector("#write").disabled);
await page.click(model.button);
await page.waitForFunction((said) => document.querySelector("#model-status").textContent.includes(said), model.said);
await page.fill("#prompt", PROMPT);
await page.fill("#seed", "1");
await page.fill("#max_tokens", String(TOKENS));
await page.evaluate(inPage, model.url);

const KINDS = {
  engine: () => page.evaluate((prompt) => globalThis.bench.engine(prompt, {}), PROMPT),
  records: () => page.evaluate((prompt) => globalThis.bench.engine(prompt, { record: { top: 16 } }), PROMPT),
  page: () => whileTyping(() => page.evaluate(() => globalThis.bench.page())),
};
for (const [name, temperature] of Object.entries({ "temperature 0": 0, "temperature 0.8, as the page has it": 0.8 })) {
  await page.fill("#temperature", String(temperature));
  const rounds = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const runs = {};
    for (const [kind, run] of Object.entries(KINDS)) runs[kind] = await measured(run);
    if (runs.page.tokens !== runs.engine.tokens) throw new Error("the page wrote another text");
    if (round > 0) rounds.push(runs); // the first warms up
  }
  print(name, rounds);
}
if (TRACE) await trace();
await browser.close();

function print(name, rounds) {
  const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
  const of = (figure) => median(rounds.map(figure));
  const digits = (value, count) => (Number.isNaN(value) ? "–" : value.toFixed(count));
  console.log(
    `\n${MODEL}, ${name}: ${rounds[0].page.tokens} tokens, drawn in ${of(({ page }) => page.drawings)} parts; ` +
      `the slowest key waited ${of(({ page }) => page.slowest).toFixed(0)} ms\n\n` +
      "| | tokens/s | of the engine's | engine's thread, ms/token | all others |\n|---|--:|--:|--:|--:|",
  );
  for (const kind of Object.keys(KINDS)) {
    const ratio = of((runs) => runs[kind].speed / runs.engine.speed);
    const [own, others] = [of((runs) => runs[kind].own), of((runs) => runs[kind].others)];
    console.log(
      `| ${kind} | ${of((runs) => runs[kind].speed).toFixed(0)} | ${(100 * ratio).toFixed(1)} % | ` +
        `${digits(own, 2)} | ${digits(others, 2)} |`,
    );
  }
}

/** What `run` resolves to, with the processor time per token. */
async function measured(run) {
  const before = await processorTime();
  const result = await run();
  const after = await processorTime();
  let [own, others] = [0, 0];
  for (const [thread, { ms, engine }] of after) {
    const spent = (ms - (before.get(thread)?.ms ?? 0)) / result.tokens;
    if (engine) own += spent;
    else others += spent;
  }
  return { ...result, own: own || NaN, others: others || NaN };
}

/** The processor time of each thread of the browser so far; none where the system does not tell. */
async function processorTime() {
  const threads = new Map();
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  for (const { id } of processInfo) {
    try {
      for (const thread of readdirSync(`/proc/${id}/task`)) {
        const folder = `/proc/${id}/task/${thread}`;
        const ms = Number(readFileSync(`${folder}/schedstat`, "utf8").split(" ")[0]) / 1e6;
        threads.set(thread, { ms, engine: readFileSync(`${folder}/comm`, "utf8").startsWith("DedicatedWorker") });
      }
    } catch {
      // A thread has ended, or there is no such folder.
    }
  }
  return threads;
}

/** Presses a key now and then until `work` is done. */
async function whileTyping(work) {
  let done = false;
  const typing = (async () => {
    while (!done) {
      await page.keyboard.press("Shift");
      await page.waitForTimeout(150);
    }
  })();
  const result = await work();
  done = true;
  await typing;
  return result;
}

/** Prints what the threads of the browser do while the page writes. */
async function trace() {
  await browser.startTracing(page, { categories: ["devtools.timeline", "toplevel"] });
  const { tokens } = await page.evaluate(() => globalThis.bench.page());
  const { traceEvents } = JSON.parse(await browser.stopTracing());
  const threads = new Map();
  for (const { name, pid, tid, args } of traceEvents) {
    if (name === "thread_name") threads.set(`${pid} ${tid}`, args.name);
  }
  const spent = new Map();
  for (const { name, ph, pid, tid, tdur = 0 } of traceEvents) {
    if (ph !== "X") continue;
    const work = `${threads.get(`${pid} ${tid}`)} | ${name}`;
    const { ms, times } = spent.get(work) ?? { ms: 0, times: 0 };
    spent.set(work, { ms: ms + tdur / 1000, times: times + 1 });
  }
  console.log(`\n${tokens} tokens, traced; work within other work is counted in both\n`);
  console.log("| thread | work | times | ms of processor time |\n|---|---|--:|--:|");
  for (const [work, { ms, times }] of [...spent].sort(([, a], [, b]) => b.ms - a.ms).slice(0, 30)) {
    console.log(`| ${work} | ${times} | ${ms.toFixed(1)} |`);
  }
}

/** In the page: loads the model a second time, for the engine alone, and says how both are run. */
async function inPage(url) {
  const { WorkerGenerator } = await import("/pkg/index.js");
  const generator = await WorkerGenerator.load(url);
  const $ = (id) => document.getElementById(id);
  /** Tokens per second, from the times at which so many tokens were there. */
  const summary = (seen) => {
    if (seen.length < 2) throw new Error("there is too little text");
    const [[from, first], [to, last]] = [seen[0], seen.at(-1)];
    return { tokens: last, speed: (1000 * (last - first)) / (to - from), drawings: seen.length };
  };
  let slowest = 0;
  addEventListener("keydown", ({ timeStamp }) => (slowest = Math.max(slowest, performance.now() - timeStamp)), true);

  globalThis.bench = {
    async engine(prompt, more) {
      const names = ["temperature", "top_k", "top_p", "min_p", "max_tokens", "seed"];
      const options = Object.fromEntries(names.map((id) => [id, $(id).valueAsNumber]));
      await generator.reset();
      await generator.start(prompt, { ...options, ...more });
      const seen = [];
      for await (const _ of generator) seen.push([performance.now(), seen.length + 1]);
      return summary(seen);
    },
    async page() {
      const text = $("text");
      text.replaceChildren();
      const tokens = text.getElementsByClassName("token");
      const ends = text.getElementsByClassName("end-of-text");
      const seen = [];
      slowest = 0;
      const watch = new MutationObserver(() => {
        const count = tokens.length - ends.length;
        if (count > (seen.at(-1)?.[1] ?? 0)) seen.push([performance.now(), count]);
      });
      watch.observe(text, { childList: true });
      $("write").click();
      await new Promise((resolve) => {
        const stop = new MutationObserver(() => $("stop").disabled && (stop.disconnect(), resolve()));
        stop.observe($("stop"), { attributes: true });
      });
      watch.disconnect();
      return { ...summary(seen), slowest };
    },
  };
}
