import type { WorkerGenerator } from "../index.js";
import type { ChatOptions, GenerateOptions, Generator } from "../nexttoken.js";
import type { ClientModel } from "./model.js";

/** Options of the engine that OpenAI's interface does not have. */
export type EngineOptions = Omit<GenerateOptions, keyof CommonParams | "record" | "logprobs" | "top_logprobs">;
/** Those of the chat template. */
export type TemplateOptions = Omit<ChatOptions, keyof GenerateOptions>;

/** Null counts as absent. */
export interface CommonParams {
  /** The name of the model; another than the client's is an error. */
  model?: string;
  temperature?: number | null;
  top_p?: number | null;
  max_tokens?: number | null;
  /** Texts to write; they begin with the same prompt. */
  n?: number | null;
  seed?: number | null;
  stop?: string | string[] | null;
  frequency_penalty?: number | null;
  presence_penalty?: number | null;
  /** From -100, which bans a token, to 100; by the id of the token. */
  logit_bias?: Record<string, number> | null;
  stream?: boolean | null;
  stream_options?: { include_usage?: boolean; include_obfuscation?: boolean } | null;
  user?: string;
}

type TextContent = string | { type: "text"; text: string }[];

/** A call of a tool; its arguments are JSON. */
export interface ToolCallParam {
  id: string;
  type: "function";
  function: { name: string; arguments: string };
}

export type ChatMessageParam =
  /** A "developer" is told to the model as "system". */
  | { role: "system" | "developer" | "user"; content: TextContent }
  | {
      role: "assistant";
      content?: TextContent | null;
      /** What the model thought; the template says whether it is shown it again. */
      reasoning_content?: string | null;
      tool_calls?: ToolCallParam[];
    }
  /** What a tool gave. */
  | { role: "tool"; content: TextContent; tool_call_id: string };

export interface ToolParam {
  type: "function";
  function: {
    name: string;
    description?: string;
    parameters?: Record<string, unknown>;
    /** Calls keep to the schema whether it is set or not, as far as `converse` of `nexttoken/conversation` says. */
    strict?: boolean | null;
  };
}

export type ToolChoiceParam = "none" | "auto" | "required" | { type: "function"; function: { name: string } };

export type ResponseFormat =
  | { type: "text" }
  | { type: "json_object" }
  | {
      type: "json_schema";
      json_schema: {
        name: string;
        description?: string;
        schema?: Record<string, unknown>;
        /** The text always keeps to the schema. */
        strict?: boolean | null;
      };
    };

export interface ChatCompletionParams extends CommonParams, EngineOptions, TemplateOptions {
  messages: ChatMessageParam[];
  max_completion_tokens?: number | null;
  logprobs?: boolean | null;
  /** 0 to 20, with `logprobs`. */
  top_logprobs?: number | null;
  response_format?: ResponseFormat;
  tools?: ToolParam[];
  tool_choice?: ToolChoiceParam;
  parallel_tool_calls?: boolean;
  /** Not OpenAI's: the most tokens that the model thinks. */
  thinking?: { limit?: number };
}

export interface CompletionParams extends CommonParams, EngineOptions {
  prompt: string | string[];
  /** 16 unless set, as there. */
  max_tokens?: number | null;
  /** Probabilities are told, of so many tokens each: 0 to 5. */
  logprobs?: number | null;
  /** Whether the text begins with the prompt. */
  echo?: boolean | null;
}

export interface Usage {
  prompt_tokens: number;
  completion_tokens: number;
  total_tokens: number;
  prompt_tokens_details: {
    /** Tokens that need not be run, because the text before began with them too. */
    cached_tokens: number;
  };
}

export interface TokenLogprob {
  token: string;
  bytes: number[];
  /** Under the model's own distribution. */
  logprob: number;
}
export interface ChatLogprobs {
  content: (TokenLogprob & { top_logprobs: TokenLogprob[] })[];
  refusal: null;
}
export interface CompletionLogprobs {
  tokens: string[];
  token_logprobs: number[];
  top_logprobs: Record<string, number>[];
  text_offset: number[];
}

type FinishReason = "stop" | "length";
type ChatFinishReason = FinishReason | "tool_calls";
interface Head {
  id: string;
  created: number;
  model: string;
  system_fingerprint: string;
}

