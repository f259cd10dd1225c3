import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  const prompt = "Once upon a time, there lived a little";
  const write = (options) => {
    generator.start(prompt, { temperature: 0, max_tokens: 12, ...options });
    for (const _ of generator);
    print(`${prompt}${generator.text}\n`);
  };
  write();
  const [first] = generator.ids;
  print(`\nwithout the token ${first}:\n`);
  write({ logit_bias: { [first]: false } });
  generator.free();
}
