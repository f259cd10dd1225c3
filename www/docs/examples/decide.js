import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  const { best, choices } = generator.decide("Once upon a time, there lived a little ", {
    choices: ["fox", "rabbit", "girl named Lily", "spreadsheet"],
  });
  for (const { text, probability } of choices) print(`${(100 * probability).toFixed(2).padStart(6)} %  ${text}\n`);
  print(`best: ${best}`);
  generator.free();
}
