// What native llama.cpp predicts with each model of `make.py`: `node reference.mjs`, written to
// reference.json. Needs npm `node-llama-cpp` and `@node-llama-cpp/linux-x64` (`benches/native/`).

import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const POSITIONS = 28;
// Each id twice within a window and across it, in an order of no meaning.
const ids = Array.from({ length: POSITIONS }, (_, i) => (i * i * 7 + (i % 5) * 13 + 3) % 62);
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.warn, maxThreads: 1 });
const predictions = {};
const files = readdirSync(here).filter((name) => name.endsWith(".gguf") && !name.endsWith(".twin.gguf"));
for (const file of files.sort()) {
  // Why the twin: see make.py.
  const run = file.replace(".mixed.", ".twin.");
  const model = await llama.loadModel({ modelPath: here + run, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 64,
    batchSize: 64,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: "F32",
    experimentalKvCacheValueType: "F32",
  });
  const outputs = await context.getSequence().controlledEvaluate(
    ids.map((id) => [id, { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1 } } }]),
  );
  // Of each position, the tokens above one percent with their probabilities, the best first.
  predictions[file] = outputs.map(({ next }) =>
    [...next.probabilities]
      .sort((a, b) => b[1] - a[1])
      .filter(([, probability], i) => probability > 0.01 || i === 0)
      .map(([id, probability]) => [id, Number(probability.toPrecision(5))]),
  );
  await context.dispose();
  await model.dispose();
}
const rows = Object.entries(predictions).map(([file, rows]) => `    "${file}": ${JSON.stringify(rows)}`);
writeFileSync(here + "reference.json", `{\n  "ids": ${JSON.stringify(ids)},\n  "models": {\n${rows.join(",\n")}\n  }\n}\n`);
process.exit(0);
