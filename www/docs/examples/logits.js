import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time, there lived a");
  // The loop with a sampler of one's own: here the likeliest token, and every eighth time the next best.
  for (let step = 1; step <= 32; step += 1) {
    if (!generator.peek({ top: 0 })) break;
    const logits = Array.from(generator.logits()); // a copy: the view is valid until the next call
    const best = logits.map((logit, id) => ({ logit, id })).sort((a, b) => b.logit - a.logit);
    print(generator.accept(best[step % 8 === 0 ? 1 : 0].id).text);
  }
  generator.free();
}
