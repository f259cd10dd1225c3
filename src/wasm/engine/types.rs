//! The TypeScript types of plain objects. The types of classes follow from their signatures.

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
  /** Called now and then while the model loads, and once at the end. What it throws ends the load ("callback"). */
  onProgress?: (progress: LoadProgress) => void;
  /** Cancels the load: its promise then rejects with the code "aborted". */
  signal?: AbortSignal;
  /**
   * Milliseconds that may pass without a byte from the source: then the promise rejects with the code "timeout".
   * 60000 unless set; 0 for no limit.
   */
  timeout?: number;
  /** Tokens the context may hold; the model's own number unless set. */
  context_length?: number;
  /** How the KV cache keeps its numbers: "q16" (the default), "q8" (half the memory, less precise) or "f32" (twice the memory, slower). */
  cache_type?: "q16" | "q8" | "f32";
}

/** How a LoRA adapter is loaded; see `Generator.load_adapter`. */
export interface AdapterOptions extends Pick<LoadOptions, "onProgress" | "signal" | "timeout"> {
  /** By which the option `adapters` of a text chooses it. */
  name: string;
}

/** How a draft model is loaded; see `Generator.load_draft`. */
export type DraftOptions = Pick<LoadOptions, "onProgress" | "signal" | "timeout">;

