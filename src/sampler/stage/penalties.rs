//! Penalties on recent tokens: by how often each occurred, and for n-grams that may not occur again.

use super::{Apply, Parameter, StageContext, parameters};
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::sampler::table::Table;
use crate::{Result, TokenId};

/// Makes tokens less probable that occur among the last `penalty_last_n` tokens (−1: in the whole text).
#[derive(Debug, Clone, PartialEq)]
pub struct Penalties {
    /// How many of the last tokens are looked at.
    pub penalty_last_n: i32,
    /// Divides positive logits and multiplies others (Keskar et al. 2019, CTRL). 1 is neutral.
    pub repetition_penalty: f32,
    /// Subtracted for each occurrence (OpenAI's API). 0 is neutral.
    pub frequency_penalty: f32,
    /// Subtracted once (OpenAI's API). 0 is neutral.
    pub presence_penalty: f32,
    /// No n-gram of this size may occur twice (Paulus et al. 2017). 0 is neutral. Has no effect where it would
    /// remove all tokens.
    pub no_repeat_ngram_size: u32,
}

impl Apply for Penalties {
    parameters!(
        penalty_last_n,
        repetition_penalty,
        frequency_penalty,
        presence_penalty,
        no_repeat_ngram_size
    );

    fn is_neutral(&self) -> bool {
        self.penalty_last_n == 0
            || (self.rates() == NEUTRAL_RATES && self.no_repeat_ngram_size == 0)
    }

    fn apply(
        &self,
        candidates: &mut Candidates,
        step: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()> {
        let window = window(step.history, self.penalty_last_n);
        let (vocabulary, table) = (candidates.vocabulary(), &mut context.table);
        let rates = self.rates();
        if rates != NEUTRAL_RATES {
            count(window, vocabulary, table)?;
            candidates.adjust_logits(table, |logit, count| penalized(logit, count, rates));
        }
        if self.no_repeat_ngram_size > 0 {
            let size = usize::try_from(self.no_repeat_ngram_size).unwrap_or(usize::MAX);
            repeated_ngrams(window, size, vocabulary, table)?;
            if !table.is_empty() && candidates.any_outside(table) {
                candidates.remove(table);
            }
        }
        Ok(())
    }
}

/// The rates of penalties that change nothing.
const NEUTRAL_RATES: [f32; 3] = [1.0, 0.0, 0.0];

impl Penalties {
    /// The penalties for repetition, frequency and presence.
    fn rates(&self) -> [f32; 3] {
        [
            self.repetition_penalty,
            self.frequency_penalty,
            self.presence_penalty,
        ]
    }
}

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
