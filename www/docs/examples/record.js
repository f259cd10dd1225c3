import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time, there lived a little", { seed: 4, max_tokens: 3, record: { top: 3 } });
  for (const { text, record } of generator) {
    const { rank, surprisal } = record.chosen;
    print(
      `${JSON.stringify(text)}: rank ${rank}, surprisal ${surprisal.toFixed(2)} of ${record.entropy.toFixed(2)} nats\n`,
    );
    for (const { name, kept, removed_probability } of record.stages) {
      print(`  ${name}: ${kept} tokens left, ${(100 * removed_probability).toFixed(1)} % cut\n`);
    }
  }
  generator.free();
}
