//! The TypeScript types of plain objects; the classes get theirs from their signatures.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/**
 * Whatever a model file can be read from. Nothing is ever held as a whole beside the model itself.
 * A model in several files (`-00001-of-00003.gguf`) is the address of any of them, or a list of all.
 */
export type ModelSource =
  | string | URL | Request | Response | Blob | ArrayBuffer | ArrayBufferView | ReadableStream<Uint8Array>
  | (string | URL | Request | Blob | ArrayBuffer | ArrayBufferView)[];

export interface LoadProgress {
  /** Bytes read so far. */
  loaded: number;
  /** Bytes of the whole file, once they are known. */
  total: number | undefined;
}

export interface LoadOptions {
  /** Called now and then while the model loads, and once at the end. */
  onProgress?: (progress: LoadProgress) => void;
  /** Cancels the load: its promise then rejects with the code "aborted". */
  signal?: AbortSignal;
  /** Tokens the context may hold; the model's own number unless set. */
  context_length?: number;
  /** How the KV cache keeps its numbers: "q16" (the default), "q8" (half the memory, less precise) or "f32" (twice the memory, slower). */
  cache_type?: "q16" | "q8" | "f32";
}

export type InspectOptions = Omit<LoadOptions, "onProgress">;

/** What a model file says in its header. */
export interface Inspection {
  /** Whether it runs here: its architecture, tokenizer and tensor types are known, and the memory suffices. */
  supported: boolean;
  /** Why not, in a sentence. */
  reason: string | undefined;
  /** The stable code of the reason, as an error would have it. */
  code: string | undefined;
  architecture: string | undefined;
  name: string | undefined;
  parameters: number;
  quantization: string | undefined;
  context_length: number | undefined;
  layers: number | undefined;
  hidden_size: number | undefined;
  vocabulary_size: number | undefined;
  tokenizer: string;
  chat_templates: string[];
  /** Bytes of the file, or of all its parts. */
  file_size: number;
  parts: number;
  /**
   * Bytes it takes: weights as they are repacked, the KV cache of `positions` tokens (the context asked for; else the
   * model's own or 4096, whichever is less), and about what flows between the layers.
   */
  memory: { weights: number; cache: number; positions: number; scratch: number; total: number } | undefined;
}

export interface GenerateOptions {
  /** 0 is greedy; under 1 sharpens the distribution, over 1 flattens it. 0.8 unless set. */
  temperature?: number;
  /** Only the k most probable tokens may be drawn; 0 means all. 40 unless set. */
  top_k?: number;
  /** Only the smallest set of the most probable tokens with at least this share of the probability may be drawn; 1 means all. 0.95 unless set. */
  top_p?: number;
  /** Only tokens at least this many times as probable as the best may be drawn; 0 means all. 0.05 unless set. */
  min_p?: number;
  /** The same seed gives the same text; drawn at random unless set (see `Generator.seed`). */
  seed?: number | bigint;
  /** The text ends before the first of these strings appears in it. */
  stop?: string | string[];
  /** Tokens to generate at most; as many as the context holds unless set. */
  max_tokens?: number;
  /** Log-probabilities come with every token at no extra cost; false is only allowed without `top_logprobs`. */
  logprobs?: boolean;
  /** How many of the most probable tokens to report with each token, 0 to 100; 0 unless set. */
  top_logprobs?: number;
}

export interface ChatMessage {
  /** Who speaks: "system", "user", "assistant", or whatever else the model's template knows. */
  role: string;
  /** What is said. Special tokens spelled in it stay text. */
  content: string;
}

export interface ChatOptions extends GenerateOptions {
  /** The name of one of `info().chat_templates`, or a template in Jinja; the model's own unless set. */
  chat_template?: string;
  /** Whether the text ends where the model's answer begins; true unless set. */
  add_generation_prompt?: boolean;
  /** Further variables of the template, for example `{ enable_thinking: false }`. */
  chat_template_kwargs?: Record<string, unknown>;
  /** What the template takes for now: a Date, "2026-11-24" or "2026-11-24T12:30:00". */
  date?: Date | string;
}

export interface Generator {
  /**
   * Starts the model's answer to `messages`, written out with its chat template. When the conversation
   * goes on, append the answer and the next message and call again: only what is new is computed.
   *
   * Rejects with the code "chat_template" where there is no template, or it refuses the messages.
   */
  chat(messages: ChatMessage[], options?: ChatOptions): Promise<void>;
}

export type FinishReason = "stop" | "length" | "abort";

export interface Candidate {
  id: number;
  /** The token by itself; half a character shows as U+FFFD, a control token by its name. */
  text: string;
  /** Natural logarithm of its probability under the model's own distribution. */
  logprob: number;
  /** Its probability under the distribution that was drawn from; 0 where it could not be drawn. */
  probability: number;
}

export interface Token {
  id: number;
  /** The text the token completes: whole characters only. The texts of all tokens together are the generated text. */
  text: string;
  /** Natural logarithm of its probability under the model's own distribution (temperature 1, nothing cut). */
  logprob: number;
  /** Its probability under the distribution it was drawn from. */
  probability: number;
  /** The most probable tokens of this step, best first. */
  top_logprobs: Candidate[];
  /** Set on the last token alone. */
  finish_reason: FinishReason | undefined;
}

export interface Progress {
  /** Tokens done. */
  done: number;
  /** Tokens to do in all. */
  total: number;
}

export interface Timings {
  /** Tokens of the prompt that need not be run, because the text before began with them too. */
  reused_tokens: number;
  prefill_tokens: number;
  prefill_ms: number;
  prefill_tokens_per_second: number;
  decode_tokens: number;
  decode_ms: number;
  decode_tokens_per_second: number;
}

export interface Score {
  ids: number[];
  /** Cross-entropy in nats of each token after the first, given those before it. */
  nll: number[];
  mean_nll: number;
  perplexity: number;
}

export interface ModelInfo {
  architecture: string;
  name: string | undefined;
  parameters: number;
  context_length: number;
  vocabulary_size: number;
  layers: number;
  hidden_size: number;
  /** How most of the weights are stored, for example "Q4_1". */
  quantization: string | undefined;
  /** Bytes of the model file. */
  file_size: number;
  /** Bytes of weights in memory. */
  weight_bytes: number;
  tokenizer: string;
  /** The names of its chat templates; none where it cannot chat. */
  chat_templates: string[];
  backend: string;
  version: string;
}

/** Every error this package throws. */
export interface NextTokenError extends Error {
  name: "NextTokenError";
  /** Stays the same between releases, for programs to act on: "not_gguf", "invalid_option", "aborted", … */
  code: string;
}
"#;
