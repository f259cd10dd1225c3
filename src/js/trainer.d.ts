import type {
  GenerateOptions,
  Trainer,
  TrainerBest,
  TrainerConfig,
  TrainerInfo,
  TrainerPair,
  TrainerStep,
  TrainerValidation,
} from "./nexttoken_trainer.js";
export { Trainer } from "./nexttoken_trainer.js";
export type {
  TrainerBest,
  TrainerConfig,
  TrainerInfo,
  TrainerPair,
  TrainerStep,
  TrainerValidation,
} from "./nexttoken_trainer.js";

/** Gets the trainer's WebAssembly module ready. */
export default function init(options?: { wasm_url?: string | URL }): Promise<void>;

/** `Trainer` off the main thread: the same interface, every method a promise. */
export class WorkerTrainer {
  static create(text: string, config?: TrainerConfig, options?: { wasm_url?: string | URL }): Promise<WorkerTrainer>;
  static resume(text: string, checkpoint: Uint8Array, options?: { wasm_url?: string | URL }): Promise<WorkerTrainer>;
  step(): Promise<TrainerStep>;
  validate(): Promise<TrainerValidation>;
  best(): Promise<TrainerBest>;
  sample(prompt: string, options?: GenerateOptions): Promise<string>;
  pairs(line: string): Promise<TrainerPair[]>;
  to_gguf(type?: "q8_0" | "f16" | "f32"): Promise<Uint8Array>;
  checkpoint(): Promise<Uint8Array>;
  info(): Promise<TrainerInfo>;
  free(): void;
  [Symbol.dispose](): void;
}
