import type { WorkerGenerator } from "../index.js";
import type { ChatOptions, Generator, ModelSource } from "../nexttoken.js";
import type { ClientModel, LoadModelOptions } from "./model.js";

export type Availability = "unavailable" | "downloadable" | "downloading" | "available";

export interface LanguageModelMessage {
  role: "system" | "user" | "assistant";
  content: string | { type: "text"; value: string }[];
  /** The answer begins with this message, which must be the last one and the assistant's. */
  prefix?: boolean;
}
/** A string is what the user says. */
export type LanguageModelPrompt = string | LanguageModelMessage[];

export interface LanguageModelExpected {
  /** Text alone is available. */
  type: "text" | "image" | "audio" | "tool-call" | "tool-response";
  languages?: string[];
}

export type LanguageModelSamplingMode =
  | "most-predictable"
  | "predictable"
  | "slightly-predictable"
  | "balanced"
  | "slightly-creative"
  | "creative"
  | "most-creative";

export interface LanguageModelCreateCoreOptions {
  /** Together with `temperature`, or not at all. */
  topK?: number;
  temperature?: number;
  /** In place of the two. */
  samplingMode?: LanguageModelSamplingMode | "default";
  expectedInputs?: LanguageModelExpected[];
  expectedOutputs?: LanguageModelExpected[];
}

export interface DownloadMonitor extends EventTarget {
  ondownloadprogress: ((event: ProgressEvent) => void) | null;
}

export interface LanguageModelCreateOptions extends LanguageModelCreateCoreOptions {
  /** Ends the creation, or later the session as `destroy` does, with its reason. */
  signal?: AbortSignal;
  /** Is given the target of `downloadprogress` events, whose `loaded` goes from 0 to 1. */
  monitor?: (monitor: DownloadMonitor) => void;
  /** Messages that stay whatever else is dropped. */
  initialPrompts?: LanguageModelMessage[];
}

export interface LanguageModelPromptOptions {
  /**
   * A JSON schema, or a regular expression that the whole answer matches, without look-around. With the flag "i" letters
   * are equal as they are with "iu"; a character beyond U+FFFF is one, as it is with "u".
   */
  responseConstraint?: object | RegExp;
  /** Whether the model is not told of it. */
  omitResponseConstraintInput?: boolean;
  signal?: AbortSignal;
}

export interface LanguageModelParams {
  readonly defaultTopK: number;
  readonly maxTopK: number;
  readonly defaultTemperature: number;
  readonly maxTemperature: number;
}

/** A conversation. Calls at once are answered one after another. */
export interface LanguageModel extends EventTarget {
  prompt(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): Promise<string>;
  promptStreaming(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): ReadableStream<string>;
  append(input: LanguageModelPrompt, options?: { signal?: AbortSignal }): Promise<void>;
  /** The tokens that a prompt would take; of a server an estimate. */
  measureContextUsage(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): Promise<number>;
  readonly contextUsage: number;
  /** Tokens that the context holds; of a server Infinity, because it does not tell. */
  readonly contextWindow: number;
  /** Called where the oldest messages were dropped to make room. */
  oncontextoverflow: ((event: Event) => void) | null;
  /** The older names of these four. */
  measureInputUsage(input: LanguageModelPrompt, options?: LanguageModelPromptOptions): Promise<number>;
  readonly inputUsage: number;
  readonly inputQuota: number;
  onquotaoverflow: ((event: Event) => void) | null;
  readonly topK: number;
  readonly temperature: number;
  /** Null where `topK` and `temperature` were given. */
  readonly samplingMode: LanguageModelSamplingMode | null;
  /** A second conversation that begins with this one. */
  clone(options?: { signal?: AbortSignal }): Promise<LanguageModel>;
  destroy(): void;
  [Symbol.dispose](): void;
}

/** The class as Chrome has it: `globalThis.LanguageModel`. */
export interface LanguageModelClass {
  readonly prototype: LanguageModel;
  new (never: never): LanguageModel;
  create(options?: LanguageModelCreateOptions): Promise<LanguageModel>;
  availability(options?: LanguageModelCreateCoreOptions): Promise<Availability>;
  params(): Promise<LanguageModelParams>;
  /** Who answers, once the model is loaded: the engine in this tab, or a server. */
  readonly backend: ClientModel["backend"] | undefined;
  /** Why a server answers, in a sentence. */
  readonly reason: string | undefined;
}

export interface LanguageModelOptions
  extends Omit<LoadModelOptions, "onProgress" | "signal">, Pick<ChatOptions, "chat_template" | "chat_template_kwargs"> {
  /** The languages that the model knows, such as "en": others are not available then. Any unless set. */
  languages?: string[];
}

/**
 * Chrome's Prompt API over a model, which is loaded with the first session:
 * `globalThis.LanguageModel ??= defineLanguageModel("model.gguf")`.
 */
export function defineLanguageModel(
  model: ModelSource | Generator | WorkerGenerator | ClientModel,
  options?: LanguageModelOptions,
): LanguageModelClass;
