import type { InWorker, WasmProvider, WasmSource } from "./index.js";
import type {
  Conversation,
  Finetuner,
  FinetunerConfig,
  LoadOptions,
  ModelSource,
  Trainer,
  TrainerConfig,
} from "./nexttoken_trainer.js";
export { Finetuner, Trainer } from "./nexttoken_trainer.js";
export type {
  Conversation,
  FinetunerConfig,
  FinetunerInfo,
  TrainerBest,
  TrainerConfig,
  TrainerInfo,
  TrainerPair,
  TrainerStep,
  TrainerValidation,
} from "./nexttoken_trainer.js";

/** Where the trainer's WebAssembly module comes from. */
export interface TrainerInitOptions {
  /** The trainer's module itself, or a function that gives each module; see the engine's `InitOptions`. */
  wasm?: WasmSource | WasmProvider;
  /** The address of another module. Where it is relative, then to the page. */
  wasm_url?: string | URL;
  /** Threads of the trainer, on a page that is isolated: a number from 1 to 64, or "auto" for one on each core, at most
   * 16. A step uses no more than its batch has parts: 2 to 4 with a preset. The weights are the same on any number.
   * "auto" unless set. */
  threads?: "auto" | number;
}

/** Gets the trainer's WebAssembly module ready. */
export default function init(options?: TrainerInitOptions): Promise<void>;

/** `Trainer` off the main thread: the same interface, every method a promise. */
export interface WorkerTrainer extends InWorker<Omit<Trainer, "free" | typeof Symbol.dispose>> {
  free(): void;
  [Symbol.dispose](): void;
}
export class WorkerTrainer {
  private constructor();
  /** Starts a training in a new worker; see `new Trainer`. */
  static create(text: string, config?: TrainerConfig, options?: TrainerInitOptions): Promise<WorkerTrainer>;
  /** Resumes a training in a new worker; see `Trainer.resume`. */
  static resume(text: string, checkpoint: Uint8Array, options?: TrainerInitOptions): Promise<WorkerTrainer>;
}

/**
 * Reads conversations as JSON lines, for `Finetuner.load`: each line that is not empty is an object whose `messages` are a
 * list of objects with `role` and `content`. Its other keys are not read. Throws "invalid_option" with the number of a line
 * that is something else.
 */
export function readConversations(text: string): Conversation[];

/** `Finetuner` off the main thread: the same interface, every method a promise. */
export interface WorkerFinetuner extends InWorker<Omit<Finetuner, "free" | typeof Symbol.dispose>> {
  free(): void;
  [Symbol.dispose](): void;
}
export class WorkerFinetuner {
  private constructor();
  /** Loads a model in a new worker, and begins to fine-tune it; see `Finetuner.load`. */
  static load(
    source: ModelSource,
    examples: string | Conversation[],
    config?: FinetunerConfig,
    options?: Pick<LoadOptions, "onProgress" | "signal" | "timeout"> & TrainerInitOptions,
  ): Promise<WorkerFinetuner>;
}
