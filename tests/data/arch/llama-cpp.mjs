// Native llama.cpp as the reference of tiny models, which npm `node-llama-cpp` and `@node-llama-cpp/linux-x64` bring
// (`benches/native/`).

import { getLlama, LlamaLogLevel } from "node-llama-cpp";

const llama = await getLlama({ gpu: false, build: "never", logLevel: LlamaLogLevel.warn, maxThreads: 1 });

/**
 * What the model of a file predicts after each of `ids`: the tokens above one percent with their probabilities, the best
 * first.
 *
 * @param {string} modelPath
 * @param {number[]} ids
 * @param {{ filePath: string, scale: number }[]} adapters
 */
export async function predict(modelPath, ids, adapters = []) {
  const model = await llama.loadModel({ modelPath, gpuLayers: 0 });
  const context = await model.createContext({
    contextSize: 64,
    batchSize: 64,
    threads: 1,
    flashAttention: false,
    experimentalKvCacheKeyType: "F32",
    experimentalKvCacheValueType: "F32",
    ...(adapters.length > 0 && { lora: { adapters } }),
  });
  const outputs = await context.getSequence().controlledEvaluate(
    ids.map((id) => [id, { generateNext: { probabilities: true, options: { temperature: 1, topK: 0, topP: 1 } } }]),
  );
  await context.dispose();
  await model.dispose();
  return outputs.map(({ next }) =>
    [...next.probabilities]
      .sort((a, b) => b[1] - a[1])
      .filter(([, probability], i) => probability > 0.01 || i === 0)
      .map(([id, probability]) => [id, Number(probability.toPrecision(5))]),
  );
}
