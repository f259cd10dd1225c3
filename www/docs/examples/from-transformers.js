import { WorkerGenerator } from "../../pkg/index.js";

const json_schema = {
  type: "object",
  properties: { animal: { enum: ["fox", "owl", "bear"] }, age: { type: "integer", minimum: 1, maximum: 20 } },
  required: ["animal", "age"],
  additionalProperties: false,
};

export default async function example(print) {
  const generator = await WorkerGenerator.load(new URL("../../stories.gguf", import.meta.url));
  await generator.start("Once upon a time there was ", { json_schema, seed: 1, max_tokens: 100 });
  for await (const token of generator) print(token.text);
  generator.free();
}
