//! The convolution that gated delta nets and Mamba-2 layers have after their input projection: each channel takes a
//! weighted sum of its latest values, and then silu.

use super::convolution_inputs::ConvolutionInputs;
use super::linear::StridedRows;
use crate::kernels::silu_mul;
use crate::kernels::threads::for_each_chunk;

/// The weights of a causal convolution.
pub(super) struct CausalConvolution {
    /// `[length][channels]`, those of the latest position last.
    pub kernel: Vec<f32>,
    /// `[channels]`
    pub bias: Option<Vec<f32>>,
}

impl CausalConvolution {
    /// out = after(silu(convolution(inputs) + bias)) for every token from the position `first` on. The inputs are in `all`,
    /// where `rows` says; `earlier` holds those of the positions before, and then those that the next tokens need. `ones`
    /// is what silu is multiplied by, because the kernel multiplies it by something; its length is the number of channels.
    pub fn run(
        &self,
        (all, rows): (&[f32], StridedRows),
        first: usize,
        earlier: &mut ConvolutionInputs,
        out: &mut [f32],
        ones: &[f32],
        after: &(dyn Fn(&mut [f32]) + Sync),
    ) {
        let width = ones.len();
        let tokens = out.len() / width;
        let before = earlier.before();
        let known = &*earlier;
        for_each_chunk(out, width, width, |token, out, _| {
            match &self.bias {
                Some(bias) => out.copy_from_slice(bias),
                None => out.fill(0.0),
            }
            let weights = self.kernel.chunks_exact(width).enumerate();
            for ((at, weights), known) in weights.zip(known.of_output(first + token)) {
                let input = match (token + at).checked_sub(before) {
                    Some(token) => &all[rows.of(token)],
                    None => known,
                };
                for ((out, weight), input) in out.iter_mut().zip(weights).zip(input) {
                    *out += weight * input;
                }
            }
            silu_mul(out, ones);
            after(out);
        });
        for token in tokens.saturating_sub(earlier.rows())..tokens {
            let input = earlier.input_mut(first + token);
            input.copy_from_slice(&all[rows.of(token)]);
        }
    }
}
