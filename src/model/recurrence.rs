//! The state of a text in layers that keep one state in place of keys and values, and checkpoints of it.
//!
//! Such a state cannot be taken back to an earlier position, or not far, so copies of it are kept at some positions: a text
//! that is truncated goes on from the latest one that is not beyond its end, and the tokens after it are run again. The
//! farther back, the sparser these checkpoints are, so that what has to be run again is in proportion to what was taken
//! back.

use std::sync::Arc;

use super::Config;
use super::recurrent_state::{REACH, RecurrentState, state_sizes};
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
    /// How many positions the states themselves can be taken back by.
    reach: usize,
    /// The first position that they can be taken back to.
    earliest: usize,
}

/// The state as it was after so many tokens.
struct Checkpoint {
    position: usize,
    values: Vec<f32>,
}

/// Bytes that the states of one text take with all checkpoints, [`u64::MAX`] where it would be more.
pub(super) fn recurrence_bytes(config: &Config) -> u64 {
    let sizes = (0..config.layers).filter_map(|layer| state_sizes(config, layer));
    let numbers = sizes.fold(0u64, |sum, [state, checkpoint]| {
        let checkpoints = checkpoint.saturating_mul(CHECKPOINTS as u64);
        sum.saturating_add(state).saturating_add(checkpoints)
    });
    numbers.saturating_mul(size_of::<f32>() as u64)
}

impl Recurrence {
    /// The state before the first token.
    pub fn new(config: &Config) -> Result<Self> {
        let mut layers = Vec::new();
        for index in 0..config.layers {
            if let Some(state) = RecurrentState::new(config, index)? {
                reserve(&mut layers, 1)?;
                layers.push(state);
            }
        }
        let convolves = layers.iter().all(|layer| layer.heads.is_empty());
        Ok(Self {
            layers,
            checkpoints: Vec::new(),
            reach: if convolves { REACH } else { 0 },
            earliest: 0,
        })
    }

    /// Whether the model has no such layers.
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// Whether a text can be taken back by some positions, at most [`REACH`], without running others again.
    pub fn reaches_back(&self) -> bool {
        self.reach > 0
    }

    /// Whether it can be taken back to so many tokens in this way.
    pub fn reaches(&self, position: usize) -> bool {
        position >= self.earliest
    }

    /// Notes that the tokens up to this position are run.
    pub fn run_to(&mut self, end: usize) {
        self.earliest = self.earliest.max(end.saturating_sub(self.reach));
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
        if let Ok(values) = self.values(position)
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
        self.checkpoints.retain(|later| later.position <= most);
        if self.reaches(most) {
            return most;
        }
        match self.checkpoints.last().map(Arc::clone) {
            Some(checkpoint) => self.set(checkpoint.position, &checkpoint.values),
            None => self.set(0, &[]),
        }
        self.earliest
    }

    /// Sets all states to these values, which they had after `position` tokens; to those before the first token where
    /// there are none.
    fn set(&mut self, position: usize, mut values: &[f32]) {
        for layer in &mut self.layers {
            let (own, rest) = values.split_at(layer.saved_len().min(values.len()));
            layer.restore(position, own);
            values = rest;
        }
        self.earliest = position;
    }

    /// The numbers of a checkpoint.
    fn size(&self) -> usize {
        self.layers.iter().map(RecurrentState::saved_len).sum()
    }

    /// A checkpoint's numbers after `position` tokens, which the states can be taken back to.
    fn values(&self, position: usize) -> Result<Vec<f32>> {
        let mut values = with_capacity(self.size())?;
        let layers = self.layers.iter();
        layers.for_each(|layer| layer.save(position, &mut values));
        Ok(values)
    }

    /// An independent copy; the checkpoints, which never change, are shared.
    pub fn fork(&self) -> Result<Self> {
        let mut fork = Self {
            layers: Vec::new(),
            checkpoints: Vec::new(),
            ..*self
        };
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

    /// The most tokens, at most `most`, after which the state is known.
    pub fn savable(&self, most: usize) -> usize {
        match self.reaches(most) {
            true => most,
            false => self.checkpoint_before(most),
        }
    }

    /// Appends the bytes of the state after `position` tokens, which must be [savable](Self::savable), to `out`; none at
    /// the start of the text.
    pub fn save(&self, position: usize, out: &mut Vec<u8>) -> Result<()> {
        if position == 0 {
            return Ok(());
        }
        let mut append = |values: &[f32]| {
            reserve_exact(out, size_of_val(values))?;
            out.extend(values.iter().flat_map(|value| value.to_le_bytes()));
            Ok(())
        };
        match self.latest(position) {
            _ if self.reaches(position) => append(&self.values(position)?),
            Some(checkpoint) if checkpoint.position == position => append(&checkpoint.values),
            _ => Ok(()),
        }
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
        self.set(position, &values);
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
        let states: usize = self.layers.iter().map(RecurrentState::len).sum();
        (states + self.size() * self.checkpoints.len()) * size_of::<f32>()
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
