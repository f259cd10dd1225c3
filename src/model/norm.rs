//! Norms: before and after each half of a layer, of queries and keys, and the final norm.

use super::Config;
use super::architecture::NormKind;
use crate::Result;
use crate::allocation::resize;
use crate::kernels::threads::for_each_chunk;
use crate::kernels::{self, Activations};

/// A norm's weights.
pub(crate) struct Norm {
    pub weight: Vec<f32>,
    pub bias: Option<Vec<f32>>,
}

impl Norm {
    /// out = norm(x).
    pub fn apply(&self, config: &Config, x: &[f32], out: &mut [f32]) {
        normalize(config, x, &self.weight, self.bias.as_deref(), out);
    }

    /// out = norm(x) for every vector of the model's hidden size.
    pub fn apply_rows(&self, config: &Config, x: &[f32], out: &mut [f32]) {
        let size = config.hidden_size;
        for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
            self.apply(config, x, out);
        }
    }

    /// The post-norm: x = norm(x) for the outputs of half a layer; `copy` has room for one vector.
    pub(super) fn post_norm(&self, config: &Config, x: &mut [f32], copy: &mut [f32]) {
        let copy = &mut copy[..config.hidden_size];
        for x in x.chunks_exact_mut(config.hidden_size) {
            copy.copy_from_slice(x);
            self.apply(config, copy, x);
        }
    }

    /// x = norm(x) for every token; `spare` is as long, and holds the former values afterwards.
    pub(super) fn apply_in_place(&self, config: &Config, x: &mut Vec<f32>, spare: &mut Vec<f32>) {
        self.apply_rows(config, x, spare);
        std::mem::swap(x, spare);
    }
}

fn normalize(config: &Config, x: &[f32], weight: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
    match config.architecture.norm {
        NormKind::Rms => kernels::rms_norm(x, weight, config.norm_epsilon, out),
        NormKind::Layer => kernels::layer_norm(x, weight, bias, config.norm_epsilon, out),
    }
}

/// The pre-norm: x = norm(hidden) for every token, as the input of half a layer; a copy of the hidden states where there is
/// no norm.
pub(super) fn pre_norm(
    norm: Option<&Norm>,
    config: &Config,
    hidden: &[f32],
    x: &mut Activations,
) -> Result<()> {
    let size = config.hidden_size;
    let out = x.prepare(hidden.len() / size, size)?;
    match norm {
        None => out.copy_from_slice(hidden),
        Some(norm) => {
            for_each_chunk(out, size, size, |token, out, _| {
                norm.apply(config, &hidden[token * size..][..size], out);
            });
        }
    }
    Ok(())
}

/// The weights of a QK norm: one that normalises queries or keys.
pub(super) struct HeadNorm {
    /// `[head_size]` shared by all heads, or weights for every head, one head after the other.
    pub weight: Vec<f32>,
    /// How many values are normalised together: those of one head, or all.
    pub group_len: usize,
}

impl HeadNorm {
    /// A norm of each head by itself that has no weights: they are all 1.
    pub fn without_weights(head_size: usize) -> Result<Self> {
        let mut weight = Vec::new();
        resize(&mut weight, head_size, 1.0)?;
        Ok(Self {
            weight,
            group_len: head_size,
        })
    }

    /// x = norm(x) for one token's queries or keys; `copy` has room for `group_len` values.
    pub fn apply(&self, config: &Config, x: &mut [f32], copy: &mut [f32]) {
        let copy = &mut copy[..self.group_len];
        let weights = self.weight.chunks_exact(self.group_len).cycle();
        for (x, weight) in x.chunks_exact_mut(self.group_len).zip(weights) {
            copy.copy_from_slice(x);
            normalize(config, copy, weight, None, x);
        }
    }
}
