// The most memory the engine takes for a model: to load it, and to write 64 tokens after a prompt of some 260.
// WebAssembly memory grows and never shrinks, so its size at the end is the peak. Tables that are kept outside of it, as
// Gemma 4 has them, count neither as memory nor as part of the file.
//
//     cargo pkg site && cargo run --profile tool -p nexttoken-pkg -- serve --port 8080 &
//     cd benches/browser && npm ci --ignore-scripts
//     ORIGIN=http://127.0.0.1:8080 CHROMIUM=$(which chromium) node memory.mjs model.gguf …

import { readFileSync, statSync } from "node:fs";
import { basename } from "node:path";
import { chromium } from "playwright-core";

const prompt = readFileSync(new URL("prompt.txt", import.meta.url), "utf8").trimEnd();
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
});

for (const model of process.argv.slice(2)) {
  const page = await browser.newPage();
  await page.goto(process.env.ORIGIN);
  const input = await page.evaluateHandle(() => Object.assign(document.createElement("input"), { type: "file" }));
  await input.setInputFiles(model);
  const { engine, cache, outside } = await page.evaluate(async ([input, prompt]) => {
    const { default: init, Generator } = await import("/pkg/index.js");
    await init({ threads: 1 });
    const generator = await Generator.load(input.files[0]);
    generator.start(prompt, { temperature: 0, max_tokens: 64 });
    while (generator.next_token());
    const engine = generator.logits().buffer.byteLength; // before the inspection takes some more
    const { memory } = await Generator.inspect(input.files[0], { context_length: generator.context_used });
    return { engine, cache: memory.cache, outside: memory.outside };
  }, [input, prompt]);
  const file = statSync(model).size - outside;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
  console.log(
    `${basename(model)}: ${megabytes(engine)} MB, ${megabytes(cache)} of them KV cache, ` +
      `for a file of ${megabytes(file)} MB: without the cache ${((engine - cache) / file).toFixed(2)} ×`,
  );
  await page.close();
}
await browser.close();
