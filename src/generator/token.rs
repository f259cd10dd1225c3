//! The token that a step of the loop returns.

use super::record::Record;
use crate::TokenId;
use crate::sampler::Alternative;
use crate::tokenizer::Tokenizer;
use serde::Serialize;

/// One generated token.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Token {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The text it completes: whole characters only, empty while a character or a possible stop string is
    /// unfinished. The texts of all tokens together are the generated text.
    pub text: String,
    /// Natural logarithm of its probability under the model's own distribution: temperature 1, nothing cut.
    pub logprob: f32,
    /// Its probability under the distribution it was sampled from.
    pub probability: f32,
    /// The most probable tokens of this step, best first, as many as were asked for.
    pub top_logprobs: Vec<Candidate>,
    /// Why the text ends; set on the last token only.
    pub finish_reason: Option<FinishReason>,
    /// The record of this step, where the options ask for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<Record>>,
}

/// One of the most probable tokens of a step.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Candidate {
    /// Its index in the vocabulary.
    pub id: TokenId,
    /// The token by itself: its text (half a character shows as U+FFFD), or the name of a control token.
    pub text: String,
    /// Natural logarithm of its probability under the model's own distribution.
    pub logprob: f32,
    /// Its probability under the distribution that was sampled from; 0 where a stage had cut it.
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
#[non_exhaustive]
pub enum FinishReason {
    /// The model ended the text, a stop string appeared, or the constraint allows nothing more.
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
