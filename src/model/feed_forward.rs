//! The feed-forward network of a layer: its weights, and the computations with them.

use super::Config;
use super::architecture::Activation;
use super::linear::Linear;
use super::scratch::Scratch;
use crate::Result;
use crate::kernels;
use crate::kernels::threads::for_each_chunk;

/// The first half of a feed-forward network.
pub(super) enum FeedForwardInput {
    /// down × activation(up × x)
    Plain(Linear),
    /// down × (activation(gate × x) × (up × x)), as in SwiGLU (Shazeer 2020).
    Gated { gate: Linear, up: Linear },
    /// The same with gate and up in one matrix, the gate's rows first.
    Fused(Linear),
}

/// A feed-forward network's weights.
pub(super) struct FeedForward {
    pub input: FeedForwardInput,
    pub down: Linear,
}

impl FeedForward {
    /// Visits all linear layers in it.
    pub fn for_each_linear<'a>(&'a self, visit: &mut dyn FnMut(&'a Linear)) {
        match &self.input {
            FeedForwardInput::Plain(input) | FeedForwardInput::Fused(input) => visit(input),
            FeedForwardInput::Gated { gate, up } => [gate, up].into_iter().for_each(&mut *visit),
        }
        visit(&self.down);
    }

    /// The up projection (and the gate projection) of `scratch.x`, to `scratch.ffn_up`.
    #[inline(never)] // It is called in several places.
    pub fn project_up(&self, scratch: &mut Scratch) -> Result<()> {
        let Scratch {
            x,
            ffn_up: out,
            adapters,
            ..
        } = scratch;
        match &self.input {
            FeedForwardInput::Plain(linear) | FeedForwardInput::Fused(linear) => {
                let len = x.tokens() * linear.matrix.rows();
                linear.run(x, &mut out[..len], adapters)
            }
            FeedForwardInput::Gated { gate, up } => {
                let len = x.tokens() * (gate.matrix.rows() + up.matrix.rows());
                Linear::run_each([gate, up], x, &mut out[..len], adapters)
            }
        }
    }

    /// The activation and the down projection of what [`project_up`](Self::project_up) wrote, to `scratch.residual`.
    #[inline(never)]
    pub fn project_down(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        let Scratch {
            x,
            ffn_up,
            residual,
            adapters,
            ..
        } = scratch;
        let (tokens, size) = (x.tokens(), self.down.matrix.cols());
        let activated = x.prepare(tokens, size)?;
        for_each_chunk(activated, size, 2 * size, |token, x, _| {
            let row = |index: usize| &ffn_up[index * size..][..size];
            let (input, up) = match self.input {
                FeedForwardInput::Plain(_) => (token, None),
                FeedForwardInput::Gated { .. } => (token, Some(tokens + token)),
                FeedForwardInput::Fused(_) => (2 * token, Some(2 * token + 1)),
            };
            x.copy_from_slice(row(input));
            match (config.architecture.activation, up) {
                (Activation::SwiGlu, Some(up)) => kernels::silu_mul(x, row(up)),
                (Activation::GeGlu, Some(up)) => kernels::gelu_mul(x, row(up)),
                (Activation::ClampedSwiGlu, Some(up)) => kernels::clamped_swiglu(x, row(up)),
                (Activation::SquaredRelu, _) => kernels::squared_relu(x),
                (_, _) => kernels::gelu(x),
            }
        });
        let len = tokens * self.down.matrix.rows();
        self.down.run(x, &mut residual[..len], adapters)
    }
}
