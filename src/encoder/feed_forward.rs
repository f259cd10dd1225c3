//! The feed-forward network of a layer.

use super::Config;
use super::architecture::{Activation, FeedForward};
use super::scratch::{HalfNorms, Scratch};
use crate::Result;
use crate::kernels;
use crate::kernels::threads::for_each_chunk;
use crate::model::Linear;

/// The weights of a feed-forward network.
pub(super) struct FeedForwardNetwork {
    pub norms: HalfNorms,
    /// Where it is a matrix of its own.
    pub gate: Option<Linear>,
    pub up: Linear,
    pub down: Linear,
}

impl FeedForwardNetwork {
    /// Adds down × activation(up × x), or what [`FeedForward`] says, to the residual stream.
    pub fn run(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        self.norms.read(config, scratch)?;
        let Scratch {
            x, wide, residual, ..
        } = scratch;
        let (tokens, size) = (x.tokens(), config.feed_forward_size);
        let mut up = &mut wide[..];
        if let Some(gate) = &self.gate {
            let (first, rest) = up.split_at_mut(tokens * size);
            gate.apply(x, first);
            up = rest;
        }
        self.up.apply(x, &mut up[..tokens * config.up_size()]);
        let activated = x.prepare(tokens, size)?;
        for_each_chunk(activated, size, 4 * size, |token, x, _| {
            let row = |index: usize| &wide[index * size..][..size];
            let (input, up) = match config.feed_forward {
                FeedForward::Gated => (token, Some(tokens + token)),
                FeedForward::Fused => (2 * token, Some(2 * token + 1)),
                FeedForward::Plain | FeedForward::AsInFile => (token, None),
            };
            x.copy_from_slice(row(input));
            activate(config.activation, x, up.map(row));
        });
        self.down.apply(x, residual);
        self.norms.add(config, scratch);
        Ok(())
    }
}

/// x = activation(x), times `up` where there is one.
fn activate(activation: Activation, x: &mut [f32], up: Option<&[f32]>) {
    match (activation, up) {
        (Activation::Silu, Some(up)) => kernels::silu_mul(x, up),
        (Activation::TanhGelu, Some(up)) => kernels::gelu_mul(x, up),
        (_, up) => {
            kernels::gelu_erf(x);
            for (x, up) in x.iter_mut().zip(up.unwrap_or_default()) {
                *x *= up;
            }
        }
    }
}
