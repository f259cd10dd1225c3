// Where the time of reading a prompt and of writing goes, operation by operation, by the browser's own profiler.
//
//     cargo pkg build --names && cargo run --profile tool -p nexttoken-pkg -- serve --dir pkg --port 8080 &
//     cd benches/browser && npm ci --ignore-scripts
//     ORIGIN=http://127.0.0.1:8080 CHROMIUM=$(which chromium) node profile.mjs model.gguf …
//
// TIMES=8 repeats the prompt of some 260 tokens eight times, for a long context. VARIANT=simd128 takes that engine.

import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { chromium } from "playwright-core";

const { ORIGIN, CHROMIUM, TIMES = 1, VARIANT = "relaxed" } = process.env;
const text = readFileSync(new URL("prompt.txt", import.meta.url), "utf8").trimEnd();
const prompt = Array(Number(TIMES)).fill(text).join("\n");
const WRITTEN = 64;

/** What a function's mangled name says: its operation, and of matrix products the format. */
function operation(name) {
  const kernel = /quantized::(\w+)<.*?unpack::(\w+)/.exec(name);
  const kinds = { unpack_panel: "unpack weights", multiply_panel: "multiply", decode_streams: "multiply one token" };
  if (kernel) return `${kinds[kernel[1]] ?? kernel[1]}, ${kernel[2]}`;
  return name.replace(/\[[0-9a-f]+\]/g, "").replace(/^nexttoken::/, "").slice(0, 60) || "(unnamed)";
}

/** Milliseconds by operation, most first. */
function shares({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, operation(callFrame.functionName)]));
  const spent = new Map();
  samples.forEach((id, i) => {
    const name = names.get(id);
    spent.set(name, (spent.get(name) ?? 0) + timeDeltas[i] / 1000);
  });
  return [...spent].sort((a, b) => b[1] - a[1]);
}

function print(title, tokens, profile) {
  const all = shares(profile);
  const total = all.reduce((sum, [, ms]) => sum + ms, 0);
  console.log(`\n${title}: ${(total / tokens).toFixed(2)} ms a token\n\n| operation | share |\n|---|--:|`);
  for (const [name, ms] of all.filter(([, ms]) => ms > 0.005 * total)) {
    console.log(`| ${name} | ${((100 * ms) / total).toFixed(1)} % |`);
  }
}

const browser = await chromium.launch({
  executablePath: CHROMIUM,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});
for (const model of process.argv.slice(2)) {
  const page = await browser.newPage();
  await page.goto(new URL("README.md", ORIGIN).href);
  const input = await page.evaluateHandle(() => Object.assign(document.createElement("input"), { type: "file" }));
  await input.setInputFiles(model);
  const read = await page.evaluate(async ([input, prompt, variant, written]) => {
    const { default: init, Generator } = await import("/index.js");
    await init({ variant, threads: 1 });
    const generator = await Generator.load(input.files[0]);
    const run = () => {
      generator.reset();
      generator.start(prompt, { temperature: 0, max_tokens: written });
      generator.next_token();
    };
    run();
    while (generator.next_token()); // compiled and tuned by now
    Object.assign(globalThis, { run, write: () => { while (generator.next_token()); } });
    return generator.prompt_ids.length;
  }, [input, prompt, VARIANT, WRITTEN]);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Profiler.enable");
  await devtools.send("Profiler.setSamplingInterval", { interval: 200 });
  for (const [title, tokens, work] of [
    [`${basename(model)}, ${VARIANT}: reading ${read} tokens`, read, "run()"],
    [`${basename(model)}, ${VARIANT}: writing after them`, WRITTEN - 1, "write()"],
  ]) {
    await devtools.send("Profiler.start");
    await page.evaluate(work);
    print(title, tokens, (await devtools.send("Profiler.stop")).profile);
  }
  await page.close();
}
await browser.close();
