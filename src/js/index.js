// Text generation in a browser tab, one token at a time.

import { withNames } from "./catalogue-option.js";
import init, { Generator } from "./engine.js";
import { NextTokenError } from "./errors.js";
import { withStore } from "./store-option.js";
import { WorkerGenerator } from "./worker-generator.js";

Generator.load = withStore(Generator.load);
WorkerGenerator.load = withStore(WorkerGenerator.load);
Generator.inspect = withNames(Generator.inspect);
WorkerGenerator.inspect = withNames(WorkerGenerator.inspect);
for (const { prototype } of [Generator, WorkerGenerator]) prototype.load_draft = withNames(prototype.load_draft);

export { Generator, NextTokenError, WorkerGenerator, init as default };
