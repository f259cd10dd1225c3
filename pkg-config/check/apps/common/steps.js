// What every environment does with the package: steps written as a user would write them.

import init, { Generator, WorkerGenerator } from "nexttoken";
import { Encoder, WorkerEncoder } from "nexttoken/encoder";
import { store } from "nexttoken/store";
import initTrainer, { Trainer, WorkerTrainer } from "nexttoken/trainer";

const PROMPT = "Once upon a time";
const WRITING = { seed: 7, max_tokens: 20 };
const MESSAGES = [{ role: "user", content: "Tell me of the owl." }];
const CHAT = { ...WRITING, chat_template: "{% for message in messages %}{{ message.content }}{% endfor %} The owl" };
const CONSTRAINED = { ...WRITING, regex: " there (was|were) [a-z ]+\\." };
const CORPUS = "The owl saw the fox run to the river, and they played until night. ".repeat(40);
const TRAINING = { preset: "tiny", context_length: 32, steps: 60, seed: 1 };

/**
 * The steps in their order: each gives the text that it wrote. `model` and `encoder` are addresses, or files' bytes;
 * `stored` is the address of the model.
 */
function steps({ model, encoder, stored }) {
  let generator, inWorker;
  return {
    text: async () => {
      await init();
      await findName();
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
    encoder: async () => vectorOf(await Encoder.load(encoder)),
    store: () => fromStore(Generator, stored),
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
    "encoder, worker": async () => vectorOf(await WorkerEncoder.load(encoder)),
    "store, worker": () => fromStore(WorkerGenerator, stored),
  };
}

/**
 * A model by name, whose list is fetched; the load is called off before it asks for the model. A service worker would have
 * to import the list.
 */
async function findName() {
  const expected = "ServiceWorkerGlobalScope" in globalThis ? "invalid_option" : "aborted";
  const code = await Generator.load("smollm2-135m", { signal: AbortSignal.abort() }).catch(({ code }) => code);
  if (code !== expected) throw new Error(`a model by name: ${code}`);
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

async function vectorOf(encoder) {
  const [vector] = await encoder.embed(["The owl saw the fox."]);
  encoder.free();
  return vector.subarray(0, 4).join(" ");
}

async function fromStore(Kind, address) {
  await store.clear();
  const generator = await Kind.load(address, { store: true });
  await generator.start(PROMPT, WRITING);
  const text = await written(generator);
  generator.free();
  if (!(await store.has(address))) throw new Error("the model is not kept");
  return text;
}

/** Takes all steps, or those whose names `only` fits; one that fails or does not end gives its error. */
export async function takeSteps(files, only = /./) {
  const outcome = {};
  for (const [name, step] of Object.entries(steps(files))) {
    if (!only.test(name)) continue;
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