export interface ChatCompletion extends Head {
  object: "chat.completion";
  choices: {
    index: number;
    message: {
      role: "assistant";
      /** Null where there are calls alone. */
      content: string | null;
      refusal: null;
      /** What the model thought. */
      reasoning_content?: string;
      tool_calls?: ToolCallParam[];
    };
    logprobs: ChatLogprobs | null;
    finish_reason: ChatFinishReason;
  }[];
  usage: Usage;
}

export interface ChatCompletionChunk extends Head {
  object: "chat.completion.chunk";
  choices: {
    index: number;
    delta: {
      role?: "assistant";
      content?: string;
      reasoning_content?: string;
      /** Each call comes whole. */
      tool_calls?: (ToolCallParam & { index: number })[];
    };
    logprobs: ChatLogprobs | null;
    finish_reason: ChatFinishReason | null;
  }[];
  /** In the last chunk, where `include_usage` asks for it. */
  usage?: Usage | null;
}

export interface Completion extends Head {
  object: "text_completion";
  choices: { index: number; text: string; logprobs: CompletionLogprobs | null; finish_reason: FinishReason }[];
  usage?: Usage;
}
/** As a stream has them; the reason is null up to the last one of a choice. */
export type CompletionChunk = Completion;

export interface Model {
  id: string;
  object: "model";
  created: number;
  owned_by: string;
}

/** The chunks of an answer. Leaving the loop stops the engine, and so does aborting the controller. */
export interface Stream<Item> extends AsyncIterable<Item> {
  controller: AbortController;
}

export interface RequestOptions {
  signal?: AbortSignal;
}

interface Create<Params, Whole, Chunk> {
  (params: Params & { stream: true }, options?: RequestOptions): Promise<Stream<Chunk>>;
  (params: Params & { stream?: false | null }, options?: RequestOptions): Promise<Whole>;
  (params: Params, options?: RequestOptions): Promise<Whole | Stream<Chunk>>;
}

export interface EmbeddingParams {
  model?: string;
  input: string | string[];
  /** The official client, on `fetch`, also gets "base64". */
  encoding_format?: "float" | null;
  user?: string;
}

/** Vectors of the length 1, pooled as the model's file says: see `Generator.embed`. */
export interface Embeddings {
  object: "list";
  data: { object: "embedding"; index: number; embedding: number[] }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}

export interface OpenAIClient {
  readonly chat: {
    readonly completions: { readonly create: Create<ChatCompletionParams, ChatCompletion, ChatCompletionChunk> };
  };
  readonly completions: { readonly create: Create<CompletionParams, Completion, CompletionChunk> };
  readonly models: {
    list(): Promise<{ object: "list"; data: Model[] } & AsyncIterable<Model>>;
    retrieve(name: string): Promise<Model>;
  };
  readonly embeddings: { create(params: EmbeddingParams, options?: { signal?: AbortSignal }): Promise<Embeddings> };
  /**
   * Answers a request as a server would, for the option `fetch` of the official client or in a service worker. The path
   * is what counts of its address; a response's header `x-nexttoken-backend` says who answers.
   */
  readonly fetch: (resource: string | URL | Request, init?: RequestInit) => Promise<Response>;
  /** Who answers: the engine in this tab, or a server. */
  readonly backend: ClientModel["backend"];
  /** Why a server answers, in a sentence. */
  readonly reason: string | undefined;
}

/** Options of the engine, for requests that do not say otherwise, and the model's name. */
export interface OpenAIOptions extends Omit<ChatOptions, "record" | "logprobs" | "top_logprobs"> {
  /** What requests call the model: the name in its file unless set. */
  model?: string;
}

/**
 * OpenAI's interface over a model. Requests at once are answered one after another. What a request leaves open is as in
 * the options of `Generator`, not as at OpenAI; a server gets requests as they are, with the name of its own model.
 */
export function createOpenAI(model: Generator | WorkerGenerator | ClientModel, options?: OpenAIOptions): OpenAIClient;

/** An error as OpenAI has it; as JSON it is `{ error: { message, type, param, code } }`. */
export class OpenAIError extends Error {
  constructor(status: number, code: string, message: string, param?: string | null, cause?: unknown);
  name: "OpenAIError";
  /** That of an HTTP response. */
  status: number;
  /** "unsupported_parameter", "invalid_value", "model_not_found", …, or the code of the engine's error. */
  code: string;
  /** The class of the error: "invalid_request_error", "server_error", … */
  type: string;
  /** The parameter at fault, where one is. */
  param: string | null;
  /** The error behind it, where there is one. */
  cause?: unknown;
  /** The error as the body of a response has it. */
  toJSON(): { error: { message: string; type: string; param: string | null; code: string } };
}
