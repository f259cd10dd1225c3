import init, { Generator } from "../../pkg/index.js";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  generator.start("In a small village", { seed: 8, max_tokens: 40 });
  for (let i = 0; i < 10; i += 1) generator.next_token();
  const blob = generator.snapshot(); // to be kept in IndexedDB, say
  print(`${blob.size} bytes after "${generator.text}"\n`);

  for (const _ of generator);
  const text = generator.text;
  await generator.restore(blob);
  for (const _ of generator);
  print(`${generator.text}\n`);
  print(generator.text === text ? "The same text again." : "Another text.");
  generator.free();
}
