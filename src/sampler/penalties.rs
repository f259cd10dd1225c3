//! Penalties for what was said of late: counted tokens, and n-grams that may not return.

use super::table::Table;
use crate::{Result, TokenId};

/// The last `last_n` tokens of `history`, all of it where that is negative.
pub(super) fn window(history: &[TokenId], last_n: i32) -> &[TokenId] {
    let count = usize::try_from(last_n).unwrap_or(usize::MAX);
    &history[history.len().saturating_sub(count)..]
}

/// Gives each token of the window how often it occurs there.
pub(super) fn count(window: &[TokenId], vocabulary: usize, table: &mut Table) -> Result<()> {
    table.prepare(vocabulary, window.len())?;
    for &id in window {
        table.change(id, |count| count + 1);
    }
    Ok(())
}

/// The logit of a token that occurs `count` times: the repetition penalty makes it less probable whatever
/// its sign (the paper divides only, which favours negative logits; every implementation mends that), the
/// frequency penalty counts, the presence penalty does not.
pub(super) fn penalize(logit: f32, count: u32, [repetition, frequency, presence]: [f32; 3]) -> f32 {
    let logit = if logit > 0.0 {
        logit / repetition
    } else {
        logit * repetition
    };
    // A quotient may overflow, and ∞ − ∞ is no number.
    logit.clamp(f32::MIN, f32::MAX) - (count as f32 * frequency + presence)
}

/// Marks the tokens that would complete a sequence of `size` tokens that occurs in the window.
pub(super) fn repeated_ngrams(
    window: &[TokenId],
    size: usize,
    vocabulary: usize,
    table: &mut Table,
) -> Result<()> {
    table.prepare(vocabulary, window.len())?;
    if let Some(start) = (window.len() + 1).checked_sub(size) {
        let beginning = &window[start..];
        for ngram in window.windows(size) {
            if ngram.starts_with(beginning) {
                table.change(ngram[size - 1], |_| 1);
            }
        }
    }
    Ok(())
}
