import type {
  ChatMessage,
  ChatOptions,
  Decision,
  EmbedOptions,
  GenerateOptions,
  Generator,
  InspectOptions,
  Inspection,
  LoadOptions,
  ModelSource,
  Progress,
  Ranked,
  RerankOptions,
  Score,
  TextSignal,
  Token,
} from "./nexttoken.js";
import type { ModelStore, StoreProgress } from "./store.js";
export { Generator } from "./nexttoken.js";
export type {
  AdapterOptions,
  Candidate,
  ChatMessage,
  ChatOptions,
  ConstrainedOptions,
  Decision,
  DraftOptions,
  EmbedOptions,
  FinishReason,
  GenerateOptions,
  InspectOptions,
  Inspection,
  LoadOptions,
  LoadProgress,
  ModelInfo,
  ModelSource,
  Progress,
  Ranked,
  RerankOptions,
  Sampler,
  SamplerName,
  Score,
  Scorer,
  StepRecord,
  TextSignal,
  Timings,
  Token,
  UnconstrainedOptions,
} from "./nexttoken.js";

declare global {
  /** As in the library "esnext.disposable", so that the types hold without it, too. */
  interface SymbolConstructor {
    readonly dispose: unique symbol;
  }
}

/** What can go wrong. A code stays the same between releases, for programs to act on. */
export type NextTokenErrorCode =
  // The model's file.
  | "not_gguf" // it is no GGUF file
  | "big_endian" // it is a big-endian GGUF file
  | "unsupported_version" // its version of GGUF is not supported
  | "truncated" // it ends too soon
  | "corrupt" // it contradicts itself or the format
  | "parts" // of its parts one is missing, or belongs to another model
  | "missing_metadata" // it lacks a metadata key
  | "bad_metadata" // a metadata key has a value that is not usable
  | "unsupported_architecture" // its architecture is not supported
  | "unsupported_tensor_type" // a tensor is stored in a format that is not supported
  | "missing_tensor" // it lacks a tensor
  | "tensor_shape" // a tensor has another shape than the architecture asks for
  | "unsupported_tokenizer" // its tokenizer is not supported
  // Reading it.
  | "http" // the server answered with an error
  | "io" // the bytes could not be fetched or read
  | "timeout" // nothing came for as long as `timeout` says
  | "changed" // the file on the server is not the one that was begun
  | "hash_mismatch" // the file has another SHA-256 than it should
  | "storage_full" // there is no room to keep the model; it is used all the same
  | "storage_unavailable" // nothing can be kept here; the model is used all the same
  | "server" // the server that answers in the place of the tab could not be reached or answered with an error
  | "unsupported" // a client was asked for something that the engine does not do
  | "aborted" // the caller has called it off
  | "callback" // a function of the caller's threw
  | "out_of_memory" // there is not enough memory; nothing was changed
  // What the caller asks for.
  | "invalid_option" // an option or argument is out of range or of the wrong type
  | "unknown_option" // there is no option of that name
  | "empty_prompt" // there is nothing to continue from
  | "prompt_too_long" // the prompt, or a conversation to learn from, does not fit into the context
  | "chat_template" // the chat template is missing or broken, or refuses the messages
  | "constraint" // a constraint is not usable, or the text cannot follow it any further
  | "forbidden_token" // the constraint does not allow this token here
  | "text_too_short" // a score needs two tokens
  | "snapshot" // the snapshot is damaged, or of another model or context
  // When it was asked for.
  | "not_started" // nothing was started
  | "busy" // the call comes from inside of another one, or while a text is beginning
  | "freed" // the object is gone
  // Training.
  | "corpus_too_small" // there is too little text to train on
  | "not_utf8" // the text is not UTF-8
  | "checkpoint_mismatch" // training cannot be resumed from this checkpoint
  // The engine.
  | "unsupported_browser" // the browser lacks what the engine needs
  | "wasm_unavailable" // a WebAssembly module could not be loaded
  | "not_finite" // the model gave no usable probabilities
  | "crashed" // the engine stopped, and is gone with all its objects
  | "write" // a file could not be written
  | "internal"; // an error of the browser's, or of the caller's own code: see `cause`

/** Every error that this package throws. After it the generator is as it was before the call, unless it is gone. */
export class NextTokenError extends Error {
  private constructor();
  name: "NextTokenError";
  code: NextTokenErrorCode;
  /** The error behind it, where there is one. */
  cause?: unknown;
}

