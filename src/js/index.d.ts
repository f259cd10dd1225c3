import type {
  ChatMessage,
  ChatOptions,
  FinishReason,
  Generator,
  GenerateOptions,
  InspectOptions,
  Inspection,
  LoadOptions,
  ModelInfo,
  ModelSource,
  Progress,
  Sampler,
  Score,
  StepRecord,
  Timings,
  Token,
} from "./nexttoken.js";
export * from "./nexttoken.js";

/** The modules that are shipped. */
export type Variant = "relaxed" | "simd128";

/** Gets the WebAssembly module ready: the best one the browser can run, unless told otherwise. */
export default function init(options?: {
  variant?: Variant;
  wasm_url?: string | URL;
}): Promise<{ variant: Variant | "custom" }>;

/** `Generator` off the main thread: the same interface, every method a promise. */
export class WorkerGenerator {
  static load(
    source: ModelSource,
    options?: LoadOptions & { variant?: Variant; wasm_url?: string | URL },
  ): Promise<WorkerGenerator>;
  static inspect(
    source: ModelSource,
    options?: InspectOptions & { variant?: Variant; wasm_url?: string | URL },
  ): Promise<Inspection>;
  start(prompt: string, options?: GenerateOptions): Promise<{ seed: number; context_used: number }>;
  chat(messages: ChatMessage[], options?: ChatOptions): Promise<{ seed: number; context_used: number }>;
  prefill(): Promise<Progress>;
  next_token(): Promise<Token | undefined>;
  [Symbol.asyncIterator](): AsyncGenerator<Token, void, void>;
  peek(options?: { top?: number }): Promise<StepRecord | undefined>;
  accept(id: number): Promise<Token | undefined>;
  rewind(count: number): Promise<void>;
  configure(options: GenerateOptions): Promise<void>;
  snapshot(): Promise<Blob>;
  restore(snapshot: Blob | ArrayBuffer | Uint8Array): Promise<{ seed: number; context_used: number }>;
  /** A second generator in the same worker; the worker goes with the last one that is freed. */
  fork(): Promise<WorkerGenerator>;
  /** A copy, unlike that of `Generator.logits`. */
  logits(): Promise<Float32Array | undefined>;
  samplers(): Promise<Sampler[]>;
  abort(): Promise<void>;
  reset(): Promise<void>;
  state(): Promise<{
    text: string;
    ids: Uint32Array;
    prompt_ids: Uint32Array;
    finish_reason: FinishReason | undefined;
    seed: number | bigint | undefined;
    context_used: number;
  }>;
  timings(): Promise<Timings>;
  info(): Promise<ModelInfo>;
  tokenize(...args: Parameters<Generator["tokenize"]>): Promise<Uint32Array>;
  detokenize(...args: Parameters<Generator["detokenize"]>): Promise<string>;
  token_name(id: number): Promise<string>;
  score(text: string, options?: { top?: number }): Promise<Score>;
  /** The same step by step, to show progress: call `step` until `done` is `total`, then `finish`. */
  scorer(text: string, options?: { top?: number }): Promise<WorkerScorer>;
  free(): void;
  [Symbol.dispose](): void;
}

/** A text being scored; see `WorkerGenerator.scorer`. */
export interface WorkerScorer {
  /** Scores the next chunk of tokens. */
  step(): Promise<Progress>;
  /** The score of what has been scored, which may be a part; frees the scorer. */
  finish(): Promise<Score>;
  free(): void;
  [Symbol.dispose](): void;
}
