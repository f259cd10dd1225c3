import init, { Generator } from "../../pkg/index.js";
import { WorkerFinetuner } from "../../pkg/trainer.js";

export default async function example(print) {
  const model = new URL("../../stories.gguf", import.meta.url);
  const text = "The robot counted the stars. Beep! Then it slept. ".repeat(20);
  const tuner = await WorkerFinetuner.load(model, text, { steps: 20, context_length: 64, learning_rate: 0.01 });
  const { base_loss } = await tuner.info();
  print(`held-out loss of the model as it is: ${base_loss.toFixed(3)} nats per token\n`);
  for (let state; !state?.complete;) {
    state = await tuner.step();
    if (state.validation) print(`step ${state.step}: ${state.validation.loss.toFixed(3)}\n`);
  }
  const adapter = await tuner.to_gguf(); // a Uint8Array, which llama.cpp loads too
  tuner.free();

  await init();
  const generator = await Generator.load(model);
  await generator.load_adapter(adapter, { name: "robot" });
  for (const robot of [0, 1]) {
    generator.start("The robot", { temperature: 0, max_tokens: 16, adapters: { robot } });
    print(`\nadapter × ${robot}: The robot`);
    for (const token of generator) print(token.text);
  }
  generator.free();
}
