// Training in a tab: a module of its own, loaded only by those who import this file.
//
//     import init, { Trainer } from "nexttoken/trainer";
//     await init();
//     const trainer = new Trainer(text, { preset: "small" });
//     while (!trainer.step().complete);
//     const generator = await Generator.load(trainer.to_gguf());

import { withNames } from "./catalogue-option.js";
import { Finetuner } from "./finetuner.js";
import { WorkerFinetuner } from "./worker-finetuner.js";

Finetuner.load = withNames(Finetuner.load);
WorkerFinetuner.load = withNames(WorkerFinetuner.load);

export { readConversations } from "./examples.js";
export { default, Trainer } from "./trainer-module.js";
export { WorkerTrainer } from "./worker-trainer.js";
export { Finetuner, WorkerFinetuner };
