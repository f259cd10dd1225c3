//! The latest inputs of a causal convolution, in a ring: all that the outputs of a text to come depend on.

use crate::Result;
use crate::allocation::{copy, resize};

/// What one convolution keeps of a text.
pub(super) struct ConvolutionInputs {
    /// Length of one input.
    width: usize,
    /// Positions before its own that an output depends on.
    before: usize,
    /// Rows of `width`: the input at `position` is in the row `position + before`, which is counted around the ring. At
    /// first there are zeros, which is what counts as input before the text.
    ring: Vec<f32>,
}

impl ConvolutionInputs {
    /// The inputs before the first token, of a convolution whose outputs depend on `length` positions. There is room for
    /// `reach` positions more, by which the text can be taken back.
    pub fn new(length: usize, width: usize, reach: usize) -> Result<Self> {
        let mut ring = Vec::new();
        resize(&mut ring, Self::size(length, width, reach), 0.0)?;
        let before = length - 1;
        Ok(Self {
            width,
            before,
            ring,
        })
    }

    /// The numbers in the ring of [`new`](Self::new).
    pub fn size(length: usize, width: usize, reach: usize) -> usize {
        (length + reach).saturating_mul(width)
    }

    /// Positions before its own that an output depends on.
    pub fn before(&self) -> usize {
        self.before
    }

    /// Positions that there is room for.
    pub fn rows(&self) -> usize {
        self.ring.len() / self.width
    }

    fn row(&self, row: usize) -> std::ops::Range<usize> {
        let start = row % self.rows() * self.width;
        start..start + self.width
    }

    /// Where the input at a position goes.
    pub fn input_mut(&mut self, position: usize) -> &mut [f32] {
        let row = self.row(position + self.before);
        &mut self.ring[row]
    }

    /// The inputs that the output at a position depends on, the oldest first; its own is the last.
    pub fn of_output(&self, position: usize) -> impl Iterator<Item = &[f32]> {
        let rows = position..=position + self.before;
        rows.map(|row| &self.ring[self.row(row)])
    }

    /// Copies to `out` the inputs before `position` that outputs from there on depend on.
    pub fn save(&self, position: usize, out: &mut Vec<f32>) {
        let inputs = self.of_output(position).take(self.before);
        inputs.for_each(|input| out.extend_from_slice(input));
    }

    /// Takes the inputs that [`save`](Self::save) copied; zeros where there are none, at the start of a text.
    pub fn restore(&mut self, position: usize, saved: &[f32]) {
        if saved.is_empty() {
            return self.ring.fill(0.0);
        }
        for (at, input) in saved.chunks_exact(self.width).enumerate() {
            let row = self.row(position + at);
            self.ring[row].copy_from_slice(input);
        }
    }

    /// The numbers that [`save`](Self::save) copies.
    pub fn saved_len(&self) -> usize {
        self.before * self.width
    }

    /// The numbers in memory.
    pub fn len(&self) -> usize {
        self.ring.len()
    }

    /// An independent copy.
    pub fn fork(&self) -> Result<Self> {
        let ring = copy(&self.ring)?;
        Ok(Self { ring, ..*self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text may be taken back by as many positions as there is room for, saved there, and restored elsewhere.
    #[test]
    fn a_ring_reaches_back_as_far_as_it_says() {
        let (length, reach) = (3, 4);
        let mut inputs = ConvolutionInputs::new(length, 2, reach).unwrap();
        let at = |inputs: &ConvolutionInputs, position| -> Vec<f32> {
            inputs.of_output(position).map(|input| input[0]).collect()
        };
        for position in 0..20 {
            let value = position as f32 + 1.0;
            inputs.input_mut(position).copy_from_slice(&[value, -value]);
            let expected = [-1.0, 0.0, 1.0].map(|before| (value + before - 1.0).max(0.0));
            assert_eq!(at(&inputs, position), expected);
            for back in position.saturating_sub(reach - 1)..=position {
                let mut saved = Vec::new();
                inputs.save(back, &mut saved);
                assert_eq!(saved.len(), inputs.saved_len());
                let mut other = ConvolutionInputs::new(length, 2, 0).unwrap();
                other.restore(back, &saved);
                other.input_mut(back).fill(back as f32 + 1.0);
                assert_eq!(at(&other, back), at(&inputs, back), "{position}, {back}");
            }
        }
        inputs.restore(0, &[]);
        assert_eq!(at(&inputs, 0), [0.0; 3]);
    }
}
