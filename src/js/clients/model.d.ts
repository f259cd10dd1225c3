import type { InitOptions } from "../index.js";
import type { WorkerGenerator } from "../index.js";
import type { ConversationMessage, ConversationOptions, ConversationToken } from "../conversation.js";
import type { ChatMessage, ChatOptions, Generator, Inspection, LoadOptions, ModelSource } from "../nexttoken.js";

/** What a client asks of a model: the answer to a conversation, or the continuation of a text. */
export interface Request {
  messages?: ConversationMessage[];
  /**
   * With it the answer comes in channels: thinking, text and calls of tools, as in `nexttoken/conversation`. It may be
   * empty.
   */
  channels?: Pick<ConversationOptions, "tools" | "tool_choice" | "parallel_tool_calls" | "thinking">;
  prompt?: string;
  /** How the text begins: the model goes on from there. */
  prefix?: string;
  /** Those of `Generator.chat` with messages, else those of `Generator.start`. */
  options?: ChatOptions;
}

export interface Handlers {
  /** Ends the text: its promise rejects with the reason of the signal. */
  signal?: AbortSignal;
  /** Called once the request has been accepted. */
  onStart?: () => void;
  /** Called with each token. A server tells text with its channel, and its calls, but no ids or probabilities. */
  onToken?: (token: Pick<ConversationToken, "text"> & Partial<ConversationToken>) => void;
}

/** What a model tells of a text at its end. */
export interface Result {
  /** "stop", "length" or "tool_calls"; servers may have others. */
  finish_reason: string;
  /** What a server does not tell is undefined. */
  usage: {
    prompt_tokens: number | undefined;
    completion_tokens: number | undefined;
    /** Tokens of the prompt that need not be run, because the text before began with them too. */
    cached_tokens: number | undefined;
  };
}

/** A model as the clients use it. */
export interface ClientModel {
  /** Who answers: the engine in this tab, or a server. */
  readonly backend: "browser" | "server";
  /** Why a server answers, in a sentence. */
  readonly reason: string | undefined;
  /** The generator, where the engine in this tab answers. Do not write with it while a client does. */
  readonly generator?: Generator | WorkerGenerator;
  /** The name in the model's file; of a server, that of the option `model`. */
  name(): Promise<string>;
  /** The tokens that the context holds; of a server Infinity, because it does not tell. */
  contextLength(): Promise<number>;
  /** Writes a text. Requests are served one after another. */
  write(request: Request, handlers?: Handlers): Promise<Result>;
  /**
   * How many tokens a conversation takes; of a server an estimate. The start of an answer is counted where the options say
   * `add_generation_prompt: true`.
   */
  count(messages: ChatMessage[], options?: ChatOptions): Promise<number>;
  /** A second model in the same state, which writes independently of this one. */
  fork(): Promise<ClientModel>;
  free(): void;
}

/** A server with OpenAI's interface, such as llama-server, vLLM or ollama. */
export interface ServerOptions {
  /** Its address up to the version: "http://localhost:8080/v1". */
  baseURL: string;
  /** The name of the model there. */
  model: string;
  apiKey?: string;
  /** Further headers of each request. */
  headers?: Record<string, string>;
  /** Used in place of the browser's `fetch`. */
  fetch?: typeof fetch;
  /**
   * When the server answers though the model would run here: "always", or where the function says so of what the
   * model's file holds. Where the model does not run here, because of its kind or for want of memory, it answers anyway.
   */
  when?: "always" | ((inspection: Inspection) => boolean | Promise<boolean>);
  /** The server also answers where the model, once loaded, writes fewer tokens than this in a second. */
  minTokensPerSecond?: number;
}

export interface LoadModelOptions extends LoadOptions, InitOptions {
  /** Used when this tab is not enough. */
  server?: ServerOptions;
  /** Whether the engine runs in a worker: true unless set, where there are workers. */
  worker?: boolean;
}

/** Loads a model here, or turns to the server of the options where that is not possible; see `backend` of the result. */
export function loadModel(source: ModelSource, options?: LoadModelOptions): Promise<ClientModel>;

/** `Generator.inspect` with the options of `loadModel`; undefined for a source that can be read only once. */
export function inspectModel(source: ModelSource, options?: LoadModelOptions): Promise<Inspection | undefined>;
