import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const url = new URL("../../stories.gguf", import.meta.url);
  const generator = await Generator.load(url, { context_length: 128 });
  generator.start("Once upon a time", { context_shift: true, n_keep: 4, seed: 3, max_tokens: 200 });
  for (const _ of generator);
  print(`${generator.text}\n\n`);
  print(`${generator.ids.length} tokens, of which ${generator.context_used} are in the context of 128.`);
  generator.free();
}
