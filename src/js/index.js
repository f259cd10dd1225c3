// Text generation in a browser tab, one token at a time.

import init, { Generator } from "./engine.js";
import { NextTokenError } from "./errors.js";
import { withStore } from "./store-option.js";
import { WorkerGenerator } from "./worker-generator.js";

Generator.load = withStore(Generator.load);
WorkerGenerator.load = withStore(WorkerGenerator.load);

export { Generator, NextTokenError, WorkerGenerator, init as default };
