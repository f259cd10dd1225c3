import { WorkerGenerator } from "../../pkg/index.js";

export default async function example(print) {
  // No init() here: the worker loads the engine itself.
  const generator = await WorkerGenerator.load(new URL("../../stories.gguf", import.meta.url), {
    onProgress: ({ loaded, total }) => print(`${loaded} of ${total} bytes\n`),
  });
  const { seed } = await generator.start("Once upon a time, there was a", { max_tokens: 60, stop: "." });
  print(`seed ${seed}: Once upon a time, there was a`);
  for await (const token of generator) print(token.text);
  generator.free(); // ends the worker
}
