//! The JavaScript interface of training: a thin layer over [`crate::train`], in a module of its own.

use super::engine::{JsResult, host, options, to_js};
use crate::Result;
use crate::generator;
use crate::kernels;
use crate::quant::TensorType;
use crate::train::{self, Baselines, StepReport, Validation};
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface TrainerConfig {
  /** The size of the model, and with it all that is not set here. "small" unless set. */
  preset?: "tiny" | "small" | "medium";
  /** The same text, config and seed give the same model. 0 unless set. */
  seed?: number | bigint;
  /** Steps in all, over which the learning rate falls. As many as suit the size of the text unless set. */
  steps?: number;
  /** `complete` is said where so many looks at the held-out text, one after the other, find no lower loss; 0 never
   * says it before the last step. 6 unless set. */
  patience?: number;
  /** Sequences in the batch of one step. */
  batch_size?: number;
  warmup_steps?: number;
  /** The highest learning rate. */
  learning_rate?: number;
  /** How much the weights shrink at each step, in units of the learning rate. The more the oftener the text is read,
   * unless set. */
  weight_decay?: number;
  max_gradient?: number;
  /** Tokens in the vocabulary at most. */
  vocabulary_size?: number;
  context_length?: number;
  /** A multiple of 32. */
  hidden_size?: number;
  layers?: number;
  heads?: number;
  /** A multiple of 32. */
  feed_forward_size?: number;
}

export interface TrainerStep {
  /** Steps done, this one included. */
  step: number;
  /** Mean cross-entropy of the step's batch before it was learnt, nats per token. */
  loss: number;
  /** Tokens learnt from per second of this step. */
  tokens_per_second: number;
  learning_rate: number;
  /** Length of the gradient before it was clipped. */
  gradient: number;
  /** Tokens in the batch. */
  tokens: number;
  /** How well the held-out text is predicted after the step; only there where it was looked at. */
  validation?: TrainerValidation;
  /** Whether training is at its end: all steps are done, or the held-out loss no longer falls. */
  complete: boolean;
}

/** The state that `to_gguf` writes: the one that predicts the held-out text best. */
export interface TrainerBest {
  /** After how many steps it was reached. */
  step: number;
  /** Its loss on the held-out text, nats per token. */
  loss: number;
}

export interface TrainerValidation {
  /** Mean cross-entropy of text held out from training, nats per token. */
  loss: number;
  perplexity: number;
  tokens: number;
}

export interface TrainerInfo {
  /** Weights of the model. */
  parameters: number;
  vocabulary_size: number;
  context_length: number;
  /** Threads that a step runs on; never more than there are parts of a batch. */
  threads: number;
  /** Steps done, and in all. */
  step: number;
  steps: number;
  /** Whether training is at its end: all steps are done, or the held-out loss no longer falls. */
  complete: boolean;
  /** How often all steps read the text. */
  epochs: number;
  learning_rate: number;
  weight_decay: number;
  /** Tokens to learn from, and tokens held out. */
  training_tokens: number;
  held_out_tokens: number;
  /** Loss on the held-out text of guessing among all tokens, and of counting how often each occurs. */
  uniform_loss: number;
  unigram_loss: number;
}

/** An input token, the token that comes next, and how surprising the model finds it. */
export interface TrainerPair {
  input: string;
  target: string;
  /** −ln of the target's probability. */
  nll: number;
}
"#;

/// Trains a small model on a text, step by step. `<|endoftext|>` in the text separates documents.
#[wasm_bindgen]
pub struct Trainer {
    inner: train::Trainer,
}

crate::debug::debug_in_brief!(Trainer {});

// Not a flattened `StepReport`: serde-wasm-bindgen would make a Map of that.
#[derive(Serialize)]
pub(super) struct Step {
    step: u64,
    loss: f64,
    tokens_per_second: f64,
    learning_rate: f32,
    gradient: f64,
    tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation: Option<Validation>,
    complete: bool,
}

impl Step {
    /// A step that took so many milliseconds.
    pub(super) fn new(report: StepReport, milliseconds: f64, complete: bool) -> Self {
        // A browser's clock is coarse, and may not advance during a short step.
        let tokens_per_second = match milliseconds > 0.0 {
            true => report.tokens as f64 / milliseconds * 1000.0,
            false => 0.0,
        };
        Self {
            step: report.step,
            loss: report.loss,
            tokens_per_second,
            learning_rate: report.learning_rate,
            gradient: report.gradient,
            tokens: report.tokens,
            validation: report.validation,
            complete,
        }
    }
}

#[derive(Serialize)]
struct Info {
    parameters: usize,
    vocabulary_size: usize,
    context_length: usize,
    threads: usize,
    step: u64,
    steps: u64,
    complete: bool,
    epochs: f64,
    learning_rate: f32,
    weight_decay: f32,
    training_tokens: usize,
    held_out_tokens: usize,
    uniform_loss: f64,
    unigram_loss: f64,
}

