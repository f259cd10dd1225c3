import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time", { seed: 5, max_tokens: 40, stop: "." });
  for (let i = 0; i < 8; i += 1) generator.next_token();
  print(`Once upon a time${generator.text}\n`);

  const branch = generator.fork(); // shares the weights, and has a context of its own
  branch.configure({ temperature: 1.5, top_k: 0, min_p: 0, seed: 11 });
  for (const one of [generator, branch]) {
    const start = one.text.length;
    for (const _ of one);
    print(`  …${one.text.slice(start)}\n`);
    one.free();
  }
}
