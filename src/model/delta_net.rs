//! The gated delta net of Qwen3.5 (Yang et al. 2024, <https://arxiv.org/abs/2412.06464>): a layer that keeps a matrix for
//! each head in place of keys and values. Every token lets the matrix decay, and corrects what it recalls for the
//! token's key towards the token's value; the query then reads it.

use super::delta_net_config::DeltaNetConfig;
use super::linear::{Linear, StridedRows};
use super::scratch::{DeltaNetScratch, Scratch};
use crate::allocation::{copy, resize, with_capacity};
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
    /// The convolution's weights: `[length][projected_size]`, those of the latest position last.
    pub kernel: Vec<f32>,
    /// The weights of the norm of each head's output, `[head_size]`.
    pub norm: Vec<f32>,
}

/// What a layer keeps of the text so far.
pub(super) struct DeltaNetState {
    /// The inputs of the convolution at the latest positions, all that the next output depends on.
    inputs: Vec<f32>,
    heads: Vec<HeadState>,
}

/// What one head keeps.
struct HeadState {
    /// `[key][value]`, so that the sums over keys are taken in order, whatever the width of the vectors.
    state: Vec<f32>,
    /// The correction of the state along a token's key: how far the value that it recalls for the key is from the
    /// token's value, times β.
    correction: Vec<f32>,
    /// The outputs of the tokens that run.
    outputs: Vec<f32>,
}

impl DeltaNetState {
    /// The state before the first token.
    pub fn new(nets: &DeltaNetConfig) -> Result<Self> {
        let zeros = |len: usize| -> Result<Vec<f32>> {
            let mut zeros = Vec::new();
            resize(&mut zeros, len, 0.0)?;
            Ok(zeros)
        };
        let size = nets.head_size;
        let mut heads = with_capacity(nets.value_heads)?;
        for _ in 0..nets.value_heads {
            heads.push(HeadState {
                state: zeros(size.saturating_mul(size))?,
                correction: zeros(size)?,
                outputs: Vec::new(),
            });
        }
        let inputs = zeros((nets.convolution_length - 1) * nets.projected_size())?;
        Ok(Self { inputs, heads })
    }

    /// Takes the memory to run `tokens` tokens at once.
    pub fn prepare(&mut self, tokens: usize) -> Result<()> {
        for head in &mut self.heads {
            resize(&mut head.outputs, tokens * head.correction.len(), 0.0)?;
        }
        Ok(())
    }

    /// An independent copy.
    pub fn fork(&self) -> Result<Self> {
        let mut heads = with_capacity(self.heads.len())?;
        for head in &self.heads {
            heads.push(HeadState {
                state: copy(&head.state)?,
                correction: copy(&head.correction)?,
                outputs: Vec::new(),
            });
        }
        let inputs = copy(&self.inputs)?;
        Ok(Self { inputs, heads })
    }

    /// All that is kept, part by part.
    pub fn parts(&self) -> impl Iterator<Item = &[f32]> {
        let heads = self.heads.iter().map(|head| &head.state[..]);
        std::iter::once(&self.inputs[..]).chain(heads)
    }

    /// The parts of [`parts`](Self::parts), to be written to.
    pub fn parts_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        let heads = self.heads.iter_mut().map(|head| &mut head.state[..]);
        std::iter::once(&mut self.inputs[..]).chain(heads)
    }
}

/// ln(1 + e^x).
fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { libm::log1pf(exp(x)) }
}

impl DeltaNet {
    /// x = the gated, normalised outputs of all heads, for every token. The normalised input is in `scratch.x`, its
    /// projection to queries, keys and values in `scratch.qkv`, where `queries` says.
    pub fn run(
        &self,
        nets: &DeltaNetConfig,
        epsilon: f32,
        queries: StridedRows,
        state: &mut DeltaNetState,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (tokens, size) = (scratch.x.tokens(), nets.head_size);
        self.project_gates(scratch)?;
        let buffers = &mut scratch.delta_net;
        let qkv = &scratch.qkv[queries.chunks(tokens).0];
        self.convolve(nets, epsilon, qkv, &state.inputs, buffers);
        keep_last(&mut state.inputs, qkv);

        let DeltaNetScratch {
            convolved,
            gates,
            betas,
            decays,
            ..
        } = &*buffers;
        let (width, keys) = (nets.projected_size(), nets.key_size());
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
                head[0].step(&step, token);
            }
        });
        let scratch_rows = &scratch.rows;
        let mixed = scratch.x.prepare(tokens, nets.value_size())?;
        for_each_chunk(mixed, size, 2 * size, |index, mixed, thread| {
            let (token, head) = (index / nets.value_heads, index % nets.value_heads);
            let output = &state.heads[head].outputs[token * size..][..size];
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
        let buffers = &mut scratch.delta_net;
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
        nets: &DeltaNetConfig,
        epsilon: f32,
        qkv: &[f32],
        earlier: &[f32],
        buffers: &mut DeltaNetScratch,
    ) {
        let (width, length) = (nets.projected_size(), nets.convolution_length);
        let DeltaNetScratch {
            convolved, ones, ..
        } = buffers;
        let query_scale = 1.0 / libm::sqrtf(nets.head_size as f32);
        for_each_chunk(convolved, width, width, |token, out, _| {
            out.fill(0.0);
            for (at, weights) in self.kernel.chunks_exact(width).enumerate() {
                let position = token + at;
                let input = match position.checked_sub(length - 1) {
                    Some(token) => &qkv[token * width..][..width],
                    None => &earlier[position * width..][..width],
                };
                for ((out, weight), input) in out.iter_mut().zip(weights).zip(input) {
                    *out += weight * input;
                }
            }
            silu_mul(out, ones);
            let (queries, rest) = out.split_at_mut(nets.key_size());
            let (keys, _) = rest.split_at_mut(nets.key_size());
            for (vectors, scale) in [(queries, query_scale), (keys, 1.0)] {
                for vector in vectors.chunks_exact_mut(nets.head_size) {
                    let squares: f32 = vector.iter().map(|x| x * x).sum();
                    kernels::multiply(vector, scale / squares.sqrt().max(epsilon));
                }
            }
        });
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

impl HeadState {
    /// The gated delta rule: S = decay × S; S += key ⊗ β (value − Sᵀ key); output = Sᵀ query.
    fn step(&mut self, step: &Step, token: usize) {
        let size = self.correction.len();
        let correction = &mut self.correction[..];
        correction.fill(0.0);
        for (row, key) in self.state.chunks_exact_mut(size).zip(step.key) {
            for (state, recalled) in row.iter_mut().zip(correction.iter_mut()) {
                *state *= step.decay;
                *recalled += *state * key;
            }
        }
        for (recalled, value) in correction.iter_mut().zip(step.value) {
            *recalled = (value - *recalled) * step.beta;
        }
        let output = &mut self.outputs[token * size..][..size];
        output.fill(0.0);
        let rows = self.state.chunks_exact_mut(size);
        for ((row, key), query) in rows.zip(step.key).zip(step.query) {
            let columns = row.iter_mut().zip(&*correction).zip(output.iter_mut());
            for ((state, correction), output) in columns {
                *state += key * correction;
                *output += *state * query;
            }
        }
    }
}

/// Appends `new` to `last` and drops as much from its front.
fn keep_last(last: &mut [f32], new: &[f32]) {
    match last.len().checked_sub(new.len()) {
        Some(kept) => {
            last.copy_within(new.len().., 0);
            last[kept..].copy_from_slice(new);
        }
        None => last.copy_from_slice(&new[new.len() - last.len()..]),
    }
}