impl Trainer {
    /// With as many threads of the module as there is work and memory for.
    fn on_all_threads(mut inner: train::Trainer) -> Self {
        if inner.set_threads(kernels::threads::count()).is_err() {
            // As many as fit were made. Half of their memory is for what else training needs.
            let _ = inner.set_threads(inner.threads() / 2);
        }
        Self { inner }
    }
}

#[wasm_bindgen]
impl Trainer {
    /// Learns the vocabulary of `text` and draws the initial weights.
    #[wasm_bindgen(constructor)]
    pub fn new(
        #[wasm_bindgen(unchecked_param_type = "string")] text: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "TrainerConfig")] config: JsValue,
    ) -> Result<Trainer> {
        let text = options::string("text", &text)?;
        let options = options::training_options(&config)?;
        let inner = train::Trainer::new(&text, options)?;
        Ok(Trainer::on_all_threads(inner))
    }

    /// Resumes training from `checkpoint`, with the same text.
    pub fn resume(
        #[wasm_bindgen(unchecked_param_type = "string")] text: JsValue,
        #[wasm_bindgen(unchecked_param_type = "Uint8Array")] checkpoint: JsValue,
    ) -> Result<Trainer> {
        let text = options::string("text", &text)?;
        let bytes = options::bytes("checkpoint", &checkpoint)?;
        let inner = train::Trainer::resume(&text, &bytes)?;
        Ok(Trainer::on_all_threads(inner))
    }

    /// Takes one step: draws a batch, computes its loss, and changes the weights to lower it.
    #[wasm_bindgen(unchecked_return_type = "TrainerStep")]
    pub fn step(&mut self) -> JsResult<JsValue> {
        let started = host::now();
        let report: StepReport = self.inner.step()?;
        let complete = self.inner.is_complete();
        to_js(&Step::new(report, host::now() - started, complete))
    }

    /// Measures how well the weights of this step predict text that was held out from training.
    #[wasm_bindgen(unchecked_return_type = "TrainerValidation")]
    pub fn validate(&self) -> JsResult<JsValue> {
        let validation: Validation = self.inner.validate()?;
        to_js(&validation)
    }

    /// Generates a text after `prompt` with the weights of this step; an empty prompt begins a new text.
    pub fn sample(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] prompt: JsValue,
        #[wasm_bindgen(unchecked_optional_param_type = "GenerateOptions")] options: JsValue,
    ) -> Result<String> {
        let prompt = options::string("prompt", &prompt)?;
        let options: generator::Options =
            options::generation_options(&options, generator::Options::default())?;
        self.inner.sample(&prompt, options)
    }

    /// Each token of `line` with the one before it and its loss: what training is about.
    #[wasm_bindgen(unchecked_return_type = "TrainerPair[]")]
    pub fn pairs(
        &self,
        #[wasm_bindgen(unchecked_param_type = "string")] line: JsValue,
    ) -> JsResult<JsValue> {
        let line = options::string("line", &line)?;
        to_js(&self.inner.pairs(&line)?)
    }

    /// The state that `to_gguf` writes: the one with the lowest loss on the held-out text, among all validated states
    /// and the present one.
    #[wasm_bindgen(unchecked_return_type = "TrainerBest")]
    pub fn best(&self) -> JsResult<JsValue> {
        to_js(&self.inner.best()?)
    }

    /// The model in its best state as a GGUF file, for `Generator.load`. `type` is "q8_0" (the default), "f16" or
    /// "f32".
    pub fn to_gguf(
        &self,
        #[wasm_bindgen(unchecked_optional_param_type = "\"q8_0\" | \"f16\" | \"f32\"")]
        r#type: JsValue,
    ) -> Result<Uint8Array> {
        let kind = if r#type.is_undefined() {
            TensorType::Q8_0
        } else {
            train::storage_type(&options::string("type", &r#type)?)?
        };
        Ok(self.inner.to_gguf(kind)?.as_slice().into())
    }

    /// Everything needed to resume training; see `Trainer.resume`.
    pub fn checkpoint(&self) -> Result<Uint8Array> {
        Ok(self.inner.checkpoint()?.as_slice().into())
    }

    /// The numbers to show beside the loss: sizes, the schedule and the baselines.
    #[wasm_bindgen(unchecked_return_type = "TrainerInfo")]
    pub fn info(&self) -> JsResult<JsValue> {
        let trainer = &self.inner;
        let (training_tokens, held_out_tokens) = trainer.corpus_tokens();
        let Baselines { uniform, unigram } = trainer.baselines();
        let schedule = trainer.schedule();
        to_js(&Info {
            parameters: trainer.shape().parameters(),
            vocabulary_size: trainer.shape().vocabulary_size,
            context_length: trainer.shape().context_length,
            threads: trainer.threads(),
            step: trainer.steps_done(),
            steps: schedule.steps,
            complete: trainer.is_complete(),
            epochs: trainer.epochs(),
            learning_rate: schedule.learning_rate,
            weight_decay: schedule.weight_decay,
            training_tokens,
            held_out_tokens,
            uniform_loss: uniform,
            unigram_loss: unigram,
        })
    }
}
