import type {
  ChatMessage,
  ChatOptions,
  GenerateOptions,
  Generator,
  InspectOptions,
  Inspection,
  LoadOptions,
  ModelSource,
  Progress,
  Score,
  Token,
} from "./nexttoken.js";
export * from "./nexttoken.js";

/** The modules that are shipped. */
export type Variant = "relaxed" | "simd128";

/** Which WebAssembly module is started: the best one the browser can run, unless told otherwise. */
export interface InitOptions {
  /** One of the shipped modules. */
  variant?: Variant;
  /** The address of another module. Where it is relative, then to the page. */
  wasm_url?: string | URL;
}

/** Gets the WebAssembly module ready. Later calls wait for the first, and do nothing more. */
export default function init(options?: InitOptions): Promise<{ variant: Variant | "custom" }>;

/** The members of `T` as they are in a worker: a method returns a promise, a property is one. */
export type InWorker<T> = {
  [Name in keyof T]: T[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Promise<Awaited<Result>>
    : Promise<T[Name]>;
};

/** What `start`, `chat` and `restore` resolve to. */
export interface TextStart {
  /** The seed in use, drawn at random where none was given. */
  seed: number | bigint;
  /** Tokens in the context now. */
  context_used: number;
}

/** The members of `Generator` that a worker has in another form. */
type Different =
  "start" | "chat" | "restore" | "fork" | "scorer" | "free" | typeof Symbol.iterator | typeof Symbol.dispose;

/** `Generator` off the main thread: the same interface, every method and property a promise. */
export interface WorkerGenerator extends InWorker<Omit<Generator, Different>> {
  start(prompt: string, options?: GenerateOptions): Promise<TextStart>;
  chat(messages: ChatMessage[], options?: ChatOptions): Promise<TextStart>;
  restore(snapshot: Blob | ArrayBuffer | Uint8Array): Promise<TextStart>;
  /** A second generator in the same worker; the worker goes with the last one that is freed. */
  fork(): Promise<WorkerGenerator>;
  /** The same step by step, to show progress: call `step` until `done` is `total`, then `finish`. */
  scorer(text: string, options?: { top?: number }): Promise<WorkerScorer>;
  /** A copy, unlike that of `Generator.logits`. */
  logits(): Promise<Float32Array | undefined>;
  /** Several properties of the text so far at once. */
  state(): Promise<Pick<Generator, "text" | "ids" | "prompt_ids" | "finish_reason" | "seed" | "context_used">>;
  /** The tokens still to come, for `for await (const token of generator)`. Leaving the loop aborts the text. */
  [Symbol.asyncIterator](): AsyncGenerator<Token, void, void>;
  free(): void;
  [Symbol.dispose](): void;
}
export class WorkerGenerator {
  private constructor();
  /** Loads a model in a new worker. */
  static load(source: ModelSource, options?: LoadOptions & InitOptions): Promise<WorkerGenerator>;
  /** What a model file says, whether it runs here and what memory it takes; reads its header alone. */
  static inspect(source: ModelSource, options?: InspectOptions & InitOptions): Promise<Inspection>;
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
