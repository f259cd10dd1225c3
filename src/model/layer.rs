//! The weights of one layer: a token mixer and a feed-forward network, with their norms.

use super::Config;
use super::experts::MixtureOfExperts;
use super::feed_forward::{FeedForward, FeedForwardInput};
use super::linear::{Linear, Projection};
use super::norm::Norm;
use super::scratch::Scratch;
use super::token_mixer::{TokenMixer, TokenMixerKind};
use crate::Result;

/// The weights of one layer.
pub(super) struct Layer {
    pub token_mixer_norm: Option<Norm>,
    pub token_mixer: TokenMixer,
    pub token_mixer_post_norm: Option<Norm>,
    /// Whether the feed-forward network runs in parallel with the token mixer: it reads the same normalised input.
    pub parallel: bool,
    pub feed_forward_norm: Option<Norm>,
    pub feed_forward: FeedForwardKind,
    pub feed_forward_post_norm: Option<Norm>,
}

/// The second half of a layer.
pub(super) enum FeedForwardKind {
    /// One network for all tokens.
    Dense(FeedForward),
    /// Networks of which each token runs through some. They do not run in parallel with the token mixer.
    Mixture(MixtureOfExperts),
}

impl FeedForwardKind {
    /// The first part, whose input is in `scratch.x`: the up projection, or the choice of experts.
    pub fn project_up(&self, scratch: &mut Scratch) -> Result<()> {
        match self {
            Self::Dense(network) => network.project_up(scratch),
            Self::Mixture(experts) => experts.route(scratch),
        }
    }

    /// The rest, to `scratch.residual`.
    pub fn project_down(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        match self {
            Self::Dense(network) => network.project_down(config, scratch),
            Self::Mixture(experts) => experts.run(config, scratch),
        }
    }

    /// All linear layers in it but those of experts that are chosen.
    fn linears(&self) -> impl Iterator<Item = &Linear> {
        let (network, router) = match self {
            Self::Dense(network) => (Some(network), None),
            Self::Mixture(experts) => (experts.shared.as_ref(), Some(&experts.router)),
        };
        let network = network.into_iter().flat_map(|network| {
            let (input, up) = match &network.input {
                FeedForwardInput::Plain(input) | FeedForwardInput::Fused(input) => (input, None),
                FeedForwardInput::Gated { gate, up } => (gate, Some(up)),
            };
            [&network.down, input].into_iter().chain(up)
        });
        network.chain(router)
    }
}

impl Layer {
    /// All linear layers in it but those of experts that are chosen.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        let projection = match &self.token_mixer.projection {
            Projection::Separate(each) => &each[..],
            Projection::Fused(all) => std::slice::from_ref(all),
        };
        let gates = match &self.token_mixer.kind {
            TokenMixerKind::DeltaNet(net) => Some([&net.gate, &net.beta, &net.alpha]),
            TokenMixerKind::Attention(_) | TokenMixerKind::ShortConvolution(_) => None,
        };
        projection
            .iter()
            .chain([&self.token_mixer.output])
            .chain(self.feed_forward.linears())
            .chain(gates.into_iter().flatten())
    }
}
