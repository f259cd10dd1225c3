//! The weights of one layer: a token mixer and a feed-forward network, with their norms.

use super::Config;
use super::experts::MixtureOfExperts;
use super::feed_forward::FeedForward;
use super::linear::Linear;
use super::norm::Norm;
use super::per_layer_embedding::PerLayerInput;
use super::scratch::Scratch;
use super::token_mixer::TokenMixer;
use crate::Result;

/// The weights of one layer.
pub(super) struct Layer {
    pub token_mixer_norm: Option<Norm>,
    pub token_mixer: TokenMixer,
    /// A second mixer, which reads the same and whose outputs are added to the first one's.
    pub second_mixer: Option<TokenMixer>,
    pub token_mixer_post_norm: Option<Norm>,
    /// Whether the feed-forward network runs in parallel with the token mixer: it reads the same normalised input.
    pub parallel: bool,
    pub feed_forward_norm: Option<Norm>,
    /// Mamba-2 layers do without one.
    pub feed_forward: Option<FeedForwardKind>,
    pub feed_forward_post_norm: Option<Norm>,
    /// What the layer makes of its own embedding of each token, where it has these.
    pub per_layer_input: Option<PerLayerInput>,
    /// What the residual stream is multiplied by after the layer.
    pub output_scale: f32,
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

    /// Visits all linear layers in it but those of experts that are chosen.
    fn for_each_linear<'a>(&'a self, visit: &mut dyn FnMut(&'a Linear)) {
        let (network, router) = match self {
            Self::Dense(network) => (Some(network), None),
            Self::Mixture(experts) => (experts.shared.as_ref(), Some(&experts.router)),
        };
        if let Some(network) = network {
            network.for_each_linear(visit);
        }
        router.into_iter().for_each(visit);
    }
}

impl Layer {
    /// Visits all linear layers in it but those of experts that are chosen.
    pub fn for_each_linear<'a>(&'a self, visit: &mut dyn FnMut(&'a Linear)) {
        let mixers = std::iter::once(&self.token_mixer).chain(&self.second_mixer);
        mixers.for_each(|mixer| mixer.for_each_linear(visit));
        if let Some(feed_forward) = &self.feed_forward {
            feed_forward.for_each_linear(visit);
        }
        if let Some(input) = &self.per_layer_input {
            [&input.gate, &input.projection].into_iter().for_each(visit);
        }
    }
}
