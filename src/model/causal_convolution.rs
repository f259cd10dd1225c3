//! The convolution that gated delta nets and Mamba-2 layers have after their input projection: each channel takes a
//! weighted sum of its latest values, and then silu.

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
    /// out = after(silu(convolution(inputs) + bias)) for every token. The inputs are in `all`, where `rows` says;
    /// `earlier` holds those of the positions before, and then those that the next tokens need. `ones` is what silu is
    /// multiplied by, because the kernel multiplies it by something; its length is the number of channels.
    pub fn run(
        &self,
        all: &[f32],
        rows: StridedRows,
        earlier: &mut [f32],
        out: &mut [f32],
        ones: &[f32],
        after: &(dyn Fn(&mut [f32]) + Sync),
    ) {
        let width = ones.len();
        let tokens = out.len() / width;
        let before = earlier.len() / width;
        let known = &*earlier;
        for_each_chunk(out, width, width, |token, out, _| {
            match &self.bias {
                Some(bias) => out.copy_from_slice(bias),
                None => out.fill(0.0),
            }
            for (at, weights) in self.kernel.chunks_exact(width).enumerate() {
                let position = token + at;
                let input = match position.checked_sub(before) {
                    Some(token) => &all[rows.of(token)],
                    None => &known[position * width..][..width],
                };
                for ((out, weight), input) in out.iter_mut().zip(weights).zip(input) {
                    *out += weight * input;
                }
            }
            silu_mul(out, ones);
            after(out);
        });
        // Each place takes what came so many tokens later; in ascending order, none is overwritten before it is read.
        for place in 0..before {
            let position = place + tokens;
            let to = place * width..(place + 1) * width;
            match position.checked_sub(before) {
                Some(token) => earlier[to].copy_from_slice(&all[rows.of(token)]),
                None => earlier.copy_within(position * width..(position + 1) * width, to.start),
            }
        }
    }
}
