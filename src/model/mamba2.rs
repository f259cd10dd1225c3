//! The mixer of Mamba-2 (Dao and Gu 2024, <https://arxiv.org/abs/2405.21060>): a state space model, which keeps a matrix
//! for each head in place of keys and values. Every token lets the matrix decay and adds to it by a step whose size the
//! token chooses.
//!
//! In the paper's own words B is the key, C the query, X the value, A the decay's rate, D the skip connection, Δ ("dt")
//! the step size.

use super::causal_convolution::CausalConvolution;
use super::linear::StridedRows;
use super::recurrent_config::RecurrentConfig;
use super::recurrent_state::{RecurrentState, softplus};
use super::scratch::{RecurrentScratch, Scratch};
use crate::Result;
use crate::kernels::threads::for_each_chunk;
use crate::kernels::{exp, rms_norm, silu_mul};

/// The weights of one Mamba-2 mixer besides its input and output projections.
pub(super) struct Mamba2 {
    pub convolution: CausalConvolution,
    /// What is added to each head's step size before softplus.
    pub dt_bias: Vec<f32>,
    /// How far each head decays in a step of size 1: by e^a. Files have −e^A_log here, so that it is negative.
    pub a: Vec<f32>,
    /// How much of each head's value goes past the state to its output.
    pub d: Vec<f32>,
    /// The weights of the norm of the outputs, `[key_heads][value_size / key_heads]`: the heads that share a key head
    /// are normalised together. Some models do without it.
    pub norm: Option<Vec<f32>>,
}

impl Mamba2 {
    /// x = norm(silu(gates) × outputs of all heads), for every token. The projections of the normalised input are in
    /// `scratch.qkv`, where `rows` says.
    pub fn run(
        &self,
        sizes: &RecurrentConfig,
        epsilon: f32,
        rows: [StridedRows; 3],
        state: &mut RecurrentState,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let RecurrentScratch {
            convolved, ones, ..
        } = &mut scratch.recurrent;
        let (all, earlier) = ((&scratch.qkv[..], rows[1]), &mut state.inputs);
        self.convolution
            .run(all, scratch.first, earlier, convolved, ones, &|_| {});
        self.scan(sizes, rows[2], state, scratch);
        self.gate_and_norm(sizes, epsilon, rows[0], state, scratch)
    }

    /// Runs all tokens through the state of each head: S = e^(Δ a) × S + B ⊗ Δ X; output = Sᵀ C, to which the skip
    /// connection adds D X.
    fn scan(
        &self,
        sizes: &RecurrentConfig,
        steps: StridedRows,
        state: &mut RecurrentState,
        scratch: &Scratch,
    ) {
        let (tokens, width) = (scratch.x.tokens(), sizes.convolved_size());
        let (key, value) = (sizes.key_length, sizes.value_length);
        let first_key = sizes.value_size();
        let first_query = first_key + sizes.key_size();
        let sharing = sizes.value_heads / sizes.key_heads;
        let nanoseconds = (tokens * key).saturating_mul(value) / 2;
        for_each_chunk(&mut state.heads, 1, nanoseconds, |index, head, _| {
            for token in 0..tokens {
                let row = &scratch.recurrent.convolved[token * width..][..width];
                let of = |first: usize| &row[first + index / sharing * key..][..key];
                let values = &row[index * value..][..value];
                let step = scratch.qkv[steps.of(token)][index] + self.dt_bias[index];
                let step = softplus(step);
                let head = &mut head[0];
                for (update, x) in head.update.iter_mut().zip(values) {
                    *update = x * step;
                }
                let decay = exp(step * self.a[index]);
                head.advance(decay, of(first_key), of(first_query), token);
                for (output, x) in head.output_mut(token).iter_mut().zip(values) {
                    *output += x * self.d[index];
                }
            }
        });
    }

    /// x = norm(silu(gates) × outputs), for every token.
    fn gate_and_norm(
        &self,
        sizes: &RecurrentConfig,
        epsilon: f32,
        gates: StridedRows,
        state: &RecurrentState,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let Scratch { x, qkv, rows, .. } = scratch;
        let (groups, value) = (sizes.key_heads, sizes.value_length);
        let size = sizes.value_size() / groups;
        let mixed = x.prepare(x.tokens(), sizes.value_size())?;
        for_each_chunk(mixed, size, 2 * size, |index, mixed, thread| {
            let (token, first) = (index / groups, index % groups * size);
            let gated = &mut rows.get(thread)[..size];
            gated.copy_from_slice(&qkv[gates.of(token)][first..][..size]);
            let heads = state.heads[first / value..].iter();
            for (gated, head) in gated.chunks_exact_mut(value).zip(heads) {
                silu_mul(gated, head.output(token));
            }
            match &self.norm {
                Some(norm) => rms_norm(gated, &norm[first..][..size], epsilon, mixed),
                None => mixed.copy_from_slice(gated),
            }
        });
        Ok(())
    }
}
