import { WorkerEncoder } from "../../pkg/encoder.js";

export default async function example(print) {
  // Tiny, and of random weights: it knows words, not what they mean. A real one is all-MiniLM-L6-v2.
  const encoder = await WorkerEncoder.load(new URL("encoder.gguf", import.meta.url));
  const texts = ["A man is eating food.", "A man is eating bread.", "The girl is carrying a baby."];
  const [first, ...others] = await encoder.embed(texts);
  others.forEach((other, at) => {
    const cosine = first.reduce((sum, x, i) => sum + x * other[i], 0);
    print(`${cosine.toFixed(3)}  ${texts[at + 1]}\n`);
  });
  const { dimensions, context_length } = await encoder.info();
  print(`${dimensions} numbers for a text of up to ${context_length} tokens`);
  encoder.free();
}
