// What native llama.cpp predicts with the adapters of `make.py`: `node reference.mjs`, written to reference.json. Needs
// npm `node-llama-cpp` and `@node-llama-cpp/linux-x64` (`benches/native/`).

import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const arch = fileURLToPath(new URL("../arch/", import.meta.url));
const { ids } = JSON.parse(readFileSync(arch + "reference.json", "utf8"));
const CASES = [
  ["llama.f32", [["llama-all", 1]]],
  ["llama.f32", [["llama-all", -0.4]]],
  ["llama.f32", [["llama-some", 1]]],
  ["llama.f32", [["llama-all", 0.5], ["llama-some", 0.7]]],
  ["llama.q8_0", [["llama-all", 1]]],
  ["llama.q8_0", [["llama-all", 0.5], ["llama-few", 0.7]]],
  ["phi3.f32", [["phi3", 1]]],
  ["phi3.q8_0", [["phi3", 1]]],
  ["phi2.f32", [["phi2", 1]]],
  ["nanbeige.f32", [["nanbeige", 1]]],
];
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.warn, maxThreads: 1 });
const rows = [];
for (const [base, adapters] of CASES) {
  const model = await llama.loadModel({ modelPath: `${arch}${base}.gguf`, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 64,
    batchSize: 64,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: "F32",
    experimentalKvCacheValueType: "F32",
    lora: { adapters: adapters.map(([name, scale]) => ({ filePath: `${here}${name}.gguf`, scale })) },
  });
  const outputs = await context.getSequence().controlledEvaluate(
    ids.map((id) => [id, { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1 } } }]),
  );
  // Of each position, the tokens above one percent with their probabilities, the best first.
  const predictions = outputs.map(({ next }) =>
    [...next.probabilities]
      .sort((a, b) => b[1] - a[1])
      .filter(([, probability], i) => probability > 0.01 || i === 0)
      .map(([id, probability]) => [id, Number(probability.toPrecision(5))]),
  );
  rows.push(JSON.stringify({ base, adapters, predictions }));
  await context.dispose();
  await model.dispose();
}
writeFileSync(here + "reference.json", `[\n  ${rows.join(",\n  ")}\n]\n`);
process.exit(0);