export interface InspectOptions extends Omit<LoadOptions, "onProgress"> {
  /**
   * Whether to measure about how fast this machine would write with the model. It takes up to 96 MB of memory, and about
   * a tenth of a second in which the thread does nothing else. False unless set.
   */
  speed?: boolean;
}

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
  /** What the file says and what would be passed over, in sentences. */
  warnings: string[];
  /** Bytes of the file, or of all its parts. */
  file_size: number;
  parts: number;
  /**
   * Bytes it takes: weights as they are repacked, the KV cache of `positions` tokens (the context asked for; else the
   * model's own or 4096, whichever is less), and about what flows between the layers. Of the weights, `outside` are kept
   * outside of WebAssembly's memory, which holds 4 GB: tables of which a token takes one row.
   */
  memory:
    | { weights: number; outside: number; cache: number; positions: number; scratch: number; total: number }
    | undefined;
  /**
   * About how many tokens this machine would write in a second, while the text is short, where the option `speed` asks for
   * it and the model runs here: the weights that a token runs through, divided by how fast such weights are read here.
   */
  decode_tokens_per_second: number | undefined;
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
  /** Only the tokens whose surprisal is nearest to the entropy may be drawn, as many as have this share of the probability; 1 means all. 1 unless set. */
  typical_p?: number;
  /** Only tokens whose logit is at most this many standard deviations under the largest may be drawn; 0 or less means all. -1 unless set. */
  top_n_sigma?: number;
  /** How far the temperature moves with the entropy of the distribution; 0 unless set. */
  dynatemp_range?: number;
  /** The power of the normalised entropy by which it moves; 1 unless set. */
  dynatemp_exponent?: number;
  /** How often the top choices but the last of them are excluded, from 0 to 1; 0 unless set. */
  xtc_probability?: number;
  /** The probability that makes a token a top choice; 0.1 unless set. */
  xtc_threshold?: number;
  /** Divides the logits of tokens used of late where positive, multiplies them elsewhere; 1 unless set. */
  repetition_penalty?: number;
  /** Is subtracted from a token's logit for each time it was used of late, -2 to 2; 0 unless set. */
  frequency_penalty?: number;
  /** Is subtracted from the logit of a token used of late, -2 to 2; 0 unless set. */
  presence_penalty?: number;
  /** No sequence of so many tokens comes twice of late; 0 unless set. */
  no_repeat_ngram_size?: number;
  /** How many tokens "of late" means, the prompt's included; -1 means all. 64 unless set. */
  penalty_last_n?: number;
  /** The penalty on continuing a repetition (DRY); 0 unless set. */
  dry_multiplier?: number;
  /** By how much each further token of the repetition multiplies it, 1 or more; 1.75 unless set. */
  dry_base?: number;
  /** A repetition of this many tokens is the first to be penalised; 2 unless set. */
  dry_allowed_length?: number;
  /** How many tokens are searched for repetitions; -1 means all. -1 unless set. */
  dry_penalty_last_n?: number;
  /** Strings across which nothing repeats; line break, colon, quotation mark and asterisk unless set. */
  dry_sequence_breakers?: string | string[];
  /** 2 turns mirostat 2.0 on, which then does the cutting; 0 unless set. */
  mirostat?: 0 | 2;
  /** The bits of surprisal mirostat aims at; 5 unless set. */
  mirostat_tau?: number;
  /** The rate at which it learns, from 0 to 1; 0.1 unless set. */
  mirostat_eta?: number;
  /** What to add to the logits of which tokens, by id; false bans a token. */
  logit_bias?: Record<number, number | false> | [id: number, bias: number | false][];
  /** Tokens that are never drawn. */
  banned_tokens?: Uint32Array | number[];
  /** The stages in their order; those left out do not run, and it is an error where their options are set. "logit_bias" comes first, named or not, and "mirostat" last. */
  samplers?: SamplerName[];
  /** Every token comes with a record of its step, in lists of up to `top` tokens (10 unless set, at most 1000). Costs nothing when off. */
  record?: boolean | { top?: number };
  /**
   * The text is JSON that this schema describes: only tokens that may follow are drawn, and the text ends where it is
   * complete ("stop"). Of `json_schema`, `regex` and `grammar` at most one; null lifts a constraint. With one of them
   * `start` and `configure` give a promise, because its module is loaded on first use.
   */
  json_schema?: object | boolean | string | null;
  /** The text matches this regular expression as a whole; in the syntax of Rust's `regex`, without look-around. */
  regex?: string | null;
  /** The text is a sentence of this grammar, in llama.cpp's GBNF or llguidance's Lark. */
  grammar?: string | null;
  /**
   * The LoRA adapters of the text, by the names that `load_adapter` gave them, each with its scale: `{ pirate: 0.8 }`. None
   * unless set. A prompt that begins like the text before is only reused where its adapters are the same.
   */
  adapters?: Record<string, number>;
  /** The same seed gives the same text; drawn at random unless set (see `Generator.seed`). */
  seed?: number | bigint;
  /** The text ends before the first of these strings appears in it. They may spell control tokens ("<|im_start|>"). */
  stop?: string | string[];
  /** Tokens to generate at most; as many as the context holds unless set, with `context_shift` any number. */
  max_tokens?: number;
  /**
   * Whether the text goes on where the context is full: the oldest half of its tokens is dropped, but for the first
   * `n_keep`, and what is left is run again, which takes a moment. False unless set: the text ends there.
   */
  context_shift?: boolean;
  /** Tokens at the start that are never dropped; 0 unless set. The token that begins every text stays anyway. */
  n_keep?: number;
  /**
   * Whether tokens that can be guessed, from the text so far, a constraint or a draft model (`load_draft`), are run
   * together where that pays. It changes no text, only the time it takes; true unless set.
   */
  speculation?: boolean;
  /** Log-probabilities come with every token at no extra cost; true unless set. False is only allowed without `top_logprobs`. */
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

/** The names of the options that constrain a text. */
type Constraint = "json_schema" | "regex" | "grammar";

/** Options without a constraint: a text that can begin at once. */
export type UnconstrainedOptions = Omit<GenerateOptions, Constraint> & { [Name in Constraint]?: undefined };

/** Options with a constraint, whose module may have to be loaded; null lifts the one in effect. */
export type ConstrainedOptions = GenerateOptions & { [Name in Constraint]: Required<Pick<GenerateOptions, Name>> }[Constraint];

export interface TextSignal {
  /** Aborts the text, as `abort` does, for as long as the generator has it; it also calls off a beginning. */
  signal?: AbortSignal;
}

