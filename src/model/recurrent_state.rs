//! What a layer keeps of a text in place of keys and values: a matrix for each head, which every token lets decay and
//! writes to along its key, and which its query reads; and the latest inputs of a [causal
//! convolution](super::causal_convolution). Gated delta nets and Mamba-2 layers differ in what a token writes.

use super::recurrent_config::RecurrentConfig;
use crate::Result;
use crate::allocation::{copy, resize, with_capacity};
use crate::kernels::exp;

/// What a layer keeps of the text so far.
pub(super) struct RecurrentState {
    /// The inputs of the convolution at the latest positions, all that the next output depends on.
    pub inputs: Vec<f32>,
    pub heads: Vec<HeadState>,
}

/// What one head keeps.
pub(super) struct HeadState {
    /// `[key][value]`, so that the sums over keys are taken in order, whatever the width of the vectors.
    pub state: Vec<f32>,
    /// What a token writes along its key, `[value]`.
    pub update: Vec<f32>,
    /// The outputs of the tokens that run, `[tokens][value]`.
    outputs: Vec<f32>,
}

impl RecurrentState {
    /// The state before the first token.
    pub fn new(sizes: &RecurrentConfig) -> Result<Self> {
        let zeros = |len: usize| -> Result<Vec<f32>> {
            let mut zeros = Vec::new();
            resize(&mut zeros, len, 0.0)?;
            Ok(zeros)
        };
        let mut heads = with_capacity(sizes.value_heads)?;
        for _ in 0..sizes.value_heads {
            heads.push(HeadState {
                state: zeros(sizes.key_length.saturating_mul(sizes.value_length))?,
                update: zeros(sizes.value_length)?,
                outputs: Vec::new(),
            });
        }
        let inputs = zeros((sizes.convolution_length - 1) * sizes.convolved_size())?;
        Ok(Self { inputs, heads })
    }

    /// Takes the memory to run `tokens` tokens at once.
    pub fn prepare(&mut self, tokens: usize) -> Result<()> {
        for head in &mut self.heads {
            resize(&mut head.outputs, tokens * head.update.len(), 0.0)?;
        }
        Ok(())
    }

    /// An independent copy.
    pub fn fork(&self) -> Result<Self> {
        let mut heads = with_capacity(self.heads.len())?;
        for head in &self.heads {
            heads.push(HeadState {
                state: copy(&head.state)?,
                update: copy(&head.update)?,
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

impl HeadState {
    /// Runs one token: S = decay × S + key ⊗ update; its output is Sᵀ query.
    pub fn advance(&mut self, decay: f32, key: &[f32], query: &[f32], token: usize) {
        let size = self.update.len();
        let output = &mut self.outputs[token * size..][..size];
        output.fill(0.0);
        let rows = self.state.chunks_exact_mut(size);
        for ((row, key), query) in rows.zip(key).zip(query) {
            let columns = row.iter_mut().zip(&self.update).zip(output.iter_mut());
            for ((state, update), output) in columns {
                *state = *state * decay + key * update;
                *output += *state * query;
            }
        }
    }

    /// The output of a token that ran.
    pub fn output(&self, token: usize) -> &[f32] {
        let size = self.update.len();
        &self.outputs[token * size..][..size]
    }

    /// The same, to be added to.
    pub fn output_mut(&mut self, token: usize) -> &mut [f32] {
        let size = self.update.len();
        &mut self.outputs[token * size..][..size]
    }
}

/// ln(1 + e^x).
pub(super) fn softplus(x: f32) -> f32 {
    if x > 20.0 { x } else { libm::log1pf(exp(x)) }
}
