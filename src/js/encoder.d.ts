import type { InitOptions, InWorker, Variant } from "./index.js";
import type { Encoder, EncoderLoadOptions, EncoderSource } from "./nexttoken_encoder.js";
export { Encoder } from "./nexttoken_encoder.js";
export type { EncoderInfo, EncoderLoadOptions, EncoderSource } from "./nexttoken_encoder.js";
export type { EmbedOptions } from "./nexttoken.js";

/**
 * Gets the WebAssembly module of encoders ready. `Encoder.load` does it itself where it has not been done. Later calls wait
 * for the first, and do nothing more. The options are those of the engine's `init`, here for this module; the vectors do not
 * depend on them.
 */
export default function init(options?: InitOptions): Promise<{ variant: Variant | "custom" }>;

/** `Encoder` off the main thread: the same interface, every method a promise. */
export interface WorkerEncoder extends InWorker<Omit<Encoder, "free" | typeof Symbol.dispose>> {
  free(): void;
  [Symbol.dispose](): void;
}
export class WorkerEncoder {
  private constructor();
  /** Loads an encoder in a new worker. Text that is a name of `nexttoken/catalogue` is that encoder. */
  static load(source: EncoderSource, options?: EncoderLoadOptions & InitOptions): Promise<WorkerEncoder>;
}
