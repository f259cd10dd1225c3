//! The state of a text in layers that keep one state in place of keys and values, and checkpoints of it.
//!
//! Such a state cannot be taken back to an earlier position, so copies of it are kept at some positions: a text that is
//! truncated goes on from the latest one that is not beyond its end, and the tokens after it are run again. The farther
//! back, the sparser these checkpoints are, so that what has to be run again is in proportion to what was taken back.

use std::sync::Arc;

use super::Config;
use super::recurrent_state::RecurrentState;
use crate::Result;
use crate::allocation::{reserve, reserve_exact, with_capacity};

/// The most checkpoints of one text.
const CHECKPOINTS: usize = 6;
/// Positions between two checkpoints at least.
const INTERVAL: usize = 64;

/// The state of all such layers after the text so far.
#[derive(Default)]
pub(super) struct Recurrence {
    layers: Vec<RecurrentState>,
    /// In the order of their positions.
    checkpoints: Vec<Arc<Checkpoint>>,
}

/// The state as it was after so many tokens.
struct Checkpoint {
    position: usize,
    values: Vec<f32>,
}

/// Bytes that the states of one text take with all checkpoints, [`u64::MAX`] where it would be more.
pub(super) fn recurrence_bytes(config: &Config) -> u64 {
    let sizes = (0..config.layers).filter_map(|layer| config.recurrent(layer));
    let numbers = sizes.fold(0u64, |sum, sizes| sum.saturating_add(sizes.state_size()));
    numbers.saturating_mul(size_of::<f32>() as u64 * (1 + CHECKPOINTS as u64))
}

impl Recurrence {
    /// The state before the first token.
    pub fn new(config: &Config) -> Result<Self> {
        let mut layers = Vec::new();
        for sizes in (0..config.layers).filter_map(|layer| config.recurrent(layer)) {
            reserve(&mut layers, 1)?;
            layers.push(RecurrentState::new(sizes)?);
        }
        Ok(Self {
            layers,
            checkpoints: Vec::new(),
        })
    }

    /// Whether the model has no such layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The states of all such layers, in their order.
    pub fn layers_mut(&mut self) -> &mut [RecurrentState] {
        &mut self.layers
    }

    /// Keeps a checkpoint after so many tokens, unless the last one is nearer than [`INTERVAL`].
    pub fn checkpoint_at_interval(&mut self, position: usize) {
        if position >= self.checkpoint_before(position) + INTERVAL {
            self.checkpoint(position);
        }
    }

    /// Keeps a checkpoint after so many tokens. One that cannot be kept for want of memory only makes the next truncation
    /// slower.
    pub fn checkpoint(&mut self, position: usize) {
        if self.is_empty() || position == self.checkpoint_before(position) {
            return;
        }
        // Room is made first: `recurrence_bytes` promises that there are never more than `CHECKPOINTS`.
        self.thin_out(position);
        if let Ok(values) = self.values()
            && reserve(&mut self.checkpoints, 1).is_ok()
        {
            self.checkpoints
                .push(Arc::new(Checkpoint { position, values }));
        }
    }

    /// Makes room for a checkpoint at `end`: drops the one whose loss costs least for its distance from there, where
    /// there are too many.
    fn thin_out(&mut self, end: usize) {
        let len = self.checkpoints.len();
        if len < CHECKPOINTS {
            return;
        }
        let position = |index: usize| match self.checkpoints.get(index) {
            Some(checkpoint) => checkpoint.position,
            None => end,
        };
        let gap = |&index: &usize| {
            let before = index.checked_sub(1).map_or(0, position);
            (position(index + 1) - before) as f64 / (end - before) as f64
        };
        if let Some(least) = (0..len).min_by(|a, b| gap(a).total_cmp(&gap(b))) {
            self.checkpoints.remove(least);
        }
    }

    /// The latest position, at most `most`, that has a checkpoint; 0 where none has.
    pub fn checkpoint_before(&self, most: usize) -> usize {
        self.latest(most)
            .map_or(0, |checkpoint| checkpoint.position)
    }

    fn latest(&self, most: usize) -> Option<&Arc<Checkpoint>> {
        let mut checkpoints = self.checkpoints.iter().rev();
        checkpoints.find(|checkpoint| checkpoint.position <= most)
    }

