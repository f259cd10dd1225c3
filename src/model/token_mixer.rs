//! The first half of a layer, which lets each token take something from those before it: attention, or what some
//! architectures have in its place. "Token mixer" is the word for all of these (Yu et al. 2022, MetaFormer).

use super::Config;
use super::attention::Attention;
use super::delta_net::DeltaNet;
use super::linear::{Linear, Projection};
use super::mamba2::Mamba2;
use super::recurrent_config::RecurrentConfig;
use super::recurrent_state::RecurrentState;
use super::rope::Rope;
use super::scratch::Scratch;
use super::short_convolution::ShortConvolution;
use crate::error::invalid_option;
use crate::kernels::HeadCache;
use crate::{Error, Result};

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
    Mamba2(Box<Mamba2>),
}

impl TokenMixer {
    /// residual = mixer(x) for every token, in the layer `index`. The normalised input is in `scratch.x`, the result in
    /// `scratch.residual`. `caches` are those of this layer, `state` its state where it keeps one.
    pub fn run(
        &self,
        config: &Config,
        index: usize,
        ropes: &[Rope],
        caches: &mut [HeadCache],
        state: Option<&mut RecurrentState>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        // Input projections: queries, keys and values; or gates and values.
        let widths = match (&self.kind, config.recurrent(index)) {
            (TokenMixerKind::DeltaNet(_) | TokenMixerKind::Mamba2(_), Some(sizes)) => {
                sizes.projection_widths()
            }
            _ => config.projection_widths(index),
        };
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        let rows = self.projection.run(widths, x, &mut scratch.qkv, adapters)?;
        match &self.kind {
            TokenMixerKind::Attention(attention) => {
                attention.run(config, index, ropes, rows, caches, scratch)?;
            }
            TokenMixerKind::ShortConvolution(convolution) => {
                let state = state.ok_or_else(other_session)?;
                convolution.run(config, rows, &mut state.inputs, scratch)?;
            }
            TokenMixerKind::DeltaNet(net) => {
                let (sizes, state) = sizes_and_state(config, index, state)?;
                net.run(sizes, config.norm_epsilon, rows[0], state, scratch)?;
            }
            TokenMixerKind::Mamba2(mixer) => {
                let (sizes, state) = sizes_and_state(config, index, state)?;
                mixer.run(sizes, config.norm_epsilon, rows, state, scratch)?;
            }
        }
        // Output projection.
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        self.output.run(x, &mut scratch.residual, adapters)
    }
}

impl TokenMixer {
    /// Visits all linear layers in it.
    pub fn for_each_linear<'a>(&'a self, visit: &mut dyn FnMut(&'a Linear)) {
        let projections = match &self.projection {
            Projection::Separate(each) => &each[..],
            Projection::Fused(all) => std::slice::from_ref(all),
        };
        projections.iter().for_each(&mut *visit);
        if let TokenMixerKind::DeltaNet(net) = &self.kind {
            [&net.gate, &net.beta, &net.alpha]
                .into_iter()
                .for_each(&mut *visit);
        }
        visit(&self.output);
    }
}

/// What the layer `index` keeps, which a session of another model may lack.
fn sizes_and_state<'a>(
    config: &'a Config,
    index: usize,
    state: Option<&'a mut RecurrentState>,
) -> Result<(&'a RecurrentConfig, &'a mut RecurrentState)> {
    let state = config.recurrent(index).zip(state);
    state.ok_or_else(other_session)
}

fn other_session() -> Error {
    invalid_option("session", "one of this model")
}
