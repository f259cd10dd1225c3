import init, { Generator } from "../../pkg/index.js";

// A model made for chats has its own template, and needs no option for it. The storyteller has none: it gets one that
// writes all messages as one text.
const chat_template = "{% for message in messages %}{{ message.content }}{% endfor %}";

export default async function example(print) {
  await init();
  const generator = await Generator.load(new URL("../../stories.gguf", import.meta.url));
  const options = { chat_template, temperature: 0, max_tokens: 40, stop: "." };
  const messages = [{ role: "user", content: "There was a little owl who" }];

  await generator.chat(messages, options);
  const answer = Array.from(generator, (token) => token.text).join("");
  print(`user: ${messages[0].content}\nassistant: ${answer}\n`);

  messages.push({ role: "assistant", content: answer }, { role: "user", content: ". One day, the owl" });
  await generator.chat(messages, options);
  print(`user: . One day, the owl\nassistant: ${Array.from(generator, (token) => token.text).join("")}\n`);
  print(`(${generator.timings().reused_tokens} tokens of the conversation did not have to be run again)`);
  generator.free();
}
