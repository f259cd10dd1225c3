import type { InWorker } from "./index.js";
import type { Trainer, TrainerConfig } from "./nexttoken_trainer.js";
export { Trainer } from "./nexttoken_trainer.js";
export type {
  TrainerBest,
  TrainerConfig,
  TrainerInfo,
  TrainerPair,
  TrainerStep,
  TrainerValidation,
} from "./nexttoken_trainer.js";

/** The address of another WebAssembly module. Where it is relative, then to the page. */
export interface TrainerInitOptions {
  wasm_url?: string | URL;
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
