import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  const texts = [
    "The little fox found a shiny red ball.",
    "A small rabbit found a round blue ball.",
    "It was dark, and the rain did not stop all night.",
  ];
  const [first, ...others] = generator.embed(texts, { pooling: "mean" });
  others.forEach((other, at) => {
    const cosine = first.reduce((sum, x, i) => sum + x * other[i], 0);
    print(`${cosine.toFixed(3)}  ${texts[at + 1]}\n`);
  });
  generator.free();
}
