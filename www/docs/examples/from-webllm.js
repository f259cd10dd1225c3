import { WorkerGenerator } from "../../pkg/index.js";
import { createOpenAI } from "../../pkg/clients/openai.js";

// The storyteller is made for no chats. A model that is has its own template.
const chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}";

export default async function example(print) {
  const url = new URL("../../stories.gguf", import.meta.url);
  const messages = [{ role: "user", content: "There was a little owl who" }];

  const generator = await WorkerGenerator.load(url);
  const engine = createOpenAI(generator, { chat_template });
  const chunks = await engine.chat.completions.create({ messages, temperature: 1, max_tokens: 50, stream: true });
  for await (const chunk of chunks) print(chunk.choices[0]?.delta.content ?? "");
  generator.free();
}
