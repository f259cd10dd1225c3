import init, { Generator } from "../../pkg/index.js";

const grammar = `
root   ::= animal " likes " thing (", " thing)? " and " thing "."
animal ::= "The fox" | "The owl" | "The bear"
thing  ::= ("red" | "blue" | "round") " " [a-z]{3,6} "s"
`;

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  for (const seed of [1, 2, 3]) {
    await generator.start("Once upon a time. ", { grammar, seed, max_tokens: 60 });
    for (const _ of generator);
    print(`${generator.text}\n`);
  }
  generator.free();
}
