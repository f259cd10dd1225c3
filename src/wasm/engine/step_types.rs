//! The TypeScript types of one step: what `peek` can show, and the record of what happened.

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** What `peek` shows beside the record of the step. Each costs something: the last token is run once more for all of them. */
export interface PeekOptions {
  /** Length of the lists, 10 unless set. */
  top?: number;
  /** The hidden state that the head reads. */
  hidden?: boolean;
  /** The logit lens: the best next tokens after each layer, as many as `top` says. The head is run for each. */
  layers?: boolean;
  /** How much the last token takes from each token so far, layer by layer and head by head: each attends once more. */
  attention?: boolean;
}

/** What happened at a step: the distribution, and what each stage of the sampler made of it. */
export interface StepRecord {
  /** The number of the step: tokens generated before it. */
  step: number;
  /** The entropy of the model's own distribution, in nats. */
  entropy: number;
  /** The chosen token; absent after `peek`. */
  chosen?: {
    id: number;
    /** Its rank in the model's own distribution: 1 for the most probable token. */
    rank: number;
    /** Minus the logarithm of its probability under the model's own distribution, in nats. */
    surprisal: number;
    /** Its probability under the distribution it was drawn from. */
    probability: number;
  };
  /** The most probable tokens of the model's own distribution, best first; the chosen one is the last of them where it is not among them anyway. */
  candidates: {
    id: number;
    /** The token by itself, as in `Candidate`. */
    text: string;
    bytes: number[];
    /** As the model gave it. */
    logit: number;
    logprob: number;
    /** Its probability under the distribution the stages end in; 0 where one of them cut it. */
    probability: number;
  }[];
  /** The stages in their order; those without effect are left out. */
  stages: {
    name: SamplerName | "constraint";
    /** What it went by, where that may move from step to step: the temperature, or mirostat's mu in bits. */
    level?: number;
    /** How many tokens it left. */
    kept: number;
    /** How many it cut. */
    removed: number;
    /** The probability these had before it, together. */
    removed_probability: number;
    /** The most probable of them, with their probabilities before it. */
    removed_tokens: { id: number; text: string; probability: number }[];
    /** The probability of each of `candidates` after it, 0 where cut. Before it they had those after the stage before; before the first, the model's own. */
    probabilities: number[];
  }[];
  /** The draw: the tokens that the stages leave lie side by side from 0 to 1, each as wide as its probability, the most probable first; a random number is a point there. Absent where they leave nothing. */
  draw?: {
    /** The random number, from 0 to less than 1. It depends on nothing but the seed and the number of the step. */
    point: number;
    /** The token in whose segment it lies: the one chosen, or after `peek` the one that would be; `accept` may have chosen another. */
    id: number;
    text: string;
    /** Where its segment begins: the probability of all tokens before it, together. */
    from: number;
    /** Where it ends. */
    to: number;
  };
  /** After `peek({ hidden: true })`: the hidden state of the last token after the final norm. A logit is its dot product with `head_row(id)`, before bias, scale and soft cap where an architecture has them, and but for rounding. */
  hidden?: Float32Array;
  /** After `peek({ layers: true })`: the most probable next tokens, best first, if the final norm and the head read the residual stream after each layer. The last layer's are the model's own. */
  layers?: { id: number; text: string; logprob: number }[][];
  /** After `peek({ attention: true })`: the attention weights of the last token, for each layer [heads × positions], with all tokens of the context as positions, itself the last. Those of a head add up to 1. Null for a layer with a convolution instead. */
  attention?: (Float32Array | null)[];
}
"#;
