import { WorkerGenerator } from "../../pkg/index.js";
import { createOpenAI } from "../../pkg/clients/openai.js";

export default async function example(print) {
  const generator = await WorkerGenerator.load(new URL("../../stories.gguf", import.meta.url));
  const client = createOpenAI(generator, { model: "storyteller" });
  const stream = await client.completions.create({
    model: "storyteller",
    prompt: "Once upon a time, there was a",
    max_tokens: 40,
    seed: 7,
    stream: true,
    stream_options: { include_usage: true },
  });
  for await (const { choices, usage } of stream) {
    if (choices.length > 0) print(choices[0].text);
    if (usage) print(`\n\n${usage.prompt_tokens} tokens read, ${usage.completion_tokens} written`);
  }
  generator.free();
}
