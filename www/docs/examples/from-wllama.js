import { WorkerGenerator } from "../../pkg/index.js";

// The storyteller is made for no chats. A model that is has its own template.
const chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}";

export default async function example(print) {
  const url = new URL("../../stories.gguf", import.meta.url);
  const onProgress = ({ loaded, total }) => loaded === total && print(`${total} bytes\n`);
  const messages = [{ role: "user", content: "There was a little owl who" }];

  const generator = await WorkerGenerator.load(url, { onProgress });
  await generator.chat(messages, { max_tokens: 50, temperature: 0.5, top_k: 40, top_p: 0.9, chat_template });
  for await (const token of generator) print(token.text);
  generator.free();
}
