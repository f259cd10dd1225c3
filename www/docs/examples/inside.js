import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time, there was a");

  const { layers, attention, hidden, candidates } = generator.peek({
    top: 3,
    layers: true,
    attention: true,
    hidden: true,
  });
  for (const [layer, guesses] of layers.entries())
    print(`after layer ${layer + 1}:${guesses.map(({ text }) => text)}\n`);

  // The first head of the last layer: a weight for each token so far, the last of them its own.
  const positions = generator.context_used;
  const weights = [...attention.at(-1).subarray(0, positions)];
  print(`attention: ${weights.map((weight) => `${Math.round(100 * weight)} %`).join(", ")}\n`);

  // A logit is the dot product of the hidden state and the token's row of the head, but for rounding.
  const row = generator.head_row(candidates[0].id);
  const product = row.reduce((sum, weight, i) => sum + weight * hidden[i], 0);
  print(`logit ${candidates[0].logit.toFixed(2)}, product ${product.toFixed(2)}`);
  generator.free();
}
