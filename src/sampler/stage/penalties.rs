//! Penalties on recent tokens: by how often each occurred, and for n-grams that may not occur again.

use crate::sampler::candidates::Candidates;
use crate::sampler::table::Table;
use crate::{Result, TokenId};

/// The last `last_n` tokens of `history`; all of it where `last_n` is negative.
pub(super) fn window(history: &[TokenId], last_n: i32) -> &[TokenId] {
    let count = usize::try_from(last_n).unwrap_or(usize::MAX);
    &history[history.len().saturating_sub(count)..]
}

/// Sets the number in `table` of each token of the window to how often it occurs there.
fn count(window: &[TokenId], vocabulary: usize, table: &mut Table) -> Result<()> {
    table.prepare(vocabulary, window.len())?;
    for &id in window {
        table.change(id, |count| count + 1);
    }
    Ok(())
}

/// The penalised logit of a token that occurs `count` times. The repetition penalty makes it less probable whatever its
/// sign: the paper only divides, which would favour negative logits, so this multiplies those as other implementations
/// do. The frequency penalty counts once for each occurrence, the presence penalty once.
pub(in crate::sampler) fn penalized(
    logit: f32,
    count: u32,
    [repetition, frequency, presence]: [f32; 3],
) -> f32 {
    let logit = if logit > 0.0 {
        logit / repetition
    } else {
        logit * repetition
    };
    // The quotient may overflow, and ∞ − ∞ would be NaN.
    logit.clamp(f32::MIN, f32::MAX) - (count as f32 * frequency + presence)
}

/// Marks in `table` the tokens that would complete an n-gram of `size` tokens that the window already contains.
fn repeated_ngrams(
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

/// Penalises the tokens of the window by how often they occur there.
pub(super) fn penalize(
    candidates: &mut Candidates,
    window: &[TokenId],
    rates: [f32; 3],
    table: &mut Table,
) -> Result<()> {
    if rates != [1.0, 0.0, 0.0] {
        count(window, candidates.vocabulary(), table)?;
        candidates.adjust_logits(table, |logit, count| penalized(logit, count, rates));
    }
    Ok(())
}

/// Removes the tokens that would complete an n-gram of the window again, unless that would leave none.
pub(super) fn remove_repeated_ngrams(
    candidates: &mut Candidates,
    window: &[TokenId],
    size: usize,
    table: &mut Table,
) -> Result<()> {
    repeated_ngrams(window, size, candidates.vocabulary(), table)?;
    if !table.is_empty() && candidates.any_outside(table) {
        candidates.remove(table);
    }
    Ok(())
}
