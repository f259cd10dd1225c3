// What a model predicts without any rounding, and how far native llama.cpp is from it:
//
//     python3 benches/requantize.py MODEL F32 TRUTH      (its weights, taken apart into floats)
//     node make.mjs MODEL TRUTH NAME.json
//
// Needs npm `node-llama-cpp` and `@node-llama-cpp/linux-x64` (`benches/native/`). NAME.json gets, for each text of
// texts.json, its `ids`; after each id the most probable tokens of the truth with their probabilities, a list of
// `[id, probability]`; and `rival`, the divergence KL(truth ‖ llama.cpp) there, of those tokens and all others as one.

import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const [file, truthFile, name] = process.argv.slice(2);
/** At most so many tokens of each prediction, and none less probable. */
const [MOST, LEAST] = [24, 1e-4];
const CHUNK = 32;
const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.warn, maxThreads: 1 });
const texts = JSON.parse(readFileSync(here + "texts.json", "utf8"));

/** Calls `look(text, probabilities)` with what the model predicts after each id of each text, in order. */
async function run(modelPath, cache, texts, look) {
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const bos = model.tokens.shouldPrependBosToken ? [model.tokens.bos] : [];
  const all = texts.map((text) => [...bos, ...model.tokenize(text)]);
  for (const [index, ids] of all.entries()) {
    const context = await model.createContext({ contextSize: 1024, batchSize: CHUNK, threads: 1, flashAttention: false, ...cache });
    const sequence = context.getSequence();
    for (let at = 0; at < ids.length; at += CHUNK) {
      const chunk = ids.slice(at, at + CHUNK);
      const options = { probabilities: true, options: { temperature: 1, topK: 0, topP: 1 } };
      const outputs = await sequence.controlledEvaluate(chunk.map((id) => [id, { generateNext: options }]));
      for (const { next } of outputs) look(index, next.probabilities);
    }
    await context.dispose();
  }
  await model.dispose();
  return all;
}

/** The most probable entries of a map, the first the best. */
function best(probabilities) {
  const found = [...probabilities].filter(([, probability]) => probability >= LEAST);
  return found.sort((a, b) => b[1] - a[1]).slice(0, MOST).map(([id, p]) => [id, Number(p.toPrecision(6))]);
}

/** Σ p ln(p / q) over the tokens of `truth` and all others as one. */
function divergence(truth, probabilities) {
  let [sum, p, q] = [0, 1, 1];
  for (const [id, probability] of truth) {
    const other = probabilities.get(id);
    sum += probability * Math.log(probability / other);
    p -= probability;
    q -= other;
  }
  return p > 0 ? sum + p * Math.log(p / Math.max(q, 1e-9)) : sum;
}

const floats = { experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32" };
const top = texts.map(() => []);
const ids = await run(truthFile, floats, texts, (text, probabilities) => top[text].push(best(probabilities)));
const rival = texts.map(() => []);
await run(file, {}, texts, (text, probabilities) => {
  const truth = top[text][rival[text].length];
  rival[text].push(Number(divergence(truth, probabilities).toPrecision(4)));
});
const rows = ids.map((ids, i) => JSON.stringify({ ids, top: top[i], rival: rival[i] }));
writeFileSync(here + name, `[\n${rows.join(",\n")}\n]\n`);
const flat = rival.flat();
console.log(`${flat.length} positions, mean divergence of llama.cpp ${flat.reduce((a, b) => a + b) / flat.length}`);
process.exit(0);
