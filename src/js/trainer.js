// Training in a tab: a module of its own, loaded only by those who import this file.
//
//     import init, { Trainer } from "nexttoken/trainer";
//     await init();
//     const trainer = new Trainer(text, { preset: "small" });
//     while (!trainer.step().complete);
//     const generator = await Generator.load(trainer.to_gguf());

export { readConversations } from "./examples.js";
export { Finetuner } from "./finetuner.js";
export { default, Trainer } from "./trainer-module.js";
export { WorkerFinetuner } from "./worker-finetuner.js";
export { WorkerTrainer } from "./worker-trainer.js";
