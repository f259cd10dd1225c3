// What of a generator, a trainer and an encoder can be called through a worker, once for both sides of it.

/** Those methods of `Generator` that neither depend on the text in progress nor change it. */
export const AT_ANY_TIME = /** @type {const} */ ([
  "timings",
  "info",
  "tokenize",
  "detokenize",
  "token_name",
  "token_text",
  "head_row",
  "score",
  "embed",
  "decide",
  "rerank",
  "remove_adapter",
  "remove_draft",
]);

/** The methods of `Generator` that give a `Scorer`. */
export const SCORER_METHODS = /** @type {const} */ (["scorer", "embedder", "decider", "reranker"]);

/** The methods of `Generator` that `WorkerGenerator` passes on. */
export const GENERATOR_METHODS = /** @type {const} */ ([
  "start",
  "chat",
  "chat_request",
  "prefill",
  "next_token",
  "peek",
  "accept",
  "rewind",
  "configure",
  "snapshot",
  "restore",
  "logits",
  "abort",
  "reset",
  ...AT_ANY_TIME,
]);

/** The properties of `Generator`, each a promise in `WorkerGenerator`. */
export const GENERATOR_PROPERTIES = /** @type {const} */ ([
  "text",
  "ids",
  "prompt_ids",
  "finish_reason",
  "seed",
  "context_used",
  "context_length",
  "samplers",
]);

/** The methods of `Trainer` that `WorkerTrainer` passes on. */
export const TRAINER_METHODS = /** @type {const} */ ([
  "step",
  "validate",
  "best",
  "sample",
  "pairs",
  "to_gguf",
  "checkpoint",
  "info",
]);

/** The methods of `Finetuner` that `WorkerFinetuner` passes on, which are some of the trainer's. */
export const FINETUNER_METHODS = /** @type {const} */ (["step", "validate", "best", "to_gguf", "info"]);

/** The methods of `Encoder` that `WorkerEncoder` passes on. */
export const ENCODER_METHODS = /** @type {const} */ (["embed", "info"]);

/**
 * Adds methods to a class, each of which calls `call` with its name and arguments.
 *
 * @template {object} This
 * @template {PropertyKey} Name
 * @param {{ prototype: This }} Class
 * @param {readonly Name[]} names
 * @param {(self: This, name: Name, args: unknown[]) => unknown} call
 */
export function addMethods({ prototype }, names, call) {
  for (const name of names) {
    /**
     * @this {This}
     * @param {unknown[]} args
     */
    const value = function (...args) {
      return call(this, name, args);
    };
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  }
}
