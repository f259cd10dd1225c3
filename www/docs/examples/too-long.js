import { NextTokenError, WorkerGenerator } from "../../pkg/index.js";

export default async function example(print) {
  const generator = await WorkerGenerator.load(new URL("../../stories.gguf", import.meta.url));
  let prompt = "The fox met the owl by the river, and they played. ".repeat(100);
  for (let begun = false; !begun;) {
    try {
      await generator.start(prompt, { max_tokens: 30 });
      begun = true;
    } catch (error) {
      if (!(error instanceof NextTokenError && error.code === "prompt_too_long")) throw error;
      print(`${error.message}\n`);
      prompt = prompt.slice(Math.ceil(prompt.length / 2));
    }
  }
  print(`${prompt.length} characters are read, and it goes on: `);
  for await (const token of generator) print(token.text);
  generator.free();
}
