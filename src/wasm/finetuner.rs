//! The JavaScript interface of fine-tuning: a thin layer over [`crate::train::finetune`], in the trainer's module.

use super::engine::{Generator, JsResult, host, options, to_js};
use super::trainer::Step;
use crate::error::invalid_option;
use crate::kernels;
use crate::train::finetune::{self, Answer, CONTEXT_LENGTH, Examples, Options};
use crate::{Error, Result};
use js_sys::Uint8Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface FinetunerConfig {
  /** The rank of the updates: how much an adapter can hold, and its size. 8 unless set. */
  rank?: number;
  /** The updates are scaled by alpha / rank. 16 unless set. */
  alpha?: number;
  /** Which matrices of every layer are updated. All seven unless set. */
  targets?: ("attn_q" | "attn_k" | "attn_v" | "attn_output" | "ffn_gate" | "ffn_up" | "ffn_down")[];
  /** Steps in all, over which the learning rate falls. As many as read the examples six times unless set, 20 at least. */
  steps?: number;
  /** Sequences in the batch of one step. 8 unless set. */
  batch_size?: number;
  /** Tokens of the longest sequence. 512 unless set, or the model's context where that is shorter. A longer text is cut; a
   * longer conversation is an error. */
  context_length?: number;
  /** The highest learning rate. 0.001 unless set. */
  learning_rate?: number;
  /** How much the updates shrink at each step, in units of the learning rate. 0 unless set. */
  weight_decay?: number;
  /** `complete` is said where so many looks at what is held out, one after the other, find no lower loss; 0 never says it
   * before the last step. 3 unless set. */
  patience?: number;
  /** A longer gradient is scaled down to this length. 1 unless set. */
  max_gradient?: number;
  /** The same model, examples, config and seed give the same adapter. 0 unless set. */
  seed?: number | bigint;
}

/** A conversation to learn from: what the assistant says in it. */
export interface Conversation {
  messages: ChatMessage[];
}

export interface FinetunerInfo {
  /** Numbers in the adapter. */
  parameters: number;
  /** Threads at hand; a step uses no more of them than its batch has parts, of some 256 tokens each. */
  threads: number;
  /** Steps done, and in all. */
  step: number;
  steps: number;
  /** Whether training is at its end: all steps are done, or the held-out loss no longer falls. */
  complete: boolean;
  learning_rate: number;
  weight_decay: number;
  /** Sequences to learn from, and sequences held out. */
  training_sequences: number;
  held_out_sequences: number;
  /** Tokens that count as targets in those. */
  training_tokens: number;
  held_out_tokens: number;
  /** Held-out loss of the model as it was, nats per token. */
  base_loss: number;
}

export namespace Finetuner {
  /**
   * Loads a model, of which an adapter is to be learnt, and measures its held-out loss. `examples` is a text, in which
   * `<|endoftext|>` ends a document, or a list of conversations, in which what the assistant says counts.
   */
  export function load(
    source: ModelSource,
    examples: string | Conversation[],
    config?: FinetunerConfig,
    options?: Pick<LoadOptions, "onProgress" | "signal" | "timeout">,
  ): Promise<Finetuner>;
}
"#;

/// Learns a LoRA adapter of a model, step by step; `Finetuner.load` makes one.
#[wasm_bindgen]
pub struct Finetuner {
    inner: finetune::Finetuner,
}

crate::debug::debug_in_brief!(Finetuner {});

#[derive(Serialize)]
struct Info {
    parameters: usize,
    threads: usize,
    step: u64,
    steps: u64,
    complete: bool,
    learning_rate: f32,
    weight_decay: f32,
    training_sequences: usize,
    held_out_sequences: usize,
    training_tokens: usize,
    held_out_tokens: usize,
    base_loss: f64,
}

/// What a caller asks for.
struct Config {
    options: Options,
    context_length: Option<usize>,
}

impl Config {
    fn from_js(object: &JsValue) -> Result<Self> {
        let mut context_length = None;
        let mut asked = Options::default();
        for (name, value) in options::entries(object)? {
            match name.as_str() {
                "rank" => asked.rank = options::size(&name, &value)?,
                "alpha" => asked.alpha = options::number(&name, &value)?,
                "targets" => asked.targets = options::strings(&name, &value)?,
                "steps" => asked.steps = Some(options::u32_value(&name, &value)?.into()),
                "batch_size" => asked.batch_size = options::size(&name, &value)?,
                "context_length" => context_length = Some(options::size(&name, &value)?),
                "learning_rate" => asked.learning_rate = options::number(&name, &value)?,
                "weight_decay" => asked.weight_decay = options::number(&name, &value)?,
                "patience" => asked.patience = options::u32_value(&name, &value)?.into(),
                "max_gradient" => asked.max_gradient = options::number(&name, &value)?,
                "seed" => asked.seed = options::seed(&value)?,
                _ => return Err(Error::UnknownOption(name)),
            }
        }
        asked.validate()?;
        Ok(Self {
            options: asked,
            context_length,
        })
    }

