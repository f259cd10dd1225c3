import type { WorkerGenerator } from "../index.js";
import type { ConversationOptions } from "../conversation.js";
import type { ChatOptions, Generator } from "../nexttoken.js";
import type { ClientModel } from "./model.js";

type Warning = { type: "unsupported"; feature: string; details: string };

interface Ending {
  finishReason: { unified: "stop" | "length" | "tool-calls" | "other"; raw: string | undefined };
  usage: {
    inputTokens: {
      total: number | undefined;
      noCache: number | undefined;
      cacheRead: number | undefined;
      cacheWrite: undefined;
    };
    outputTokens: { total: number | undefined; text: number | undefined; reasoning: undefined };
  };
  /** Who answered: the engine in this tab, or a server and why. */
  providerMetadata: { nexttoken: { backend: "browser" | "server"; reason?: string } };
}

type Content =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  | { type: "tool-call"; toolCallId: string; toolName: string; input: string };

type StreamPart =
  | { type: "stream-start"; warnings: Warning[] }
  | { type: "response-metadata"; id: string; timestamp: Date; modelId: string }
  | { type: "text-start"; id: string }
  | { type: "text-delta"; id: string; delta: string }
  | { type: "text-end"; id: string }
  | { type: "reasoning-start"; id: string }
  | { type: "reasoning-delta"; id: string; delta: string }
  | { type: "reasoning-end"; id: string }
  | { type: "tool-input-start"; id: string; toolName: string }
  | { type: "tool-input-delta"; id: string; delta: string }
  | { type: "tool-input-end"; id: string }
  | { type: "tool-call"; toolCallId: string; toolName: string; input: string }
  | { type: "raw"; rawValue: unknown }
  | ({ type: "finish" } & Ending);

/**
 * A `LanguageModelV4` of `@ai-sdk/provider`. Settings that the engine does not have become warnings; a part of a prompt
 * that it cannot read is an error. Calls keep to the schemas of their tools as far as `converse` of
 * `nexttoken/conversation` says. The engine's own options are taken from `providerOptions: { nexttoken: { … } }`.
 */
export interface NextTokenLanguageModel {
  readonly specificationVersion: "v4";
  readonly provider: string;
  readonly modelId: string;
  readonly supportedUrls: Record<string, RegExp[]>;
  /** The options are a `LanguageModelV4CallOptions`. */
  doGenerate(options: any): Promise<
    Ending & {
      content: Content[];
      response: { id: string; timestamp: Date; modelId: string };
      warnings: Warning[];
    }
  >;
  doStream(options: any): Promise<{ stream: ReadableStream<StreamPart> }>;
}

/** A `ProviderV4` of `@ai-sdk/provider`, with one language model. */
export interface NextTokenProvider {
  (modelId?: string): NextTokenLanguageModel;
  readonly specificationVersion: "v4";
  languageModel(modelId?: string): NextTokenLanguageModel;
  /** Throws: there is none yet. */
  embeddingModel(modelId: string): never;
  /** Throws: there is none. */
  imageModel(modelId: string): never;
}

/** Options of the engine, for calls that do not say otherwise, and the model's name. */
export interface NextTokenOptions extends ChatOptions, Pick<ConversationOptions, "thinking" | "parallel_tool_calls"> {
  /** What calls may name the model: "nexttoken" unless set. */
  model?: string;
}

/** A provider for the AI SDK: `generateText({ model: createNextToken(generator)(), prompt: "…" })`. */
export function createNextToken(
  model: Generator | WorkerGenerator | ClientModel,
  options?: NextTokenOptions,
): NextTokenProvider;
