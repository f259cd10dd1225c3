//! Learned position embeddings, as in GPT-2. Most models tell positions apart by [`rope`](super::rope) instead.

use super::Config;
use crate::kernels;
use crate::quant::Matrix;

/// A vector for each position.
pub(super) struct PositionEmbedding {
    /// `[context_length][hidden_size]`.
    pub matrix: Matrix,
}

impl PositionEmbedding {
    /// hidden += the vectors of the positions from `first` on; `row` has room for one of them.
    pub fn add(&self, config: &Config, first: usize, hidden: &mut [f32], row: &mut [f32]) {
        let row = &mut row[..config.hidden_size];
        for (token, hidden) in hidden.chunks_exact_mut(config.hidden_size).enumerate() {
            self.matrix.dequantize_row(first + token, row);
            kernels::add(hidden, row);
        }
    }
}
