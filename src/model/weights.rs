//! The weights of one layer, and the computations with them.

use std::ops::Range;

use super::Config;
use super::architecture::{Activation, NormKind};
use crate::Result;
use crate::kernels::{self, Activations};
use crate::quant::Matrix;

/// A norm's weights.
pub(super) struct Norm {
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
            for (hidden, out) in hidden.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
                norm.apply(config, hidden, out);
            }
        }
    }
    Ok(())
}

/// A linear layer: a matrix and an optional bias.
pub(super) struct Linear {
    pub matrix: Matrix,
    pub bias: Option<Vec<f32>>,
}

impl Linear {
    /// y = matrix × x + bias, for every token.
    pub fn run(&self, x: &mut Activations, y: &mut [f32]) {
        kernels::linear(&self.matrix, x, y);
        if let Some(bias) = &self.bias {
            for y in y.chunks_exact_mut(bias.len()) {
                kernels::add(y, bias);
            }
        }
    }
}

/// Where the vectors of one kind (say, the keys) of all tokens lie in a buffer that holds several kinds.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    start: usize,
    stride: usize,
    width: usize,
}

impl Rows {
    /// The range of one token's vector.
    pub fn of(self, token: usize) -> Range<usize> {
        let start = self.start + token * self.stride;
        start..start + self.width
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
    pub fn run(&self, widths: [usize; 3], x: &mut Activations, out: &mut [f32]) -> [Rows; 3] {
        let tokens = x.tokens();
        let mut start = 0;
        match self {
            Self::Fused(all) => {
                let stride = widths.iter().sum();
                all.run(x, &mut out[..tokens * stride]);
                widths.map(|width| {
                    let rows = Rows {
                        start,
                        stride,
                        width,
                    };
                    start += width;
                    rows
                })
            }
            Self::Separate(each) => {
                let mut each = each.iter();
                widths.map(|width| {
                    let rows = Rows {
                        start,
                        stride: width,
                        width,
                    };
                    let end = start + tokens * width;
                    if let Some(linear) = each.next() {
                        linear.run(x, &mut out[start..end]);
                    }
                    start = end;
                    rows
                })
            }
        }
    }
}

/// The weights of a QK norm: one that normalises queries or keys.
pub(super) struct HeadNorm {
    /// `[head_size]` shared by all heads, or weights for every head, one head after the other.
    pub weight: Vec<f32>,
    /// How many values are normalised together.
    pub span: usize,
}

impl HeadNorm {
    /// x = norm(x) for one token's queries or keys; `copy` has room for `span` values.
    pub fn apply(&self, config: &Config, x: &mut [f32], copy: &mut [f32]) {
        let copy = &mut copy[..self.span];
        let weights = self.weight.chunks_exact(self.span).cycle();
        for (x, weight) in x.chunks_exact_mut(self.span).zip(weights) {
            copy.copy_from_slice(x);
            normalize(config, copy, weight, None, x);
        }
    }
}

/// What is done to the queries, or to the keys, of all heads besides RoPE.
pub(super) struct Heads {
    pub norm: Option<HeadNorm>,
    /// What each value is multiplied by after RoPE: see [`balance`](super::balance).
    pub factors: Vec<f32>,
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
    Attention([Heads; 2]),
    /// A short convolution, with its weights: `[length][hidden_size]`, those of the latest position last.
    Convolution(Vec<f32>),
}

/// The first half of a feed-forward network.
pub(super) enum Expansion {
    /// down × activation(up × x)
    Plain(Linear),
    /// down × (activation(gate × x) × (up × x)), as in SwiGLU (Shazeer 2020).
    Gated { gate: Linear, up: Linear },
    /// The same with gate and up in one matrix, the gate's rows first.
    Fused(Linear),
}

/// A feed-forward network's weights.
pub(super) struct FeedForward {
    pub expansion: Expansion,
    pub down: Linear,
}

impl FeedForward {
    /// The up projection (and the gate projection) of all tokens.
    pub fn project_up(&self, x: &mut Activations, out: &mut [f32]) {
        match &self.expansion {
            Expansion::Plain(linear) | Expansion::Fused(linear) => {
                let len = x.tokens() * linear.matrix.rows();
                linear.run(x, &mut out[..len]);
            }
            Expansion::Gated { gate, up } => {
                let len = x.tokens() * gate.matrix.rows();
                gate.run(x, &mut out[..len]);
                up.run(x, &mut out[len..2 * len]);
            }
        }
    }

    /// The activation and the down projection, from what [`project_up`](Self::project_up) wrote for `tokens` tokens.
    pub fn project_down(
        &self,
        config: &Config,
        tokens: usize,
        expanded: &[f32],
        x: &mut Activations,
        out: &mut [f32],
    ) -> Result<()> {
        let size = config.feed_forward_size;
        let activated = x.prepare(tokens, size)?;
        for (token, x) in activated.chunks_exact_mut(size).enumerate() {
            let row = |index: usize| &expanded[index * size..][..size];
            let (input, up) = match self.expansion {
                Expansion::Plain(_) => (token, None),
                Expansion::Gated { .. } => (token, Some(tokens + token)),
                Expansion::Fused(_) => (2 * token, Some(2 * token + 1)),
            };
            x.copy_from_slice(row(input));
            match (config.architecture.activation, up) {
                (Activation::SwiGlu, Some(up)) => kernels::silu_mul(x, row(up)),
                (Activation::GeGlu, Some(up)) => kernels::gelu_mul(x, row(up)),
                (_, _) => kernels::gelu(x),
            }
        }
        self.down.run(x, out);
        Ok(())
    }
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
