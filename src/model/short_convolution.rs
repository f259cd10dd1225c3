//! The gated short convolution of LFM2 (Liquid AI 2025, <https://arxiv.org/abs/2511.23404>): a layer that mixes each token
//! with the few before it by fixed weights, in place of attention.

use super::Config;
use super::convolution_inputs::ConvolutionInputs;
use super::linear::StridedRows;
use super::scratch::Scratch;
use crate::{Result, kernels};

/// The weights of a short convolution besides its input and output projections.
pub(super) struct ShortConvolution {
    /// `[length][hidden_size]`, those of the latest position last.
    pub kernel: Vec<f32>,
}

impl ShortConvolution {
    /// x = output gates ⊙ convolution(input gates ⊙ values) for every token. The convolution's inputs go to `inputs`.
    pub fn run(
        &self,
        config: &Config,
        [input_gates, output_gates, values]: [StridedRows; 3],
        inputs: &mut ConvolutionInputs,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (tokens, size) = (scratch.x.tokens(), config.hidden_size);
        let mixed = scratch.x.prepare(tokens, size)?;
        for (token, mixed) in mixed.chunks_exact_mut(size).enumerate() {
            let of = |rows: StridedRows| &scratch.qkv[rows.of(token)];
            let position = scratch.first + token;
            kernels::product(of(input_gates), of(values), inputs.input_mut(position));
            let sum = &mut scratch.row[..size];
            sum.fill(0.0);
            let weights = self.kernel.chunks_exact(size);
            for (input, weights) in inputs.of_output(position).zip(weights) {
                kernels::product(input, weights, mixed);
                kernels::add(sum, mixed);
            }
            kernels::product(of(output_gates), sum, mixed);
        }
        Ok(())
    }
}
