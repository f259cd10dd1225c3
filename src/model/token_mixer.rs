//! The first half of a layer, which lets each token take something from those before it: attention, or what some
//! architectures have in its place. "Token mixer" is the word for all of these (Yu et al. 2022, MetaFormer).

use super::Config;
use super::attention::Attention;
use super::delta_net::{DeltaNet, DeltaNetState};
use super::linear::{Linear, Projection};
use super::rope::Rope;
use super::scratch::Scratch;
use super::short_convolution::ShortConvolution;
use crate::Result;
use crate::error::invalid_option;
use crate::kernels::HeadCache;

/// Input projections, attention or what takes its place, output projection.
pub(super) struct TokenMixer {
    pub projection: Projection,
    pub kind: TokenMixerKind,
    pub output: Linear,
}

/// What stands between the projections.
pub(super) enum TokenMixerKind {
    Attention(Attention),
    ShortConvolution(ShortConvolution),
    DeltaNet(Box<DeltaNet>),
}

impl TokenMixer {
    /// residual = mixer(x) for every token, in the layer `index`. The normalised input is in `scratch.x`, the result in
    /// `scratch.residual`. `caches` are those of this layer, `state` its state where it is a delta net.
    pub fn run(
        &self,
        config: &Config,
        index: usize,
        ropes: &[Rope],
        caches: &mut [HeadCache],
        state: Option<&mut DeltaNetState>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        // Input projections: queries, keys and values; or gates and values.
        let widths = config.projection_widths(index);
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        let rows = self.projection.run(widths, x, &mut scratch.qkv, adapters)?;
        match &self.kind {
            TokenMixerKind::Attention(attention) => {
                attention.run(config, index, ropes, rows, caches, scratch)?;
            }
            TokenMixerKind::ShortConvolution(convolution) => {
                convolution.run(config, rows, &mut caches[0], scratch)?;
            }
            TokenMixerKind::DeltaNet(net) => {
                let (Some(nets), Some(state)) = (config.delta_net(index), state) else {
                    return Err(invalid_option("session", "one of this model"));
                };
                net.run(nets, config.norm_epsilon, rows[0], state, scratch)?;
            }
        }
        // Output projection.
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        self.output.run(x, &mut scratch.residual, adapters)
    }
}
