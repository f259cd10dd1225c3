import init, { Generator } from "../../pkg/index.js";

const json_schema = {
  type: "object",
  properties: {
    animal: { enum: ["fox", "owl", "bear"] },
    age: { type: "integer", minimum: 1, maximum: 20 },
    friends: { type: "array", items: { enum: ["Ruby", "Max", "Lily"] }, minItems: 1, maxItems: 2 },
  },
  required: ["animal", "age", "friends"],
  additionalProperties: false,
  "x-guidance": { whitespace_flexible: false }, // no blanks between the tokens of JSON
};

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  // A storyteller knows no JSON, and would spell letters as escapes, which are valid too.
  const banned_tokens = generator.tokenize("\\");
  await generator.start("Once upon a time there was ", { json_schema, banned_tokens, seed: 1, max_tokens: 200 });
  for (const _ of generator);
  print(`${generator.text}\n\n`);
  print(`${generator.finish_reason}: ${JSON.stringify(JSON.parse(generator.text))}`);
  generator.free();
}
