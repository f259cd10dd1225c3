// Calls everything in the public types, which is compiled and never run. Each table has an entry for every member of its
// type: one that is missing, or gone, is an error of the compiler, and so is a call that would not be allowed.

import {
  Generator,
  NextTokenError,
  WorkerGenerator,
  type AdapterOptions,
  type Candidate,
  type ChatMessage,
  type ChatOptions,
  type Decision,
  type DraftOptions,
  type FinishReason,
  type GenerateOptions,
  type ModelInfo,
  type NextTokenErrorCode,
  type Progress,
  type Ranked,
  type Sampler,
  type SamplerName,
  type Score,
  type Scorer,
  type StepRecord,
  type TextStart,
  type Timings,
  type Token,
  type WorkerScorer,
} from "nexttoken";
import { Encoder, WorkerEncoder, type EmbedOptions, type EncoderInfo } from "nexttoken/encoder";
import { catalogue } from "nexttoken/catalogue";
import {
  Finetuner,
  Trainer,
  WorkerFinetuner,
  WorkerTrainer,
  type FinetunerInfo,
  type TrainerBest,
  type TrainerInfo,
  type TrainerPair,
  type TrainerStep,
  type TrainerValidation,
} from "nexttoken/trainer";

/** A use of every member of `T`, which has to give what it promises. */
type Uses<T, Results> = { [Name in keyof T]: (it: T) => Name extends keyof Results ? Results[Name] : void };

type Later<Results> = { [Name in keyof Results]: Promise<Awaited<Results[Name]>> };

const options: Required<Omit<GenerateOptions, "json_schema" | "regex" | "grammar">> = {
  temperature: 0.8,
  top_k: 40,
  top_p: 0.95,
  min_p: 0.05,
  typical_p: 1,
  top_n_sigma: -1,
  dynatemp_range: 0,
  dynatemp_exponent: 1,
  xtc_probability: 0,
  xtc_threshold: 0.1,
  repetition_penalty: 1,
  frequency_penalty: 0,
  presence_penalty: 0,
  no_repeat_ngram_size: 0,
  penalty_last_n: 64,
  dry_multiplier: 0,
  dry_base: 1.75,
  dry_allowed_length: 2,
  dry_penalty_last_n: -1,
  dry_sequence_breakers: ["\n"],
  mirostat: 2,
  mirostat_tau: 5,
  mirostat_eta: 0.1,
  logit_bias: { 5: false, 7: -1 },
  banned_tokens: [1, 2],
  samplers: ["top_k", "temperature"],
  record: { top: 3 },
  adapters: { pirate: 0.8 },
  seed: 5n,
  stop: ["\n"],
  max_tokens: 100,
  context_shift: true,
  n_keep: 4,
  speculation: false,
  logprobs: true,
  top_logprobs: 5,
};
const constrained: GenerateOptions[] = [
  { json_schema: { type: "object" } },
  { json_schema: true },
  { regex: "[a-z]+" },
  { grammar: 'root ::= "a"' },
  { regex: null },
];
const adapterOptions: Required<AdapterOptions> = {
  name: "pirate",
  onProgress: ({ loaded, total }) => console.log(loaded, total),
  signal: new AbortController().signal,
  timeout: 1000,
};
const draftOptions: Required<DraftOptions> = {
  onProgress: ({ loaded, total }) => console.log(loaded, total),
  signal: new AbortController().signal,
  timeout: 1000,
};
const messages: ChatMessage[] = [{ role: "user", content: "Hi" }];
const chatOptions: ChatOptions = {
  ...options,
  chat_template: "default",
  add_generation_prompt: true,
  chat_template_kwargs: { enable_thinking: false },
  date: new Date(),
};

interface GeneratorResults {
  accept: Token | undefined;
  chat: Promise<void>;
  configure: void | Promise<void>;
  context_length: number;
  context_used: number;
  decide: Decision;
  decider: Scorer<Decision>;
  detokenize: string;
  embed: Float32Array[];
  embedder: Scorer<Float32Array[]>;
  finish_reason: FinishReason | undefined;
  fork: Generator;
  head_row: Float32Array;
  ids: Uint32Array;
  info: ModelInfo;
  load_adapter: Promise<void>;
  load_draft: Promise<void>;
  logits: Float32Array | undefined;
  next_token: Token | undefined;
  peek: StepRecord | undefined;
  prefill: Progress;
  prompt_ids: Uint32Array;
  remove_adapter: boolean;
  remove_draft: boolean;
  rerank: Ranked[];
  reranker: Scorer<Ranked[]>;
  restore: Promise<void>;
  samplers: Sampler[];
  score: Score;
  scorer: Scorer;
  seed: number | bigint | undefined;
  snapshot: Blob;
  start: void | Promise<void>;
  text: string;
  timings: Timings;
  token_name: string;
  token_text: string;
  tokenize: Uint32Array;
}

