//! The weights of a layer, and what each does to a token's vector.

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

/// x = the hidden states of all tokens, normalised where there is a norm.
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

/// A matrix, and what is added to its product.
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

/// Where one of several vectors of every token lies in a buffer.
#[derive(Clone, Copy)]
pub(super) struct Rows {
    start: usize,
    stride: usize,
    width: usize,
}

impl Rows {
    /// The place of one token's vector.
    pub fn of(self, token: usize) -> Range<usize> {
        let start = self.start + token * self.stride;
        start..start + self.width
    }
}

/// The projections to what a layer mixes: queries, keys and values, or gates and values.
pub(super) enum Projection {
    Separate([Linear; 3]),
    Fused(Linear),
}

impl Projection {
    /// Writes the three vectors of so many values of all tokens to `out` and says where each lie.
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

/// The weights of a norm of queries or of keys.
pub(super) struct HeadNorm {
    /// For one head, for each of them, or for all together.
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

/// What the queries or the keys of all heads go through, besides rotation.
pub(super) struct Heads {
    pub norm: Option<HeadNorm>,
    /// What each value is multiplied by: see [`balance`](super::balance).
    pub factors: Vec<f32>,
}

/// The half of a layer in which positions meet: projections, attention or a short convolution, the output
/// projection.
pub(super) struct SequenceMixer {
    pub projection: Projection,
    pub kind: MixerKind,
    pub output: Linear,
}

/// How positions are mixed.
pub(super) enum MixerKind {
    /// Attention, with what queries and keys go through.
    Attention([Heads; 2]),
    /// A short convolution, with its kernel: `[position][hidden_size]`, the latest last.
    Convolution(Vec<f32>),
}

/// The first half of a feed-forward network.
pub(super) enum Expansion {
    /// down × activation(up × x)
    Plain(Linear),
    /// down × (activation(gate × x) × (up × x)), as in SwiGLU (Shazeer 2020).
    Gated { gate: Linear, up: Linear },
    /// The same, gate and up in one matrix.
    Fused(Linear),
}

/// A feed-forward network's weights.
pub(super) struct FeedForward {
    pub expansion: Expansion,
    pub down: Linear,
}

impl FeedForward {
    /// The up projection (and the gate) of all tokens.
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

    /// The activation and the down projection, from what [`project_up`](Self::project_up) gave for so many tokens.
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
    /// Whether the feed-forward network reads what the mixer reads.
    pub parallel: bool,
    pub feed_forward_norm: Option<Norm>,
    pub feed_forward: FeedForward,
    pub feed_forward_post_norm: Option<Norm>,
}
