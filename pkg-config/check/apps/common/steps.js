// What every environment does with the package: eight steps, written as a user would write them.

import init, { Generator, WorkerGenerator } from "nexttoken";
import initTrainer, { Trainer, WorkerTrainer } from "nexttoken/trainer";

const PROMPT = "Once upon a time";
const WRITING = { seed: 7, max_tokens: 20 };
const MESSAGES = [{ role: "user", content: "Tell me of the owl." }];
const CHAT = { ...WRITING, chat_template: "{% for message in messages %}{{ message.content }}{% endfor %} The owl" };
const CONSTRAINED = { ...WRITING, regex: " there (was|were) [a-z ]+\\." };
const CORPUS = "The owl saw the fox run to the river, and they played until night. ".repeat(40);
const TRAINING = { preset: "tiny", context_length: 32, steps: 60, seed: 1 };

/** The steps in their order: each gives the text that it wrote. `model` is an address, or a file's bytes. */
export function steps(model) {
  let generator, inWorker;
  return {
    text: async () => {
      await init();
      generator = await Generator.load(model);
      generator.start(PROMPT, WRITING);
      return written(generator);
    },
    chat: async () => {
      await generator.chat(MESSAGES, CHAT);
      return written(generator);
    },
    constraint: async () => {
      await generator.start(PROMPT, CONSTRAINED);
      return written(generator);
    },
    trainer: async () => {
      await initTrainer();
      return losses(new Trainer(CORPUS, TRAINING));
    },
    "text, worker": async () => {
      inWorker = await WorkerGenerator.load(model);
      await inWorker.start(PROMPT, WRITING);
      return written(inWorker);
    },
    "chat, worker": async () => {
      await inWorker.chat(MESSAGES, CHAT);
      return written(inWorker);
    },
    "constraint, worker": async () => {
      await inWorker.start(PROMPT, CONSTRAINED);
      return written(inWorker);
    },
    "trainer, worker": async () => {
      inWorker.free();
      return losses(await WorkerTrainer.create(CORPUS, TRAINING));
    },
  };
}

async function written(generator) {
  let text = "";
  for await (const token of generator) text += token.text;
  return text;
}

async function losses(trainer) {
  const losses = [];
  for (let i = 0; i < 3; i++) losses.push((await trainer.step()).loss);
  await trainer.free();
  return losses.join(" ");
}

/** Takes all steps; one that fails or does not end gives its error. */
export async function takeSteps(model) {
  const outcome = {};
  for (const [name, step] of Object.entries(steps(model))) {
    let timer;
    const late = new Promise((_, reject) => (timer = setTimeout(reject, 60_000, new Error("it does not end"))));
    try {
      outcome[name] = { text: await Promise.race([step(), late]) };
    } catch (error) {
      outcome[name] = { error: `${error?.code ?? error?.name}: ${error?.message}` };
    }
    clearTimeout(timer);
  }
  return outcome;
}
