import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("Once upon a time", { temperature: 0.8, top_k: 40, top_p: 0.95, seed: 42, max_tokens: 80 });
  print("Once upon a time");
  for (let token; (token = generator.next_token());) print(token.text);
  print(`\n\nThe text ended by "${generator.finish_reason}".`);
  generator.free();
}