    /// Takes the state back to the latest position, at most `most`, that it can be taken back to, and returns it.
    pub fn truncate(&mut self, most: usize) -> usize {
        let checkpoint = self.latest(most).map(Arc::clone);
        let position = checkpoint
            .as_ref()
            .map_or(0, |checkpoint| checkpoint.position);
        self.checkpoints.retain(|later| later.position <= position);
        self.set(
            checkpoint
                .as_ref()
                .map_or(&[], |checkpoint| &checkpoint.values),
        );
        position
    }

    /// Sets all states to these values; to those before the first token where there are none.
    fn set(&mut self, mut values: &[f32]) {
        for part in self.layers.iter_mut().flat_map(RecurrentState::parts_mut) {
            match values.split_at_checked(part.len()) {
                Some((first, rest)) => {
                    part.copy_from_slice(first);
                    values = rest;
                }
                None => part.fill(0.0),
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = &[f32]> {
        self.layers.iter().flat_map(RecurrentState::parts)
    }

    /// The numbers of all states.
    fn size(&self) -> usize {
        self.parts().map(<[f32]>::len).sum()
    }

    fn values(&self) -> Result<Vec<f32>> {
        let mut values = with_capacity(self.size())?;
        self.parts().for_each(|part| values.extend_from_slice(part));
        Ok(values)
    }

    /// An independent copy; the checkpoints, which never change, are shared.
    pub fn fork(&self) -> Result<Self> {
        let mut fork = Self::default();
        reserve_exact(&mut fork.layers, self.layers.len())?;
        for layer in &self.layers {
            fork.layers.push(layer.fork()?);
        }
        reserve_exact(&mut fork.checkpoints, self.checkpoints.len())?;
        fork.checkpoints.extend(self.checkpoints.iter().cloned());
        Ok(fork)
    }

    /// Takes the memory to run `tokens` tokens at once.
    pub fn prepare(&mut self, tokens: usize) -> Result<()> {
        self.layers
            .iter_mut()
            .try_for_each(|layer| layer.prepare(tokens))
    }

    /// Appends the bytes of the checkpoint at `position` to `out`; none at the start of the text.
    pub fn save(&self, position: usize, out: &mut Vec<u8>) -> Result<()> {
        let values = match self.latest(position) {
            Some(checkpoint) if checkpoint.position == position => &checkpoint.values[..],
            _ => &[],
        };
        reserve_exact(out, size_of_val(values))?;
        out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
        Ok(())
    }

    /// The bytes that [`save`](Self::save) writes for `position`.
    pub fn saved_bytes(&self, position: usize) -> usize {
        if position == 0 {
            0
        } else {
            self.size() * size_of::<f32>()
        }
    }

    /// Takes the state after `position` tokens from the bytes that [`save`](Self::save) wrote; false where these do not
    /// fit.
    pub fn restore(&mut self, position: usize, bytes: &[u8]) -> Result<bool> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        if bytes.len() != self.saved_bytes(position) || !rest.is_empty() {
            return Ok(false);
        }
        let mut values = with_capacity(numbers.len())?;
        values.extend(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)));
        if values.iter().any(|value| !value.is_finite()) {
            return Ok(false);
        }
        self.set(&values);
        self.checkpoints.clear();
        if position > 0 && !self.is_empty() {
            reserve(&mut self.checkpoints, 1)?;
            self.checkpoints
                .push(Arc::new(Checkpoint { position, values }));
        }
        Ok(true)
    }

    /// Bytes of memory taken.
    pub fn bytes(&self) -> usize {
        self.size() * (1 + self.checkpoints.len()) * size_of::<f32>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Few checkpoints are kept, however long a text grows; and what has to be run again after a truncation is bounded by
    /// what was taken back: about ten times that at worst, in a text of 100,000 tokens.
    #[test]
    fn checkpoints_are_few_and_near() {
        let mut recurrence = Recurrence::default();
        for position in (INTERVAL..100_000).step_by(INTERVAL) {
            let values = Vec::new();
            recurrence.thin_out(position);
            recurrence
                .checkpoints
                .push(Arc::new(Checkpoint { position, values }));
            assert!(recurrence.checkpoints.len() <= CHECKPOINTS);
            for target in (position / 2..position).step_by(101) {
                let again = target - recurrence.checkpoint_before(target);
                let back = position - target;
                assert!(
                    again <= 10 * back + INTERVAL,
                    "{position}, {target}: {again}"
                );
            }
        }
    }
}