export interface Generator {
  /** Starts a new text with `prompt`. Computes nothing yet. Throws the code "aborted" where the `signal` has aborted. */
  start(prompt: string, options?: UnconstrainedOptions & TextSignal): void;
  /**
   * Starts a new text with `prompt`, which follows a constraint. Computes nothing yet. Until the promise settles,
   * calls that would go on with the text before throw the code "busy"; `abort` and `reset` call the start off.
   */
  start(prompt: string, options: ConstrainedOptions & TextSignal): Promise<void>;
  /** Starts a new text with `prompt`: `await` it, for with a constraint among the options it gives a promise. */
  start(prompt: string, options?: GenerateOptions & TextSignal): void | Promise<void>;
  /**
   * Changes options from the next token on. Options that are absent stay as they are. Those that belong to a text as
   * a whole (`stop`, `context_shift`, `n_keep`, `adapters`) cannot be changed. The model need not run again.
   */
  configure(options: UnconstrainedOptions): void;
  /**
   * Changes options from the next token on, and the constraint of the text that follows. Until the promise settles,
   * calls that would go on with the text throw the code "busy".
   */
  configure(options: ConstrainedOptions): Promise<void>;
  /** Changes options from the next token on: `await` it, for with a constraint among them it gives a promise. */
  configure(options: GenerateOptions): void | Promise<void>;
  /**
   * Starts the model's answer to `messages`, written out with its chat template. When the conversation
   * goes on, append the answer and the next message and call again: only what is new is computed.
   *
   * Rejects with the code "chat_template" where there is no template, or it refuses the messages.
   */
  chat(messages: ChatMessage[], options?: ChatOptions & TextSignal): Promise<void>;
  /**
   * The text in progress as a Blob, to go on with later: its tokens, options, the state of its sampler and its KV
   * cache (most of it: see `inspect().memory.cache`). A text with adapters has none.
   */
  snapshot(): Blob;
  /**
   * Goes on from a snapshot as if nothing had been, token for token; looking at `logits` needs a `peek` first.
   *
   * Rejects with the code "snapshot" where it is damaged, or of another model file, `cache_type` or
   * `context_length`; the text in progress then stays as it was.
   */
  restore(snapshot: Blob | ArrayBuffer | Uint8Array): Promise<void>;
  /**
   * Loads a LoRA adapter for this model, a GGUF file, for texts to choose by its name (the option `adapters`). Texts go on
   * meanwhile. One of the same name takes the place of the one before, in later texts.
   */
  load_adapter(source: Exclude<ModelSource, readonly unknown[]>, options: AdapterOptions): Promise<void>;
  /**
   * Loads a draft model in the place of the one before: a smaller model with the same vocabulary, which guesses tokens
   * (the option `speculation`). Texts go on meanwhile, and none changes: it makes them faster where the draft model is
   * several times as fast and often right, and is asked only now and then where it is not. Its source may be a name of
   * `nexttoken/catalogue`, as that of `Generator.load`. It takes memory for its weights and a KV cache of its own. With
   * recurrent layers in either model it guesses nothing.
   *
   * Rejects with the code "invalid_option" where its vocabulary is another one.
   */
  load_draft(source: ModelSource, options?: DraftOptions): Promise<void>;
  /** The tokens still to come, for `for (const token of generator)`. Leaving the loop aborts the text. */
  [Symbol.iterator](): IterableIterator<Token>;
}

/** The stages of the sampler, in the order they run in unless `samplers` gives another. */
export type SamplerName =
  | "logit_bias" | "penalties" | "dry" | "top_n_sigma" | "top_k" | "typical_p" | "top_p" | "min_p" | "xtc"
  | "temperature" | "mirostat";

