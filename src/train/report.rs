//! What training reports: of a step, of a validation, of the best state.

use serde::Serialize;

/// The report of one step.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StepReport {
    /// Steps done, this one included.
    pub step: u64,
    /// Mean cross-entropy of the batch before the update, in nats per token.
    pub loss: f64,
    /// Euclidean norm of the gradient before clipping.
    pub gradient: f64,
    /// The learning rate of the step.
    pub learning_rate: f32,
    /// Tokens in the batch.
    pub tokens: usize,
    /// The validation after the step; `None` where there was none.
    pub validation: Option<Validation>,
}

/// The state with the lowest validation loss.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BestState {
    /// The number of steps after which it was reached.
    pub step: u64,
    /// Its validation loss, in nats per token.
    pub loss: f64,
}

/// The result of a validation: how well held-out text is predicted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Validation {
    /// Mean cross-entropy, nats per token.
    pub loss: f64,
    /// e to the power of `loss`.
    pub perplexity: f64,
    /// Tokens predicted.
    pub tokens: usize,
}
