//! The state of one text in progress.

use super::append::push_token;
use super::shift::Shift;
use super::text::Text;
use super::{FinishReason, Options};
use crate::sampler::{self, Mask, Sampler};
use crate::tokenizer::Tokenizer;
use crate::{Result, TokenId};

/// The state of one text in progress.
pub(super) struct Generation {
    /// The tokens of the prompt and those generated. The session holds the first `session.len()` of them, not
    /// counting those dropped.
    pub ids: Vec<TokenId>,
    /// How the context is shifted when it is full; absent where the text ends there instead.
    pub shift: Option<Shift>,
    /// Tokens that context shifts have dropped from the session.
    pub dropped: usize,
    pub prompt_len: usize,
    /// Tokens of the prompt that the session held before the text was started.
    pub reused: usize,
    pub sampler: Sampler,
    /// The sampler's state before each generated token.
    pub states: Vec<sampler::State>,
    pub seed: u64,
    /// How many of `ids` the current logits were predicted from.
    pub predicted: Option<usize>,
    pub text: Text,
    pub options: Options,
    /// Tokens generated before the constraint came into force.
    pub constraint_start: usize,
    /// The tokens that the constraint allows next, once it has been asked.
    pub allowed: Option<Mask>,
    /// The tokens that it allows after each drafted one: the index of that in the text, the token, and the mask.
    pub ahead: Vec<(usize, TokenId, Mask)>,
    pub finish_reason: Option<FinishReason>,
    /// Steps taken, including those that were rewound.
    pub steps: usize,
    /// Tokens that were run ahead of their turn, and those of them whose turn came.
    pub drafted: usize,
    pub accepted: usize,
    pub prefill_ms: f64,
    pub decode_ms: f64,
}

impl Generation {
    /// A text that begins with `ids`; the model has run none of them yet.
    pub fn new(
        tokenizer: &Tokenizer,
        ids: Vec<TokenId>,
        options: Options,
        shift: Option<Shift>,
        seed: u64,
    ) -> Result<Self> {
        Ok(Generation {
            prompt_len: ids.len(),
            ids,
            shift,
            dropped: 0,
            reused: 0,
            sampler: Sampler::new(options.stages()?, seed),
            states: Vec::new(),
            seed,
            predicted: None,
            text: Text::new(&options.stop, tokenizer),
            options: Options {
                seed: Some(seed),
                ..options
            },
            constraint_start: 0,
            allowed: None,
            ahead: Vec::new(),
            finish_reason: None,
            steps: 0,
            drafted: 0,
            accepted: 0,
            prefill_ms: 0.0,
            decode_ms: 0.0,
        })
    }

    /// Builds the text again from the generated tokens.
    pub fn rebuild_text(&mut self, tokenizer: &Tokenizer) {
        self.text.clear();
        let mut ended = self.finish_reason == Some(FinishReason::Length);
        for &id in &self.ids[self.prompt_len..] {
            ended |= push_token(&mut self.text, tokenizer, id).2;
        }
        if ended {
            self.text.finish();
        }
    }

    pub fn generated(&self) -> usize {
        self.ids.len() - self.prompt_len
    }
}
