//! DRY, "don't repeat yourself" (p-e-w, text-generation-webui #5677): penalises tokens that would continue a
//! repetition, the more the longer it is.

use super::{Apply, Parameter, StageContext, parameters, penalties};
use crate::allocation::reserve_exact;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::sampler::table::Table;
use crate::{Result, TokenId};

/// Subtracts `dry_multiplier` × `dry_base` ^ (length − `dry_allowed_length`) from the logits of tokens
/// that would continue a repetition of that length (p-e-w 2024, text-generation-webui #5677).
#[derive(Debug, Clone, PartialEq)]
pub struct Dry {
    /// 0 is neutral.
    pub dry_multiplier: f32,
    /// The factor by which the penalty grows with each token of the repetition.
    pub dry_base: f32,
    /// The length of the shortest repetition that is penalised.
    pub dry_allowed_length: u32,
    /// How many of the last tokens are searched; −1 for the whole text.
    pub dry_penalty_last_n: i32,
    /// Strings that end a repetition. Control tokens always do, without being listed.
    pub dry_sequence_breakers: Vec<String>,
}

/// The bytes of a token; none for a control token.
pub type TokenBytes<'a> = &'a dyn Fn(TokenId) -> &'a [u8];

impl Apply for Dry {
    parameters!(
        dry_multiplier,
        dry_base,
        dry_allowed_length,
        dry_penalty_last_n,
        dry_sequence_breakers
    );

    fn is_neutral(&self) -> bool {
        self.dry_multiplier == 0.0 || self.dry_penalty_last_n == 0
    }

    fn apply(
        &self,
        candidates: &mut Candidates,
        step: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()> {
        let window = penalties::window(step.history, self.dry_penalty_last_n);
        let allowed_length = usize::try_from(self.dry_allowed_length).unwrap_or(usize::MAX);
        let table = &mut context.table;
        let numbers = (candidates.vocabulary(), &mut *table);
        context.repetitions.find_all(
            window,
            allowed_length,
            &self.dry_sequence_breakers,
            step.bytes,
            numbers,
        )?;
        if !table.is_empty() {
            let (multiplier, base) = (f64::from(self.dry_multiplier), f64::from(self.dry_base));
            candidates.adjust_logits(table, |logit, number| {
                let excess = number - 1 - self.dry_allowed_length;
                let penalty = multiplier * libm::pow(base, f64::from(excess));
                (f64::from(logit) - penalty) as f32
            });
        }
        Ok(())
    }
}

/// Finds repetitions; what it holds is scratch memory.
#[derive(Debug, Clone, Default)]
pub(in crate::sampler) struct Repetitions {
    /// `shared[d]`: how many tokens at the end of the text equal those that end d tokens earlier.
    shared: Vec<u32>,
    /// The bytes from the token looked at on, as many as a breaker may reach into.
    following: Vec<u8>,
}

impl Repetitions {
    /// Sets the number in `table` of each token that would continue a repetition of at least `allowed_length` tokens:
    /// the length of the longest such repetition, plus 1. A repetition contains no breaker, and a token that contains
    /// one gets no number.
    pub fn find_all(
        &mut self,
        window: &[TokenId],
        allowed_length: usize,
        breakers: &[String],
        bytes: TokenBytes<'_>,
        (vocabulary, table): (usize, &mut Table),
    ) -> Result<()> {
        table.prepare(vocabulary, window.len())?;
        let max_length = self.since_break(window, breakers, bytes);
        if max_length < allowed_length {
            return Ok(());
        }
        self.z_function(window)?;
        // The first token of the window has nothing before it to repeat.
        self.shared.push(0);
        for distance in 1..=window.len() {
            let length = (self.shared[distance] as usize).min(max_length);
            if length >= allowed_length {
                let next = window[window.len() - distance];
                table.change(next, |longest| longest.max(length as u32 + 1));
            }
        }
        table.retain(|id| {
            let token = bytes(id);
            !token.is_empty() && !breakers.iter().any(|b| find(token, b.as_bytes()).is_some())
        });
        Ok(())
    }

    /// The number of tokens after the last breaker; all of the window where there is none. Control tokens, such as
    /// those between the turns of a chat, are always breakers.
    fn since_break(
        &mut self,
        window: &[TokenId],
        breakers: &[String],
        bytes: TokenBytes<'_>,
    ) -> usize {
        let longest = breakers.iter().map(String::len).max().unwrap_or(0);
        self.following.clear();
        for (after, &id) in window.iter().rev().enumerate() {
            let token = bytes(id);
            if token.is_empty() {
                return after;
            }
            self.following.splice(0..0, token.iter().copied());
            self.following
                .truncate(token.len() + longest.saturating_sub(1));
            let text = &self.following;
            // A breaker that begins in a later token has been found before.
            let ends = breakers.iter().filter_map(|breaker| {
                let start = find(text, breaker.as_bytes())?;
                Some(start + breaker.len())
            });
            if let Some(end) = ends.max() {
                let later = &window[window.len() - after..];
                return after - tokens_within(later, end.saturating_sub(token.len()), bytes);
            }
        }
        window.len()
    }

    /// Computes `shared`: the Z function of the reversed window, in linear time.
    fn z_function(&mut self, window: &[TokenId]) -> Result<()> {
        let count = window.len();
        let back = |index: usize| window[count - 1 - index];
        self.shared.clear();
        reserve_exact(&mut self.shared, count + 1)?;
        self.shared.resize(count, 0);
        // back(start..end) is the known match that reaches furthest.
        let (mut start, mut end) = (0, 0);
        for distance in 1..count {
            let mut length = 0;
            if distance < end {
                length = (self.shared[distance - start] as usize).min(end - distance);
            }
            while distance + length < count && back(length) == back(distance + length) {
                length += 1;
            }
            if distance + length > end {
                (start, end) = (distance, distance + length);
            }
            self.shared[distance] = length as u32;
        }
        Ok(())
    }
}

/// How many of the tokens it takes to reach `length` bytes.
fn tokens_within(tokens: &[TokenId], length: usize, bytes: TokenBytes<'_>) -> usize {
    let mut reached = 0;
    let within = tokens.iter().take_while(|&&id| {
        let before = reached;
        reached += bytes(id).len();
        before < length
    });
    within.count()
}

/// The start of the last occurrence of `sought`.
fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    let mut parts = text.windows(sought.len().max(1));
    parts.rposition(|part| part == sought)
}
