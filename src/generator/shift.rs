//! Context shift: a text that outgrows the context goes on without its oldest tokens.
//!
//! What is left is run anew at its new positions, so that the next token is predicted exactly as from a text
//! that begins with it, whatever the model's positions and windows. As half of what may go is dropped at once,
//! each token written costs one more to be read: a text pauses now and then, for as long as reading half a
//! context takes.

use super::Run;
use crate::TokenId;
use crate::model::Session;

/// How a text outgrows its context.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shift {
    /// Tokens at the start that stay.
    keep: usize,
    /// Tokens the context holds, more than `keep`.
    capacity: usize,
}

impl Shift {
    pub fn new(keep: usize, capacity: usize) -> Self {
        let keep = keep.min(capacity.saturating_sub(1));
        Shift { keep, capacity }
    }

    /// How many tokens after those that stay are dropped of a text of `len`. Its length alone decides, so that
    /// whoever goes back finds the context as it was.
    fn dropped(self, len: usize) -> usize {
        let step = (self.capacity + 1 - self.keep) / 2;
        len.saturating_sub(self.capacity).div_ceil(step) * step
    }
}

impl Run {
    /// Tokens in the text but for those dropped: what the session is to hold.
    pub fn context_len(&self) -> usize {
        self.ids.len() - self.dropped
    }

    /// These tokens.
    pub fn context(&self) -> impl Iterator<Item = &TokenId> {
        let (kept, rest) = self.ids.split_at(self.gap());
        kept.iter().chain(&rest[self.dropped..])
    }

    /// Those after the first `held` of them, or some of those.
    pub fn rest(&self, held: usize) -> &[TokenId] {
        match self.gap() {
            gap if held < gap => &self.ids[held..gap],
            _ => &self.ids[held + self.dropped..],
        }
    }

    /// What penalties look at: the end of the text, no more of it than the context might hold.
    pub fn history(ids: &[TokenId], shift: Option<Shift>) -> &[TokenId] {
        let most = shift.map_or(ids.len(), |shift| shift.capacity);
        &ids[ids.len().saturating_sub(most)..]
    }

    /// Drops what a text of this length lacks; the session forgets what has moved.
    pub fn apply_shift(&mut self, session: &mut Session) {
        let unmoved = self.drop_oldest();
        session.truncate(unmoved);
    }

    /// Drops what a text of this length lacks; gives how many tokens stand where they stood.
    pub fn drop_oldest(&mut self) -> usize {
        match self.shift {
            Some(shift) if shift.dropped(self.ids.len()) != self.dropped => {
                self.dropped = shift.dropped(self.ids.len());
                shift.keep
            }
            _ => usize::MAX,
        }
    }

    /// Where tokens are missing.
    fn gap(&self) -> usize {
        match self.shift {
            Some(shift) if self.dropped > 0 => shift.keep,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Walks through a text as the loop does: whenever the context is full, half of what may go goes.
    #[test]
    fn the_length_decides_what_is_dropped() {
        for capacity in 1..40 {
            for keep in 0..capacity {
                let shift = Shift::new(keep, capacity);
                let mut dropped = 0;
                for len in 1..200 {
                    if len - dropped > capacity {
                        dropped += (capacity + 1 - keep) / 2;
                    }
                    assert_eq!(shift.dropped(len), dropped);
                    let left = len - dropped;
                    assert!(left <= capacity && left > keep.min(len - 1));
                }
            }
            assert_eq!(Shift::new(capacity, capacity).keep, capacity - 1);
        }
    }
}
