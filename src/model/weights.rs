//! The weights of one layer, and the computations with them.

use std::ops::Range;

use super::Config;
use super::adapter::ActiveAdapters;
use super::architecture::NormKind;
use super::delta_net::DeltaNet;
use super::feed_forward::{FeedForward, FeedForwardInput};
use crate::Result;
use crate::kernels::threads::for_each_chunk;
use crate::kernels::{self, Activations};
use crate::quant::Matrix;

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
}

fn normalize(config: &Config, x: &[f32], weight: &[f32], bias: Option<&[f32]>, out: &mut [f32]) {
    match config.architecture.norm {
        NormKind::Rms => kernels::rms_norm(x, weight, config.norm_epsilon, out),
        NormKind::Layer => kernels::layer_norm(x, weight, bias, config.norm_epsilon, out),
    }
}

/// x = norm(hidden) for every token; a copy of the hidden states where there is no norm.
pub(super) fn apply_norm(
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

/// A linear layer: a matrix and an optional bias.
pub(crate) struct Linear {
    /// The matrix's name in the file, by which adapters refer to it.
    pub name: String,
    pub matrix: Matrix,
    pub bias: Option<Vec<f32>>,
}

impl Linear {
    /// y = matrix × x + bias, for every token.
    pub fn apply(&self, x: &mut Activations, y: &mut [f32]) {
        kernels::linear(&self.matrix, x, y);
        if let Some(bias) = &self.bias {
            for y in y.chunks_exact_mut(bias.len()) {
                kernels::add(y, bias);
            }
        }
    }

    /// The same, and what the adapters add to it.
    pub(super) fn run(
        &self,
        x: &mut Activations,
        y: &mut [f32],
        adapters: &mut ActiveAdapters,
    ) -> Result<()> {
        self.apply(x, y);
        adapters.add_updates(self, x, y)
    }
}

/// Where the vectors of one kind (say, the keys) of all tokens lie in a buffer that holds several kinds.
#[derive(Clone, Copy)]
pub(super) struct StridedRows {
    start: usize,
    stride: usize,
    width: usize,
}

impl StridedRows {
    /// The range of one token's vector.
    pub fn of(self, token: usize) -> Range<usize> {
        let start = self.start + token * self.stride;
        start..start + self.width
    }

    /// The part of the buffer that is made of one chunk of `stride` values for each token, and where in a chunk the
    /// vector lies.
    pub fn chunks(self, tokens: usize) -> (Range<usize>, Range<usize>) {
        let first = if self.width == self.stride {
            self.start
        } else {
            0
        };
        let offset = self.start - first;
        (
            first..first + tokens * self.stride,
            offset..offset + self.width,
        )
    }

    /// The same place, of which only the first `width` values are meant.
    pub fn narrowed(self, width: usize) -> Self {
        Self { width, ..self }
    }

    /// The distance from one token's vector to the next.
    pub fn stride(self) -> usize {
        self.stride
    }
}

/// The input projections of a mixer: queries, keys and values for attention; input gates, output gates and values for
/// a short convolution.
pub(super) enum Projection {
    Separate([Linear; 3]),
    Fused(Linear),
}

impl Projection {
    /// Projects all tokens to three vectors of these `widths`, writes them to `out`, and says where each kind lies.
    pub fn run(
        &self,
        widths: [usize; 3],
        x: &mut Activations,
        out: &mut [f32],
        adapters: &mut ActiveAdapters,
    ) -> Result<[StridedRows; 3]> {
        let tokens = x.tokens();
        let mut start = 0;
        match self {
            Self::Fused(all) => {
                let stride = widths.iter().sum();
                all.run(x, &mut out[..tokens * stride], adapters)?;
                Ok(widths.map(|width| {
                    let rows = StridedRows {
                        start,
                        stride,
                        width,
                    };
                    start += width;
                    rows
                }))
            }
            Self::Separate(each) => {
                let rows = widths.map(|width| {
                    let rows = StridedRows {
                        start,
                        stride: width,
                        width,
                    };
                    start += tokens * width;
                    rows
                });
                for (linear, rows) in each.iter().zip(rows) {
                    let out = &mut out[rows.start..][..tokens * rows.width];
                    linear.run(x, out, adapters)?;
                }
                Ok(rows)
            }
        }
    }
}

/// The weights of a QK norm: one that normalises queries or keys.
pub(super) struct HeadNorm {
    /// `[head_size]` shared by all heads, or weights for every head, one head after the other.
    pub weight: Vec<f32>,
    /// How many values are normalised together: those of one head, or all.
    pub group_len: usize,
}

impl HeadNorm {
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

/// What is done to the queries, or to the keys, of all heads besides RoPE.
pub(super) struct HeadTransform {
    pub norm: Option<HeadNorm>,
    /// What each value is multiplied by after RoPE: see [`key_scaling`](super::key_scaling).
    pub scales: Vec<f32>,
}

/// The half of a layer that mixes positions: input projections, attention or a short convolution, output projection.
pub(super) struct SequenceMixer {
    pub projection: Projection,
    pub kind: MixerKind,
    pub output: Linear,
}

/// How positions are mixed.
pub(super) enum MixerKind {
    /// Attention, with what is done to queries and to keys.
    Attention([HeadTransform; 2]),
    /// A short convolution, with its weights: `[length][hidden_size]`, those of the latest position last.
    Convolution(Vec<f32>),
    /// A gated delta net.
    DeltaNet(Box<DeltaNet>),
}

/// The weights of one layer.
pub(super) struct Layer {
    pub mixer_norm: Option<Norm>,
    pub mixer: SequenceMixer,
    pub mixer_post_norm: Option<Norm>,
    /// Whether the feed-forward network runs in parallel with the mixer: it reads the same normalised input.
    pub parallel: bool,
    pub feed_forward_norm: Option<Norm>,
    pub feed_forward: FeedForward,
    pub feed_forward_post_norm: Option<Norm>,
}

impl Layer {
    /// All linear layers in it.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        let projection = match &self.mixer.projection {
            Projection::Separate(each) => &each[..],
            Projection::Fused(all) => std::slice::from_ref(all),
        };
        let (input, up) = match &self.feed_forward.input {
            FeedForwardInput::Plain(input) | FeedForwardInput::Fused(input) => (input, None),
            FeedForwardInput::Gated { gate, up } => (gate, Some(up)),
        };
        let gates = match &self.mixer.kind {
            MixerKind::DeltaNet(net) => Some([&net.gate, &net.beta, &net.alpha]),
            MixerKind::Attention(_) | MixerKind::Convolution(_) => None,
        };
        let rest = [&self.mixer.output, &self.feed_forward.down, input];
        let rest = rest.into_iter().chain(up);
        projection
            .iter()
            .chain(rest)
            .chain(gates.into_iter().flatten())
    }
}