export const generatorUses: Uses<Generator, GeneratorResults> = {
  abort: (it) => it.abort(),
  accept: (it) => it.accept(5),
  chat: (it) => it.chat(messages, chatOptions),
  configure: (it) => it.configure(constrained[0]),
  context_length: (it) => it.context_length,
  context_used: (it) => it.context_used,
  decide: (it) => it.decide("a prompt", { choices: ["yes", "no"] }),
  decider: (it) => it.decider("a prompt"),
  detokenize: (it) => it.detokenize([1, 2]),
  embed: (it) => it.embed("a text", { pooling: "mean", normalize: false }),
  embedder: (it) => it.embedder(["a text", "another"]),
  finish_reason: (it) => it.finish_reason,
  fork: (it) => it.fork(),
  free: (it) => it.free(),
  head_row: (it) => it.head_row(5),
  ids: (it) => it.ids,
  info: (it) => it.info(),
  load_adapter: (it) => it.load_adapter("pirate.gguf", adapterOptions),
  load_draft: (it) => it.load_draft(["model-00001-of-00002.gguf", "model-00002-of-00002.gguf"], draftOptions),
  logits: (it) => it.logits(),
  next_token: (it) => it.next_token(),
  peek: (it) => it.peek({ top: 3, hidden: true, layers: true, attention: true }),
  prefill: (it) => it.prefill(),
  prompt_ids: (it) => it.prompt_ids,
  remove_adapter: (it) => it.remove_adapter("pirate"),
  remove_draft: (it) => it.remove_draft(),
  rerank: (it) => it.rerank("a query", ["a document"], { instruction: "find", template: "{query} {document}" }),
  reranker: (it) => it.reranker("a query", ["a document"]),
  reset: (it) => it.reset(),
  restore: (it) => it.restore(new Blob([])),
  rewind: (it) => it.rewind(2),
  samplers: (it) => it.samplers,
  score: (it) => it.score("a text", { top: 3 }),
  scorer: (it) => it.scorer("a text", { top: 3 }),
  seed: (it) => it.seed,
  snapshot: (it) => it.snapshot(),
  start: (it) => it.start("Once", options),
  text: (it) => it.text,
  timings: (it) => it.timings(),
  token_name: (it) => it.token_name(5),
  token_text: (it) => it.token_text(5),
  tokenize: (it) => it.tokenize("a text", { special: true }),
  [Symbol.iterator](it) {
    for (const token of it) console.log(token.text, token.finish_reason satisfies FinishReason | undefined);
  },
  [Symbol.dispose](it) {
    using own = it;
    own.abort();
  },
};

type Different = "start" | "chat" | "restore" | "fork" | "scorer" | "embedder" | "decider" | "reranker";

interface WorkerResults extends Later<Omit<GeneratorResults, Different>> {
  abort: Promise<void>;
  reset: Promise<void>;
  rewind: Promise<void>;
  start: Promise<TextStart>;
  chat: Promise<TextStart>;
  restore: Promise<TextStart>;
  fork: Promise<WorkerGenerator>;
  scorer: Promise<WorkerScorer>;
  embedder: Promise<WorkerScorer<Float32Array[]>>;
  decider: Promise<WorkerScorer<Decision>>;
  reranker: Promise<WorkerScorer<Ranked[]>>;
  state: Promise<Pick<Generator, "text" | "ids" | "prompt_ids" | "finish_reason" | "seed" | "context_used">>;
  [Symbol.asyncIterator]: Promise<void>;
}

