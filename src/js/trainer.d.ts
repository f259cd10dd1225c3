import type { InWorker, WasmProvider, WasmSource } from "./index.js";
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