    /// The longest sequence for the model of `generator`, in tokens.
    fn context_length(&self, generator: &Generator) -> usize {
        let most = generator.model.config.context_length;
        self.context_length.unwrap_or(CONTEXT_LENGTH.min(most))
    }
}

/// Throws for a config that no model could be fine-tuned with, before one is loaded.
#[wasm_bindgen(skip_typescript)]
pub fn check_finetuner_config(config: JsValue) -> Result<()> {
    Config::from_js(&config).map(|_| ())
}

#[wasm_bindgen]
impl Finetuner {
    /// Fine-tunes the model of `generator` on a text. `Finetuner.load` of the package calls it.
    #[wasm_bindgen(skip_typescript)]
    pub fn on_text(generator: &Generator, text: JsValue, config: JsValue) -> Result<Finetuner> {
        let config = Config::from_js(&config)?;
        let text = options::string("examples", &text)?;
        let context = config.context_length(generator);
        let examples = Examples::from_text(&generator.model, &text, context)?;
        Self::on_all_threads(examples, config.options)
    }

    /// Fine-tunes the model of `generator` on conversations that are rendered already: for each a list with two strings for
    /// each answer, of the messages before it and of those with it.
    #[wasm_bindgen(skip_typescript)]
    pub fn on_answers(
        generator: &Generator,
        conversations: JsValue,
        config: JsValue,
    ) -> Result<Finetuner> {
        let config = Config::from_js(&config)?;
        let conversations = answers(&conversations)
            .ok_or_else(|| invalid_option("conversations", "lists of rendered answers"))?;
        let context = config.context_length(generator);
        let examples = Examples::from_answers(&generator.model, &conversations, context)?;
        Self::on_all_threads(examples, config.options)
    }

    /// With as many threads of the module as there is work for.
    fn on_all_threads(examples: Examples, options: Options) -> Result<Finetuner> {
        let threads = kernels::threads::count();
        let inner = finetune::Finetuner::with_threads(examples, options, threads)?;
        Ok(Finetuner { inner })
    }

    /// Takes one step: computes the loss of a batch and its gradient, and changes the updates to lower it.
    #[wasm_bindgen(unchecked_return_type = "TrainerStep")]
    pub fn step(&mut self) -> JsResult<JsValue> {
        let started = host::now();
        let report = self.inner.step()?;
        let complete = self.inner.is_complete();
        to_js(&Step::new(report, host::now() - started, complete))
    }

    /// Measures how well the model with the updates of this step predicts what was held out.
    #[wasm_bindgen(unchecked_return_type = "TrainerValidation")]
    pub fn validate(&mut self) -> JsResult<JsValue> {
        to_js(&self.inner.validate()?)
    }

    /// The state that `to_gguf` writes: the one with the lowest held-out loss among all that were looked at. Step 0 is the
    /// model as it was.
    #[wasm_bindgen(unchecked_return_type = "TrainerBest")]
    pub fn best(&self) -> JsResult<JsValue> {
        to_js(&self.inner.best())
    }

    /// The adapter in its best state as a GGUF file, for `load_adapter` and for llama.cpp.
    pub fn to_gguf(&self) -> Result<Uint8Array> {
        Ok(self.inner.to_gguf()?.as_slice().into())
    }

    /// The numbers to show beside the loss: sizes, the schedule, and the loss of the model as it was.
    #[wasm_bindgen(unchecked_return_type = "FinetunerInfo")]
    pub fn info(&self) -> JsResult<JsValue> {
        let (tuner, examples) = (&self.inner, self.inner.examples());
        let (training_sequences, held_out_sequences) = examples.sequences();
        let (training_tokens, held_out_tokens) = examples.tokens();
        let schedule = tuner.schedule();
        to_js(&Info {
            parameters: tuner.parameters(),
            threads: tuner.threads(),
            step: tuner.steps_done(),
            steps: schedule.steps,
            complete: tuner.is_complete(),
            learning_rate: schedule.learning_rate,
            weight_decay: schedule.weight_decay,
            training_sequences,
            held_out_sequences,
            training_tokens,
            held_out_tokens,
            base_loss: tuner.first().loss,
        })
    }
}

fn answers(conversations: &JsValue) -> Option<Vec<Vec<Answer>>> {
    let answer = |pair: &JsValue| match &options::items(pair)?[..] {
        [prompt, conversation] => Some(Answer {
            prompt: prompt.as_string()?,
            conversation: conversation.as_string()?,
        }),
        _ => None,
    };
    let conversations = options::items(conversations)?;
    let conversation = |answers| options::items(answers)?.iter().map(answer).collect();
    conversations.iter().map(conversation).collect()
}
