import init, { Generator } from "../../pkg/index.js";
import { WorkerTrainer } from "../../pkg/trainer.js";

export default async function example(print) {
  const text = await (await fetch(new URL("../../alice.txt", import.meta.url))).text();
  const trainer = await WorkerTrainer.create(text, { preset: "tiny", steps: 40 });
  const { uniform_loss, unigram_loss } = await trainer.info();
  print(`guessing: ${uniform_loss.toFixed(3)}, counting tokens: ${unigram_loss.toFixed(3)} nats per token\n`);
  for (let state; !state?.complete;) {
    state = await trainer.step();
    if (state.step % 10 === 0) print(`step ${state.step}: ${state.loss.toFixed(3)}\n`);
  }
  const model = await trainer.to_gguf(); // a Uint8Array, which other programs load too
  trainer.free();

  await init();
  const generator = await Generator.load(model);
  generator.start("Alice", { seed: 1, max_tokens: 40 });
  print("\nAlice");
  for (const token of generator) print(token.text);
  generator.free();
}
