// What our types promise beside those of the packages that they stand for. Compiled and never run.

import type OpenAI from "openai";
import type { LanguageModelV4, ProviderV4 } from "@ai-sdk/provider";
import { generateText } from "ai";
import { createNextToken } from "nexttoken/ai-sdk";
import { converse, type ConversationMessage, type Tool } from "nexttoken/conversation";
import type { Generator, WorkerGenerator } from "nexttoken";
import { loadModel } from "nexttoken/model";
import { defineLanguageModel } from "nexttoken/prompt-api";
import { OpenAIError, createOpenAI, type ChatCompletionParams, type CompletionParams } from "nexttoken/openai";

declare const generator: Generator;
declare const worker: WorkerGenerator;
declare const official: OpenAI;

export async function openai() {
  const client = createOpenAI(worker, { model: "storyteller", top_k: 1, chat_template: "…" });
  const messages: OpenAI.ChatCompletionUserMessageParam[] = [{ role: "user", content: "Hello" }];

  // Our answers are theirs, and so are our parameters but for those of the engine.
  const whole: OpenAI.ChatCompletion = await client.chat.completions.create({
    messages: [{ role: "user", content: "Hello" }],
    model: "storyteller",
    min_p: 0.1,
  });
  for await (const chunk of await client.chat.completions.create({ messages: [], stream: true })) {
    const theirs: OpenAI.ChatCompletionChunk = chunk;
    console.log(theirs.choices[0].delta.content, chunk.usage?.prompt_tokens_details.cached_tokens);
  }
  const text: OpenAI.Completion = await client.completions.create({ prompt: ["Once"], logprobs: 2, echo: true });
  const models: OpenAI.Model[] = (await client.models.list()).data;
  for await (const model of await client.models.list()) models.push(model);

  type Ours<Params, Theirs> = Pick<Params, keyof Params & keyof Theirs> & { model: string; stream: false };
  const chat = {} as Ours<ChatCompletionParams, OpenAI.ChatCompletionCreateParams>;
  const completion = {} as Ours<CompletionParams, OpenAI.CompletionCreateParams>;
  const accepted: [OpenAI.ChatCompletionCreateParams, OpenAI.CompletionCreateParams] = [chat, completion];

  // What theirs calls, ours takes, and the other way round.
  const called: OpenAI.ChatCompletionAssistantMessageParam = whole.choices[0].message;
  const tools: OpenAI.ChatCompletionFunctionTool[] = [{ type: "function", function: { name: "now" } }];
  const history = [{ role: "tool" as const, content: "noon", tool_call_id: "1" }];
  await client.chat.completions.create({ messages: history, tools, tool_choice: "required" });
  // @ts-expect-error The engine reads no images.
  client.chat.completions.create({ messages: [{ role: "user", content: [{ type: "image_url" }] }] });

  official.withOptions({ fetch: client.fetch });
  const error = new OpenAIError(400, "invalid_value", "no");
  console.log(whole, text, accepted, called, messages, error.status, error.toJSON().error.param);
}

export async function conversation() {
  const messages: ConversationMessage[] = [{ role: "user", content: "Rain?" }];
  const tools: Tool[] = [{ type: "function", function: { name: "now", parameters: { type: "object" } } }];
  for (const it of [generator, worker]) {
    const answer = await converse(it, messages, { tools, tool_choice: { name: "now" }, thinking: { limit: 99 } });
    for await (const { channel, text, tool_calls } of answer) console.log(channel, text, tool_calls?.[0].id);
    messages.push(await answer.complete(), { role: "tool", content: "noon", tool_call_id: "1" });
    console.log(answer.finish_reason === "tool_calls", answer.warnings.length, answer.message.reasoning_content);
  }
  // @ts-expect-error There is no such choice.
  await converse(generator, messages, { tool_choice: "any" });
}

export async function server() {
  const model = await loadModel("model.gguf", {
    context_length: 2048,
    worker: false,
    server: { baseURL: "http://localhost:8080/v1", model: "m", when: ({ parameters }) => parameters > 1e9 },
  });
  const client = createOpenAI(model);
  createOpenAI(generator);
  console.log(client.backend === "server" && client.reason, model.generator);
}

export async function aiSdk() {
  const provider = createNextToken(worker, { model: "storyteller", top_k: 1, chat_template: "…" });
  const model: LanguageModelV4 = provider("storyteller");
  const theirs: ProviderV4 = provider;
  const { text } = await generateText({ model: provider(), prompt: "Hello" });
  console.log(model.modelId, theirs.specificationVersion, text);
}

export async function promptApi() {
  const LanguageModel = defineLanguageModel("model.gguf", { languages: ["en"], context_length: 2048 });
  const session = await LanguageModel.create({
    initialPrompts: [{ role: "system", content: "You are a poet." }],
    monitor: (target) => target.addEventListener("downloadprogress", console.log),
  });
  const answer: string = await session.prompt("Hello", { responseConstraint: /yes|no/ });
  const reader: ReadableStreamDefaultReader<string> = session.promptStreaming([]).getReader();
  using copy = await session.clone();
  console.log(answer, reader, copy.contextUsage, await LanguageModel.availability(), LanguageModel.backend);
}
