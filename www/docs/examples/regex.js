import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  await generator.start("The party begins at ", {
    regex: "(1[0-2]|[1-9]):[0-5][0-9] (am|pm)",
    seed: 1,
    max_tokens: 20,
  });
  for (const _ of generator);
  print(`The party begins at ${generator.text}`);
  generator.free();
}
