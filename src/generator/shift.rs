//! Context shift: a text that is longer than the context continues without its oldest tokens.
//!
//! The tokens that are left are run again at their new positions. The next token is then predicted exactly as for a
//! text that begins with them, whatever kind of positions and windows the model has. Half of the tokens that may be
//! dropped go at once, so on average one token is run again for each token generated; the text pauses now and then
//! for as long as it takes to run half a context.

use super::generation::Generation;
use crate::TokenId;
use crate::model::Session;

/// How the context is shifted when it is full.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shift {
    /// Tokens at the start that are never dropped.
    n_keep: usize,
    /// Tokens the context holds, more than `n_keep`.
    capacity: usize,
}

impl Shift {
    pub fn new(n_keep: usize, capacity: usize) -> Self {
        let n_keep = n_keep.min(capacity.saturating_sub(1));
        Shift { n_keep, capacity }
    }

    /// How many tokens, after those kept, are dropped from a text of `len` tokens. Depends on nothing but the length,
    /// so that rewinding restores the context as it was.
    fn dropped(self, len: usize) -> usize {
        let step = (self.capacity + 1 - self.n_keep) / 2;
        len.saturating_sub(self.capacity).div_ceil(step) * step
    }
}

impl Generation {
    /// The number of tokens in the text without those dropped: what the session is to hold.
    pub fn context_len(&self) -> usize {
        self.ids.len() - self.dropped
    }

    /// The tokens of the text without those dropped.
    pub fn context(&self) -> impl Iterator<Item = &TokenId> {
        let (kept, rest) = self.ids.split_at(self.gap_start());
        kept.iter().chain(&rest[self.dropped..])
    }

    /// The tokens to run once the session holds `held` of the context; only those up to the gap where the gap comes
    /// first.
    pub fn tokens_to_run(&self, held: usize) -> &[TokenId] {
        match self.gap_start() {
            gap if held < gap => &self.ids[held..gap],
            _ => &self.ids[held + self.dropped..],
        }
    }

    /// The tokens that penalties look at: the end of the text, no longer than the context.
    pub fn history(ids: &[TokenId], shift: Option<Shift>) -> &[TokenId] {
        let most = shift.map_or(ids.len(), |shift| shift.capacity);
        &ids[ids.len().saturating_sub(most)..]
    }

    /// Applies the shift that the text's length asks for, and truncates the session to the tokens that did not move.
    pub fn apply_shift(&mut self, session: &mut Session) {
        let unmoved = self.drop_oldest();
        session.truncate(unmoved);
    }

    /// Applies the shift that the text's length asks for; returns how many tokens at the start did not move.
    pub fn drop_oldest(&mut self) -> usize {
        match self.shift {
            Some(shift) if shift.dropped(self.ids.len()) != self.dropped => {
                self.dropped = shift.dropped(self.ids.len());
                shift.n_keep
            }
            _ => usize::MAX,
        }
    }

    /// The position at which tokens have been dropped.
    fn gap_start(&self) -> usize {
        match self.shift {
            Some(shift) if self.dropped > 0 => shift.n_keep,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulates the loop: whenever the context is full, half of what may be dropped is dropped.
    #[test]
    fn the_length_decides_what_is_dropped() {
        for capacity in 1..40 {
            for n_keep in 0..capacity {
                let shift = Shift::new(n_keep, capacity);
                let mut dropped = 0;
                for len in 1..200 {
                    if len - dropped > capacity {
                        dropped += (capacity + 1 - n_keep) / 2;
                    }
                    assert_eq!(shift.dropped(len), dropped);
                    let left = len - dropped;
                    assert!(left <= capacity && left > n_keep.min(len - 1));
                }
            }
            assert_eq!(Shift::new(capacity, capacity).n_keep, capacity - 1);
        }
    }
}
