//! The gated short convolution of LFM2 (Liquid AI 2025, <https://arxiv.org/abs/2511.23404>): a layer that mixes each token
//! with the few before it by fixed weights, in place of attention.

use super::Config;
use super::linear::StridedRows;
use super::scratch::Scratch;
use crate::Result;
use crate::kernels::{self, HeadCache};

/// The weights of a short convolution besides its input and output projections.
pub(super) struct ShortConvolution {
    /// `[length][hidden_size]`, those of the latest position last.
    pub kernel: Vec<f32>,
}

impl ShortConvolution {
    /// x = output gates ⊙ convolution(input gates ⊙ values) for every token. The convolution's inputs go to the cache.
    pub fn run(
        &self,
        config: &Config,
        [input_gates, output_gates, values]: [StridedRows; 3],
        cache: &mut HeadCache,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (tokens, size) = (scratch.x.tokens(), config.hidden_size);
        let mixed = scratch.x.prepare(tokens, size)?;
        for (token, mixed) in mixed.chunks_exact_mut(size).enumerate() {
            let of = |rows: StridedRows| &scratch.qkv[rows.of(token)];
            let row = &mut scratch.row[..size];
            kernels::product(of(input_gates), of(values), row);
            cache.store(scratch.first + token, &[], row);
            kernels::convolve(cache, scratch.first + token + 1, &self.kernel, mixed, row);
            kernels::product(of(output_gates), row, mixed);
        }
        Ok(())
    }
}
