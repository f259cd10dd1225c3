// Flare off the page's thread: its package has no worker that computes.
//
// As its documentation says, the model is loaded from all its bytes, and their quantised weights are computed with besides.

import init, { FlareEngine } from "/race/node_modules/@sauravpanda/flare/pkg/flare_web.js";

let engine;

const calls = {
  async load(file) {
    await init();
    const bytes = new Uint8Array(await file.arrayBuffer());
    engine = FlareEngine.load(bytes);
    if (!engine.load_raw_weights(bytes)) throw new Error("flare computes with other weights than the file's");
  },
  write({ ids, max_tokens }) {
    engine.reset();
    // Greedy. This way of beginning does not read the last token of the prompt twice.
    engine.begin_stream_healed(Uint32Array.from(ids), max_tokens);
    for (let id; (id = engine.next_token()) !== undefined; ) postMessage({ token: id });
  },
};

onmessage = async ({ data: { call, argument } }) => {
  try {
    await calls[call](argument);
    postMessage({ done: true });
  } catch (error) {
    postMessage({ error: String(error) });
  }
};
