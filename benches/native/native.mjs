// Runs native llama.cpp as race.js runs the systems in the browser: `node native.mjs JOB`, one run,
// one JSON line.

import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const job = JSON.parse(process.argv[2]);
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.disabled, maxThreads: job.threads });
let start = performance.now();
const model = await llama.loadModel({ modelPath: job.file, gpuLayers: 0 });
const context = await model.createContext({ contextSize: 4096, batchSize: 512, threads: job.threads });
const load_ms = performance.now() - start;
const sequence = context.getSequence();

async function write({ text }, max_tokens, on_token) {
  await sequence.clearHistory();
  let left = max_tokens;
  for await (const token of sequence.evaluate(model.tokenize(text), { temperature: 0, yieldEogToken: true })) {
    on_token(token);
    left -= 1;
    if (left === 0) break;
  }
}

await write(job.warm_up, 48, () => {});
const times = [];
start = performance.now();
await write(job.prompt, job.tokens, () => times.push(performance.now()));
const row = {
  system: "llama.cpp",
  load_ms,
  ttft_ms: times[0] - start,
  decode: ((times.length - 1) * 1000) / (times.at(-1) - times[0]),
  threads: job.threads,
  wire_bytes: null,
  peak_bytes: process.resourceUsage().maxRSS * 1024,
};
// The library prints to standard output too; this line is ours.
console.log(JSON.stringify(row));
process.exit(0);
