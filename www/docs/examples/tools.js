import { WorkerGenerator } from "../../pkg/index.js";
import { converse } from "../../pkg/conversation.js";

export default async function example(print) {
  const generator = await WorkerGenerator.load(new URL("../../stories.gguf", import.meta.url));
  // The storyteller has no template, and has never heard of tools. Its call is right all the same. The comment in the
  // template has the names by which one with tools is known: in any other, tools and calls are told in words.
  const chat_template = "{# tools tool_calls #}{% for m in messages %}{{ m.content }} {% endfor %}";
  const parameters = {
    type: "object",
    properties: { animal: { enum: ["fox", "bird", "goose"] }, legs: { type: "integer", minimum: 2, maximum: 4 } },
    required: ["animal", "legs"],
    additionalProperties: false,
  };
  const draw = { type: "function", function: { name: "draw", description: "Draws an animal.", parameters } };
  const options = { tools: [draw], chat_template, seed: 7 };
  const messages = [{ role: "user", content: "Once upon a time, there was a" }];

  const call = await converse(generator, messages, { ...options, tool_choice: "required", parallel_tool_calls: false });
  for await (const { channel, text } of call) print(channel === "call" ? text : "");
  messages.push(call.message);
  for (const { id, function: called } of call.message.tool_calls) {
    print(`\n→ ${called.name}(${JSON.stringify(called.arguments)})\n`);
    messages.push({ role: "tool", tool_call_id: id, content: `a drawing of a ${called.arguments.animal} that` });
  }
  const answer = await converse(generator, messages, { ...options, tool_choice: "none", max_tokens: 60 });
  for await (const { text } of answer) print(text);
  generator.free();
}