declare module "./nexttoken.js" {
  interface LoadOptions {
    /**
     * Keeps the model on this device, and takes it from there the next time; see `nexttoken/store`. The source must be
     * an address then, or a name of `nexttoken/catalogue`.
     */
    store?: boolean | ModelStore;
    /**
     * The SHA-256 that a file from the store must have, in hexadecimal digits; of a model in parts, that of each. A name
     * of `nexttoken/catalogue` has one there.
     */
    sha256?: string | string[];
    /** How many threads compute, where the engine has some: see `InitOptions`, whose option comes first. */
    threads?: "auto" | number;
  }
  /** With `store`, the progress says more. */
  interface LoadProgress extends Partial<Omit<StoreProgress, "loaded" | "total">> {}
}

/** The modules that are shipped. */
export type Variant = "relaxed" | "simd128";

/** Which WebAssembly module is started: the best one the browser can run, unless told otherwise. */
export interface InitOptions {
  /** One of the shipped modules. */
  variant?: Variant;
  /** The address of another module. Where it is relative, then to the page. */
  wasm_url?: string | URL;
  /**
   * The engine's module itself; or a function that gives each module, and is called on the thread that this option was
   * passed on, for workers too. Workers get the same modules, unless they are loaded with an option of their own.
   */
  wasm?: WasmSource | WasmProvider;
  /**
   * How many threads compute, this one included: 1 to 64, or "auto" for as many as are fastest, which is measured while
   * the first tokens are computed. The text does not depend on it. Threads need a page that is isolated from other
   * origins (`crossOriginIsolated`), or Node; elsewhere there is one.
   *
   * @default "auto"
   */
  threads?: "auto" | number;
}

/** Where a WebAssembly module comes from. */
export type WasmSource = WebAssembly.Module | BufferSource | Response | string | URL;

/**
 * Gives the module `name`, or undefined for the one that is shipped, whose file has the name `file`. It is called when a
 * module is needed for the first time.
 */
export type WasmProvider = (
  name: "engine" | "chat" | "constraint" | "trainer" | "encoder",
  file: string,
) => WasmSource | undefined | Promise<WasmSource | undefined>;

/**
 * Gets the WebAssembly module ready. `Generator.load` and `Generator.inspect` do it themselves where it has not been
 * done. Later calls wait for the first, and do nothing more.
 */
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
  | "start"
  | "chat"
  | "restore"
  | "fork"
  | "scorer"
  | "embedder"
  | "decider"
  | "reranker"
  | "free"
  | typeof Symbol.iterator
  | typeof Symbol.dispose;

/** `Generator` off the main thread: the same interface, every method and property a promise. */
export interface WorkerGenerator extends InWorker<Omit<Generator, Different>> {
  /** Starts a new text with `prompt`. A text that another call starts meanwhile wins, and this one is "aborted". */
  start(prompt: string, options?: GenerateOptions & TextSignal): Promise<TextStart>;
  /** Starts the model's answer to `messages`; see `Generator.chat`. */
  chat(messages: ChatMessage[], options?: ChatOptions & TextSignal): Promise<TextStart>;
  /** Goes on from a snapshot as if nothing had been; see `Generator.restore`. */
  restore(snapshot: Blob | ArrayBuffer | Uint8Array): Promise<TextStart>;
  /** A second generator in the same worker; the worker goes with the last one that is freed. */
  fork(): Promise<WorkerGenerator>;
  /** The same step by step, to show progress: call `step` until `done` is `total`, then `finish`. */
  scorer(text: string, options?: { top?: number }): Promise<WorkerScorer<Score>>;
  /** `embed` step by step. */
  embedder(texts: string | string[], options?: EmbedOptions): Promise<WorkerScorer<Float32Array[]>>;
  /** `decide` step by step. */
  decider(prompt: string, options?: { choices?: string[] }): Promise<WorkerScorer<Decision>>;
  /** `rerank` step by step. */
  reranker(query: string, documents: string[], options?: RerankOptions): Promise<WorkerScorer<Ranked[]>>;
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
  /** Loads a model in a new worker. Text that is a name of `nexttoken/catalogue` is that model; other text is an address. */
  static load(source: ModelSource, options?: LoadOptions & InitOptions): Promise<WorkerGenerator>;
  /**
   * What a model file says, whether it runs here and what memory it takes; with `speed`, also about how fast it would
   * write, measured in the worker. Reads its header alone. Takes names, too.
   */
  static inspect(source: ModelSource, options?: InspectOptions & InitOptions): Promise<Inspection>;
}

/** A pass over texts, step by step; see `Scorer`. */
export interface WorkerScorer<T = Score> {
  /** Runs the next chunk of tokens. */
  step(): Promise<Progress>;
  /** The result; frees the scorer. */
  finish(): Promise<T>;
  free(): void;
  [Symbol.dispose](): void;
}
