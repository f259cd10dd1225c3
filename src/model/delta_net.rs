//! The gated delta net of Qwen3.5 (Yang et al. 2024, <https://arxiv.org/abs/2412.06464>): a layer that keeps a matrix for
//! each head in place of keys and values. Every token lets the matrix decay, and corrects what it recalls for the
//! token's key towards the token's value; the query then reads it.

use super::causal_convolution::CausalConvolution;
use super::linear::{Linear, StridedRows};
use super::recurrent_config::RecurrentConfig;
use super::recurrent_state::{HeadState, RecurrentState, softplus};
use super::scratch::{RecurrentScratch, Scratch};
use crate::kernels::threads::for_each_chunk;
use crate::kernels::{exp, rms_norm, sigmoid, silu_mul};
use crate::{Result, kernels};

/// The weights of one gated delta net besides its input and output projections.
pub(super) struct DeltaNet {
    /// The output's gates.
    pub gate: Linear,
    /// How strongly each head is corrected.
    pub beta: Linear,
    /// How far each head decays with a token: by e^(a × softplus(alpha + dt_bias)).
    pub alpha: Linear,
    pub dt_bias: Vec<f32>,
    /// Files have −e^A_log here, so that it is negative.
    pub a: Vec<f32>,
    pub convolution: CausalConvolution,
    /// The weights of the norm of each head's output, `[head_size]`.
    pub norm: Vec<f32>,
}

impl DeltaNet {
    /// x = the gated, normalised outputs of all heads, for every token. The normalised input is in `scratch.x`, its
    /// projection to queries, keys and values in `scratch.qkv`, where `rows` says.
    pub fn run(
        &self,
        nets: &RecurrentConfig,
        epsilon: f32,
        rows: StridedRows,
        state: &mut RecurrentState,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (tokens, size) = (scratch.x.tokens(), nets.key_length);
        self.project_gates(scratch)?;
        let buffers = &mut scratch.recurrent;
        let inputs = (&scratch.qkv[..], rows);
        self.convolve(nets, epsilon, inputs, scratch.first, state, buffers);

        let RecurrentScratch {
            convolved,
            gates,
            betas,
            decays,
            ..
        } = &*buffers;
        let (width, keys) = (nets.convolved_size(), nets.key_size());
        let nanoseconds = (tokens * size).saturating_mul(size) / 2;
        for_each_chunk(&mut state.heads, 1, nanoseconds, |index, head, _| {
            for token in 0..tokens {
                let row = &convolved[token * width..][..width];
                let of = |first: usize, head: usize| &row[first + head * size..][..size];
                let (key_head, at) = (index % nets.key_heads, token * nets.value_heads + index);
                let step = Step {
                    query: of(0, key_head),
                    key: of(keys, key_head),
                    value: of(2 * keys, index),
                    decay: decays[at],
                    beta: betas[at],
                };
                apply_delta_rule(&mut head[0], &step, token);
            }
        });
        let scratch_rows = &scratch.rows;
        let mixed = scratch.x.prepare(tokens, nets.value_size())?;
        for_each_chunk(mixed, size, 2 * size, |index, mixed, thread| {
            let (token, head) = (index / nets.value_heads, index % nets.value_heads);
            let output = state.heads[head].output(token);
            // silu(gate) × norm(output), in this order because the kernel multiplies silu by the other factor.
            let normed = &mut scratch_rows.get(thread)[..size];
            rms_norm(output, &self.norm, epsilon, normed);
            mixed.copy_from_slice(&gates[index * size..][..size]);
            silu_mul(mixed, normed);
        });
        Ok(())
    }

    /// The output's gates, and how far each head decays and is corrected, for every token.
    fn project_gates(&self, scratch: &mut Scratch) -> Result<()> {
        let buffers = &mut scratch.recurrent;
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        self.gate.run(x, &mut buffers.gates, adapters)?;
        self.beta.run(x, &mut buffers.betas, adapters)?;
        self.alpha.run(x, &mut buffers.decays, adapters)?;
        buffers.betas.iter_mut().for_each(|x| *x = sigmoid(*x));
        for decays in buffers.decays.chunks_exact_mut(self.a.len()) {
            for (x, (bias, a)) in decays.iter_mut().zip(self.dt_bias.iter().zip(&self.a)) {
                *x = exp(a * softplus(*x + bias));
            }
        }
        Ok(())
    }

    /// convolved = silu(convolution(qkv)) for every token; keys are then brought to length 1, and queries to 1 / √(head
    /// size), by which attention scores are scaled.
    fn convolve(
        &self,
        nets: &RecurrentConfig,
        epsilon: f32,
        qkv: (&[f32], StridedRows),
        first: usize,
        state: &mut RecurrentState,
        buffers: &mut RecurrentScratch,
    ) {
        let RecurrentScratch {
            convolved, ones, ..
        } = buffers;
        let query_scale = 1.0 / libm::sqrtf(nets.key_length as f32);
        let inputs = &mut state.inputs;
        let normalize = |out: &mut [f32]| {
            let (queries, rest) = out.split_at_mut(nets.key_size());
            let (keys, _) = rest.split_at_mut(nets.key_size());
            for (vectors, scale) in [(queries, query_scale), (keys, 1.0)] {
                for vector in vectors.chunks_exact_mut(nets.key_length) {
                    let squares: f32 = vector.iter().map(|x| x * x).sum();
                    kernels::multiply(vector, scale / squares.sqrt().max(epsilon));
                }
            }
        };
        self.convolution
            .run(qkv, first, inputs, convolved, ones, &normalize);
    }
}

/// What the delta rule takes of one token for one head.
struct Step<'a> {
    query: &'a [f32],
    key: &'a [f32],
    value: &'a [f32],
    decay: f32,
    beta: f32,
}

/// The gated delta rule: S = decay × S; S += key ⊗ β (value − Sᵀ key); output = Sᵀ query.
fn apply_delta_rule(head: &mut HeadState, step: &Step, token: usize) {
    let correction = &mut head.update[..];
    correction.fill(0.0);
    for (row, key) in head.state.chunks_exact(correction.len()).zip(step.key) {
        for (state, recalled) in row.iter().zip(correction.iter_mut()) {
            *recalled += state * step.decay * key;
        }
    }
    for (recalled, value) in correction.iter_mut().zip(step.value) {
        *recalled = (value - *recalled) * step.beta;
    }
    head.advance(step.decay, step.key, step.query, token);
}