export const workerUses: Uses<WorkerGenerator, WorkerResults> = {
  abort: (it) => it.abort(),
  accept: (it) => it.accept(5),
  chat: (it) => it.chat(messages, chatOptions),
  configure: (it) => it.configure(constrained[0]),
  context_length: (it) => it.context_length,
  context_used: (it) => it.context_used,
  decide: (it) => it.decide("a prompt", { choices: ["yes", "no"] }),
  decider: (it) => it.decider("a prompt"),
  detokenize: (it) => it.detokenize(new Uint32Array([1, 2])),
  embed: (it) => it.embed("a text", { pooling: "mean", normalize: false }),
  embedder: (it) => it.embedder(["a text", "another"]),
  finish_reason: (it) => it.finish_reason,
  fork: (it) => it.fork(),
  free: (it) => it.free(),
  head_row: (it) => it.head_row(5),
  ids: (it) => it.ids,
  info: (it) => it.info(),
  load_adapter: (it) => it.load_adapter("pirate.gguf", adapterOptions),
  load_draft: (it) => it.load_draft(["model-00001-of-00002.gguf", "model-00002-of-00002.gguf"], draftOptions),
  logits: (it) => it.logits(),
  next_token: (it) => it.next_token(),
  peek: (it) => it.peek({ top: 3, hidden: true, layers: true, attention: true }),
  prefill: (it) => it.prefill(),
  prompt_ids: (it) => it.prompt_ids,
  remove_adapter: (it) => it.remove_adapter("pirate"),
  remove_draft: (it) => it.remove_draft(),
  rerank: (it) => it.rerank("a query", ["a document"], { instruction: "find", template: "{query} {document}" }),
  reranker: (it) => it.reranker("a query", ["a document"]),
  reset: (it) => it.reset(),
  restore: (it) => it.restore(new ArrayBuffer(8)),
  rewind: (it) => it.rewind(2),
  samplers: (it) => it.samplers,
  score: (it) => it.score("a text", { top: 3 }),
  scorer: (it) => it.scorer("a text", { top: 3 }),
  seed: (it) => it.seed,
  snapshot: (it) => it.snapshot(),
  start: (it) => it.start("Once", options),
  state: (it) => it.state(),
  text: (it) => it.text,
  timings: (it) => it.timings(),
  token_name: (it) => it.token_name(5),
  token_text: (it) => it.token_text(5),
  tokenize: (it) => it.tokenize("a text", { special: true }),
  async [Symbol.asyncIterator](it) {
    for await (const token of it) console.log(token.text satisfies string);
  },
  [Symbol.dispose](it) {
    using own = it;
    void own.abort();
  },
};

