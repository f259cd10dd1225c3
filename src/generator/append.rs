//! Append: the last part of a step, which adds the chosen token to the text.

use super::generation::Generation;
use super::text::Text;
use super::{Candidate, FinishReason, Token};
use crate::TokenId;
use crate::sampler::Choice;
use crate::tokenizer::Tokenizer;

/// Appends the chosen token to the text and decides whether the text ends with it, as it does where the constraint
/// says that it is `complete`.
pub(super) fn append(
    tokenizer: &Tokenizer,
    context_length: usize,
    generation: &mut Generation,
    choice: Choice,
    complete: bool,
) -> Token {
    generation.ids.push(choice.id);
    let (mut text, stopped, ends) = push_token(&mut generation.text, tokenizer, choice.id);
    if ends {
        text.push_str(&generation.text.finish());
    }
    // The last token is never run, so the text may have one token more than the context holds.
    let full = generation.shift.is_none() && generation.ids.len() > context_length
        || generation.generated() >= generation.options.max_tokens.unwrap_or(usize::MAX);
    if stopped || ends {
        generation.finish_reason = Some(FinishReason::Stop);
    } else if complete || full {
        text.push_str(&generation.text.finish());
        generation.finish_reason = Some(match complete {
            true => FinishReason::Stop,
            false => FinishReason::Length,
        });
    }
    let candidate = |alternative| Candidate::new(alternative, tokenizer);
    Token {
        id: choice.id,
        text,
        logprob: choice.logprob,
        probability: choice.probability,
        top_logprobs: choice.alternatives.iter().map(candidate).collect(),
        finish_reason: generation.finish_reason,
        record: None,
    }
}

/// Appends a token to a text. Returns the text that it completes, whether a stop string ends the text there, and
/// whether the token itself does (end of generation).
pub(super) fn push_token(
    text: &mut Text,
    tokenizer: &Tokenizer,
    id: TokenId,
) -> (String, bool, bool) {
    let ends = tokenizer.is_end_of_generation(id);
    let bytes = if ends { &[] } else { tokenizer.token_bytes(id) };
    let (new, stopped) = text.push(id, bytes);
    (new, stopped, ends)
}
