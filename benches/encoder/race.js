// One system, one run, in a page of its own: loads all-MiniLM-L6-v2 and embeds texts, one by one and in batches.
//
// Each is used as its documentation says. Its weights are in 8 bits, as each ships them: Q8_0 here, int8 there.

/** How each system loads, and gives a vector of length 1 for each of a few texts. */
const SYSTEMS = {
  nexttoken: (threads) => nexttoken("relaxed", threads),
  "nexttoken-simd128": (threads) => nexttoken("simd128", threads),
  "transformers.js": async (threads) => {
    const { env, pipeline } = await import("/node_modules/@huggingface/transformers/dist/transformers.min.js");
    Object.assign(env, { allowLocalModels: true, allowRemoteModels: false });
    env.localModelPath = "/";
    env.backends.onnx.wasm.wasmPaths = "/node_modules/onnxruntime-web/dist/";
    env.backends.onnx.wasm.numThreads = threads;
    const embed = await pipeline("feature-extraction", "model", { device: "wasm", dtype: "q8" });
    return async (texts) => (await embed(texts, { pooling: "mean", normalize: true })).tolist();
  },
};

async function nexttoken(variant, threads) {
  const { WorkerEncoder } = await import("/pkg/encoder.js");
  const encoder = await WorkerEncoder.load("/model.gguf", { variant, threads });
  return async (texts) => (await encoder.embed(texts)).map((vector) => Array.from(vector));
}

globalThis.race = async ({ system, texts, threads, batch }) => {
  let start = performance.now();
  const embed = await SYSTEMS[system](threads);
  const load_ms = performance.now() - start;
  // Engines compile what is hot while it runs.
  await embed(texts.slice(0, batch));
  for (const text of texts.slice(0, 2 * batch)) await embed([text]);

  const speed = async (size) => {
    const vectors = [];
    start = performance.now();
    for (let at = 0; at < texts.length; at += size) vectors.push(...(await embed(texts.slice(at, at + size))));
    return { vectors, speed: (1000 * texts.length) / (performance.now() - start) };
  };
  const single = await speed(1);
  const batches = await speed(batch);
  return { load_ms, single: single.speed, batches: batches.speed, vectors: single.vectors };
};
