import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  const score = generator.score("Once upon a time, there lived a little fox named Ruby who sold spreadsheets.", {
    top: 1,
  });
  score.nll.forEach((nll, i) => {
    const expected = score.top_logprobs[i][0].text;
    print(
      `${JSON.stringify(score.texts[i + 1]).padEnd(12)} ${nll.toFixed(2).padStart(6)} nats, expected ${expected}\n`,
    );
  });
  print(`mean ${score.mean_nll.toFixed(3)}, perplexity ${score.perplexity.toFixed(1)}`);
  generator.free();
}
