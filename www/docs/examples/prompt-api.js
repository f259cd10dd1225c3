import { defineLanguageModel } from "../../pkg/clients/prompt-api.js";

// A storyteller has no template of its own: messages are joined as they are.
const chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}";

export default async function example(print) {
  const url = new URL("../../stories.gguf", import.meta.url);
  const LanguageModel = defineLanguageModel(url, { chat_template });
  print(`${await LanguageModel.availability()}\n`);
  const session = await LanguageModel.create();
  const responseConstraint = /[^.]{10,100}\./;
  // By a reader, because a stream is no async iterator in Safari.
  const reader = session.promptStreaming("Once upon a time, there was a", { responseConstraint }).getReader();
  for (let part; !(part = await reader.read()).done; ) print(part.value);
  print(`\n\n${session.contextUsage} of ${session.contextWindow} tokens are used`);
  session.destroy();
}
