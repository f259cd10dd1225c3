import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  for (const seed of [1, 2, 1]) {
    generator.start("Once upon a time, there lived", { seed, max_tokens: 12 });
    for (const _ of generator); // runs to the end
    print(`seed ${seed}: Once upon a time, there lived${generator.text}\n`);
  }
  generator.free();
}
