// Text encoders in a tab: a module of its own, loaded only by those who import this file.
//
//     import { WorkerEncoder } from "nexttoken/encoder";
//     const encoder = await WorkerEncoder.load("all-MiniLM-L6-v2-Q8_0.gguf");
//     const [one, other] = await encoder.embed(["A man is eating food.", "Someone eats a meal."]);
//     const cosine = one.reduce((sum, x, i) => sum + x * other[i], 0);

import init, { Encoder } from "./encoder-module.js";
import { withStore } from "./store-option.js";
import { WorkerEncoder } from "./worker-encoder.js";

Encoder.load = withStore(Encoder.load);
WorkerEncoder.load = withStore(WorkerEncoder.load);

export { Encoder, WorkerEncoder, init as default };
