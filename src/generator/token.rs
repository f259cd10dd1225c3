//! What a step of the loop gives.

use super::record::Record;
use crate::TokenId;
use crate::sampler::Alternative;
use crate::tokenizer::Tokenizer;
use serde::Serialize;

/// One generated token.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Token {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The text it completes: whole characters only, empty while a character or a possible stop string is
    /// unfinished. The texts of all tokens together are the generated text.
    pub text: String,
    /// Natural logarithm of its probability under the model's own distribution (temperature 1, nothing cut).
    pub logprob: f32,
    /// Its probability under the distribution it was drawn from.
    pub probability: f32,
    /// The most probable tokens of this step, best first, as many as were asked for.
    pub top_logprobs: Vec<Candidate>,
    /// Set on the last token alone.
    pub finish_reason: Option<FinishReason>,
    /// What happened at this step, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
}

/// One of the most probable tokens of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Candidate {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The token by itself: its text (half a character shows as U+FFFD), or the name of a control token.
    pub text: String,
    /// Natural logarithm of its probability under the model's own distribution.
    pub logprob: f32,
    /// Its probability under the distribution that was drawn from; 0 where it could not be drawn.
    pub probability: f32,
}

impl Candidate {
    pub(super) fn new(alternative: &Alternative, tokenizer: &Tokenizer) -> Self {
        Candidate {
            id: alternative.id,
            text: tokenizer.token_text(alternative.id),
            logprob: alternative.logprob,
            probability: alternative.probability,
        }
    }
}

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FinishReason {
    /// The model ended its text, a stop string appeared, or nothing may follow by the constraint.
    Stop,
    /// `max_tokens` was reached, or the context is full.
    Length,
    /// The caller aborted.
    Abort,
}

impl FinishReason {
    /// The reason as the interfaces spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            FinishReason::Stop => "stop",
            FinishReason::Length => "length",
            FinishReason::Abort => "abort",
        }
    }
}
