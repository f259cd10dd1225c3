import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time, there lived a little fox", { temperature: 0, max_tokens: 4, top_logprobs: 3 });
  for (const token of generator) {
    const others = token.top_logprobs.map(({ text, logprob }) => `${text} ${Math.exp(logprob).toFixed(3)}`);
    print(`${JSON.stringify(token.text)}, of ${others.join(", ")}\n`);
  }
  generator.free();
}
