// One system, one run, in a page of its own: loads the model, reads the prompt, writes greedily.
//
// Every system is used as its own documentation says, off the page's thread, and timed alike by this
// page's clock: `prefill` runs from the request to the first token, `decode` from the first token to
// the last.

/**
 * How each system loads a model from a file in memory and writes; `write` takes the prompt's text or its ids, and calls
 * `on_token`. `most_threads` is there where a system has fewer than it is asked for.
 */
const SYSTEMS = {
  nexttoken: () => nexttoken("relaxed"),
  "nexttoken-simd128": () => nexttoken("simd128"),
  wllama: async () => {
    const { Wllama } = await import("/race/node_modules/@wllama/wllama/esm/index.min.js");
    const wllama = new Wllama({ default: "/race/node_modules/@wllama/wllama/esm/wasm/wllama.wasm" }, quiet);
    return {
      load: (file, threads) => wllama.loadModel([file], { n_ctx: CONTEXT, n_threads: threads, n_gpu_layers: 0 }),
      write: ({ text: prompt }, max_tokens, on_token) =>
        wllama.createCompletion({ prompt, max_tokens, temperature: 0, stream: true, onData: on_token }),
    };
  },
  "wllama-2.3.1": async () => {
    const { Wllama } = await import("/race/node_modules/wllama-2.3.1/esm/index.min.js");
    const esm = "/race/node_modules/wllama-2.3.1/esm/";
    const paths = Object.fromEntries(["single", "multi"].map((kind) => [`${kind}-thread/wllama.wasm`, `${esm}${kind}-thread/wllama.wasm`]));
    const wllama = new Wllama(paths, quiet);
    return {
      load: (file, threads) => wllama.loadModel([file], { n_ctx: CONTEXT, n_threads: threads }),
      write: ({ text }, nPredict, onNewToken) =>
        wllama.createCompletion(text, { nPredict, sampling: { temp: 0 }, onNewToken }),
    };
  },
  flare: async () => {
    const worker = new Worker("/race/flare.js", { type: "module" });
    const called = (message, on_token) =>
      new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => {
          if (data.error) reject(new Error(data.error));
          else if (data.done) resolve();
          else on_token(data.token);
        };
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(message);
      });
    return {
      load: (file) => called({ file }),
      write: ({ ids }, max_tokens, on_token) => called({ ids, max_tokens }, on_token),
      most_threads: 1, // the module of the package has no shared memory
    };
  },
};

const CONTEXT = 4096;
const quiet = { suppressNativeLog: true, logger: { debug() {}, log() {}, warn() {}, error() {} } };

async function nexttoken(variant) {
  const { WorkerGenerator } = await import("/pkg/index.js");
  let generator;
  return {
    load: async (file, threads) => {
      generator = await WorkerGenerator.load(file, { variant, threads });
    },
    write: async ({ text }, max_tokens, on_token) => {
      await generator.reset(); // nothing of the text before is to be reused
      await generator.start(text, { max_tokens, temperature: 0 });
      for await (const token of generator) on_token(token);
    },
  };
}

globalThis.race = async ({ system, model, prompt, warm_up, tokens, threads }) => {
  const { load, write, most_threads = threads } = await SYSTEMS[system]();
  const file = await (await fetch(model)).blob();
  let start = performance.now();
  await load(file, threads);
  const load_ms = performance.now() - start;
  // Engines compile what is hot while it runs, and ours learns what the processor does well.
  await write(warm_up, 48, () => {});

  const times = [];
  start = performance.now();
  await write(prompt, tokens, () => times.push(performance.now()));
  if (times.length < 2) throw new Error(`${system} wrote ${times.length} tokens`);
  return {
    load_ms,
    ttft_ms: times[0] - start,
    decode: ((times.length - 1) * 1000) / (times.at(-1) - times[0]),
    threads: globalThis.crossOriginIsolated ? Math.min(threads, most_threads) : 1,
  };
};