/** A stage of the sampler with its parameters, spelled as the options. */
export type Sampler =
  | { name: "logit_bias"; logit_bias: [id: number, bias: number][]; banned_tokens: number[] }
  | {
      name: "penalties"; penalty_last_n: number; repetition_penalty: number; frequency_penalty: number;
      presence_penalty: number; no_repeat_ngram_size: number;
    }
  | {
      name: "dry"; dry_multiplier: number; dry_base: number; dry_allowed_length: number;
      dry_penalty_last_n: number; dry_sequence_breakers: string[];
    }
  | { name: "top_n_sigma"; top_n_sigma: number }
  | { name: "top_k"; top_k: number }
  | { name: "typical_p"; typical_p: number }
  | { name: "top_p"; top_p: number }
  | { name: "min_p"; min_p: number }
  | { name: "xtc"; xtc_probability: number; xtc_threshold: number }
  | { name: "temperature"; temperature: number; dynatemp_range: number; dynatemp_exponent: number }
  | { name: "mirostat"; mirostat_tau: number; mirostat_eta: number };

export type FinishReason = "stop" | "length" | "abort";

export interface Candidate {
  id: number;
  /** The token by itself; half a character shows as U+FFFD, a control token that stands for no text by its name. */
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
  /** What happened at this step, where the option `record` asks for it. */
  record?: StepRecord;
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
  /** Tokens that were guessed and run ahead of their turn (see the option `speculation`). */
  drafted: number;
  /** Those of them that the text then came to. */
  accepted: number;
}

export interface Score {
  ids: number[];
  /** What each token adds to the text: whole characters only, nothing for a control token but those around a model's thoughts. */
  texts: string[];
  /** Cross-entropy in nats of each token after the first, given those before it. */
  nll: number[];
  mean_nll: number;
  perplexity: number;
  /** What the model expected in the place of each token after the first, best first: as many as `top` asks for. */
  top_logprobs?: { id: number; text: string; logprob: number }[][];
}

/** A pass over texts, step by step. `T` is its result. */
export class Scorer<T = Score> {
  private constructor();
  /** Runs the next chunk of tokens. */
  step(): Progress;
  /** The result; frees the scorer. A score may be of a part; of the others, the steps that are left are run first. */
  finish(): T;
  free(): void;
  [Symbol.dispose](): void;
}

export interface EmbedOptions {
  /**
   * How a vector is made of the hidden states of a text's tokens: their mean, the first ("cls"), or the last.
   *
   * @default what the model's file says, else "last"; an encoder whose file says nothing has to be told
   */
  pooling?: "mean" | "cls" | "last";
  /**
   * Divides each vector by its length, so that a dot product is the cosine similarity.
   *
   * @default true
   */
  normalize?: boolean;
  /**
   * Cuts a text of more tokens than the context holds to its first ones, in place of the error "prompt_too_long".
   *
   * @default false
   */
  truncate?: boolean;
}

export interface Decision {
  /** The most probable answer. */
  best: string;
  /** All answers, in the order in which they were given. */
  choices: {
    text: string;
    /** Its tokens, with those of the prompt's end that its first characters change. */
    ids: number[];
    /** ln p of all its tokens after the prompt, in nats. */
    logprob: number;
    /** Its share among the answers, from 0 to 1: the softmax over their `logprob`. */
    probability: number;
  }[];
  /** The mean of the answers, weighted by their probabilities, where all of them are numbers. */
  expected?: number;
}

export interface RerankOptions {
  /** What the documents are wanted for, in place of `{instruction}`. */
  instruction?: string;
  /**
   * The prompt that "yes" or "no" follows, with `{instruction}`, `{query}` and `{document}` in it. What comes before the
   * document is run once.
   *
   * @default that of Qwen3-Reranker
   */
  template?: string;
}

/** A document in its place among the others. */
export interface Ranked {
  /** Where it was in the list of documents. */
  index: number;
  /** p(yes) / (p(yes) + p(no)). */
  score: number;
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
  /** What the file says and what was passed over, in sentences. */
  warnings: string[];
  backend: string;
  /** The threads that the engine uses at the moment. */
  threads: number;
  version: string;
}
"#;