export const scorerUses: Uses<Scorer, { step: Progress; finish: Score }> = {
  step: (it) => it.step(),
  finish: (it) => it.finish(),
  free: (it) => it.free(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

export const workerScorerUses: Uses<WorkerScorer, { step: Promise<Progress>; finish: Promise<Score> }> = {
  step: (it) => it.step(),
  finish: (it) => it.finish(),
  free: (it) => it.free(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

interface TrainerResults {
  best: TrainerBest;
  checkpoint: Uint8Array;
  info: TrainerInfo;
  pairs: TrainerPair[];
  sample: string;
  step: TrainerStep;
  to_gguf: Uint8Array;
  validate: TrainerValidation;
}

export const trainerUses: Uses<Trainer, TrainerResults> = {
  best: (it) => it.best(),
  checkpoint: (it) => it.checkpoint(),
  free: (it) => it.free(),
  info: (it) => it.info(),
  pairs: (it) => it.pairs("a line"),
  sample: (it) => it.sample("The", options),
  step: (it) => it.step(),
  to_gguf: (it) => it.to_gguf("f16"),
  validate: (it) => it.validate(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

export const workerTrainerUses: Uses<WorkerTrainer, Later<TrainerResults>> = {
  best: (it) => it.best(),
  checkpoint: (it) => it.checkpoint(),
  free: (it) => it.free(),
  info: (it) => it.info(),
  pairs: (it) => it.pairs("a line"),
  sample: (it) => it.sample("The", options),
  step: (it) => it.step(),
  to_gguf: (it) => it.to_gguf("f16"),
  validate: (it) => it.validate(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

interface FinetunerResults {
  best: TrainerBest;
  info: FinetunerInfo;
  step: TrainerStep;
  to_gguf: Uint8Array;
  validate: TrainerValidation;
}

export const finetunerUses: Uses<Finetuner, FinetunerResults> = {
  best: (it) => it.best(),
  free: (it) => it.free(),
  info: (it) => it.info(),
  step: (it) => it.step(),
  to_gguf: (it) => it.to_gguf(),
  validate: (it) => it.validate(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

export const workerFinetunerUses: Uses<WorkerFinetuner, Later<FinetunerResults>> = {
  best: (it) => it.best(),
  free: (it) => it.free(),
  info: (it) => it.info(),
  step: (it) => it.step(),
  to_gguf: (it) => it.to_gguf(),
  validate: (it) => it.validate(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

const embedding: Required<EmbedOptions> = { pooling: "mean", normalize: true, truncate: true };

interface EncoderResults {
  embed: Float32Array[];
  info: EncoderInfo;
}

export const encoderUses: Uses<Encoder, EncoderResults> = {
  embed: (it) => it.embed(["a text", "another"], embedding),
  free: (it) => it.free(),
  info: (it) => it.info(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

export const workerEncoderUses: Uses<WorkerEncoder, Later<EncoderResults>> = {
  embed: (it) => it.embed("a text", embedding),
  free: (it) => it.free(),
  info: (it) => it.info(),
  [Symbol.dispose]: (it) => it[Symbol.dispose](),
};

/** What results hold. */
export function results(token: Token, record: StepRecord, error: NextTokenError, { started, spent }: Told) {
  const candidates: Candidate[] | undefined = token.top_logprobs;
  const names: (SamplerName | "constraint")[] = record.stages.map(({ name }) => name);
  const code: NextTokenErrorCode | undefined = error instanceof NextTokenError ? error.code : undefined;
  // A seed beyond 2^53 is a bigint.
  const seeds: Same<TextStart["seed"] | undefined, Generator["seed"]> = true;
  const inWorker: Same<WorkerGenerator["seed"], Promise<number | bigint | undefined>> = true;
  return [candidates, names, code, seeds, inWorker, started.seed, started.context_used + spent.decode_tokens];
}
type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;
interface Told {
  started: TextStart;
  spent: Timings;
}

/** What `start` and `configure` give depends on the options. */
export async function promises(it: Generator, some: GenerateOptions) {
  const plain: Same<ReturnType<typeof start>, void> = true;
  const start = () => it.start("Once", { ...options, regex: undefined });
  await (it.start("Once", { regex: "[a-z]+" }) satisfies Promise<void>);
  await (it.start("Once", { ...options, json_schema: { type: "object" } }) satisfies Promise<void>);
  await (it.configure({ grammar: null }) satisfies Promise<void>);
  it.configure({ temperature: 1 }) satisfies void;
  // @ts-expect-error it may be a promise
  it.start("Once", some) satisfies Promise<void>;
  await it.start("Once", some);
  await it.configure(some);
  return plain;
}

/** What is no use of the types. */
export function misuses(worker: WorkerGenerator, options: GenerateOptions) {
  // @ts-expect-error a worker's generator is loaded
  new WorkerGenerator();
  // @ts-expect-error a worker's trainer is created or resumed
  new WorkerTrainer();
  // @ts-expect-error a finetuner is loaded
  new Finetuner();
  // @ts-expect-error so is a worker's
  new WorkerFinetuner();
  // @ts-expect-error the list is not the caller's
  catalogue.length = 0;
  // @ts-expect-error a generator is loaded
  new Generator();
  // @ts-expect-error an encoder is loaded
  new WorkerEncoder();
  // @ts-expect-error an encoder comes in one file
  void Encoder.load(["part-1.gguf", "part-2.gguf"]);
  // @ts-expect-error an encoder has no KV cache
  void Encoder.load("encoder.gguf", { cache_type: "q8" });
  // @ts-expect-error there is no such code
  const never: NextTokenErrorCode = "no_such_code";
  // @ts-expect-error `inspect` reports no progress
  void WorkerGenerator.inspect("model.gguf", { onProgress() {} });
  // @ts-expect-error there is no such option
  void Generator.inspect("model.gguf", { typo: 1 });
  // @ts-expect-error only `inspect` measures the speed
  void Generator.load("model.gguf", { speed: true });
  // @ts-expect-error an option that is misspelled
  void worker.start("Once", { ...options, temprature: 1 });
  // @ts-expect-error a property of a worker's generator is a promise
  worker.text.length;
  // @ts-expect-error a property like all others
  worker.samplers();
  return never;
}
