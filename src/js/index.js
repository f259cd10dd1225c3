// Text generation in a browser tab, one token at a time.

export { default, Generator } from "./engine.js";
export { WorkerGenerator } from "./worker-generator.js";
