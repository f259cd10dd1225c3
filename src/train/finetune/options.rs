//! The options of fine-tuning.

use super::super::Schedule;
use super::super::options::{MAX_DECAY, check_size};
use super::Examples;
use crate::Result;
use crate::error::check_option;

/// The linear layers of a layer, by their names in a GGUF file.
const TARGETS: [&str; 7] = [
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
];

/// The longest sequence in tokens, unless another is asked for or the model's context is shorter.
pub const CONTEXT_LENGTH: usize = 512;

/// The largest rank, as for adapters that are loaded.
const MAX_RANK: usize = 4096;
/// The default number of epochs, and the fewest steps.
const EPOCHS: f64 = 6.0;
const MIN_STEPS: f64 = 20.0;
/// The default warm-up: one part in this many of all steps, and at most so many steps.
const WARMUP: (u64, u64) = (10, 50);
/// The number of validations in one training.
const LOOKS: u64 = 10;

/// Everything that fine-tuning depends on besides the model and the examples. The same give the same adapter.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The rank of the updates: rows of A, columns of B.
    pub rank: usize,
    /// α: the updates are scaled by α / rank.
    pub alpha: f32,
    /// Which linear layers of every layer get an update, by their names in the file.
    pub targets: Vec<String>,
    /// Sequences in the batch of one step.
    pub batch_size: usize,
    /// Steps in all, over which the learning-rate schedule runs. `None`: as many as read the examples six times, 20 at
    /// least.
    pub steps: Option<u64>,
    /// The highest learning rate.
    pub learning_rate: f32,
    /// The weight decay: each step multiplies A and B by 1 − learning rate × weight decay.
    pub weight_decay: f32,
    /// Early stopping: training is complete after this many validations in a row, of ten in all, without a new lowest
    /// loss. 0 turns it off.
    pub patience: u64,
    /// The largest Euclidean norm of the gradient; a longer one is scaled down to it.
    pub max_gradient: f32,
    /// The seed of the initial weights and of the order of the examples.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            rank: 8,
            alpha: 16.0,
            targets: TARGETS.map(str::to_owned).to_vec(),
            batch_size: 8,
            steps: None,
            learning_rate: 1e-3,
            weight_decay: 0.0,
            patience: 3,
            max_gradient: 1.0,
            seed: 0,
        }
    }
}

impl Options {
    /// Checks every option.
    ///
    /// # Errors
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) with the option's name.
    pub fn validate(&self) -> Result<()> {
        let positive = |value: f32| value.is_finite() && value > 0.0;
        check_option(
            (1..=MAX_RANK).contains(&self.rank),
            "rank",
            "a whole number from 1 to 4096",
        )?;
        check_option(positive(self.alpha), "alpha", "a finite number over 0")?;
        let known = |target: &String| TARGETS.contains(&target.as_str());
        check_option(
            !self.targets.is_empty() && self.targets.iter().all(known),
            "targets",
            &format!("some of {}", TARGETS.join(", ")),
        )?;
        check_size(self.batch_size, self.steps)?;
        check_option(
            positive(self.learning_rate) && self.learning_rate <= 1.0,
            "learning_rate",
            "a number over 0, at most 1",
        )?;
        check_option(
            (0.0..=MAX_DECAY).contains(&self.weight_decay),
            "weight_decay",
            "a number from 0 to 10",
        )?;
        check_option(
            positive(self.max_gradient),
            "max_gradient",
            "a finite number over 0",
        )
    }

    /// The schedule for these examples.
    pub(super) fn schedule(&self, examples: &Examples) -> Schedule {
        let epoch = examples.training.len() as f64 / self.batch_size as f64;
        let steps = (EPOCHS * epoch).max(MIN_STEPS).ceil() as u64;
        let steps = self.steps.unwrap_or(steps);
        Schedule {
            steps,
            warmup_steps: (steps / WARMUP.0).min(WARMUP.1),
            learning_rate: self.learning_rate,
            weight_decay: self.weight_decay,
            validate_every: steps.div_ceil(LOOKS).max(1),
        }
    }
}
