//! The weights of one layer: a token mixer and a feed-forward network, with their norms.

use super::feed_forward::{FeedForward, FeedForwardInput};
use super::linear::{Linear, Projection};
use super::norm::Norm;
use super::token_mixer::{TokenMixer, TokenMixerKind};

/// The weights of one layer.
pub(super) struct Layer {
    pub token_mixer_norm: Option<Norm>,
    pub token_mixer: TokenMixer,
    pub token_mixer_post_norm: Option<Norm>,
    /// Whether the feed-forward network runs in parallel with the token mixer: it reads the same normalised input.
    pub parallel: bool,
    pub feed_forward_norm: Option<Norm>,
    pub feed_forward: FeedForward,
    pub feed_forward_post_norm: Option<Norm>,
}

impl Layer {
    /// All linear layers in it.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        let projection = match &self.token_mixer.projection {
            Projection::Separate(each) => &each[..],
            Projection::Fused(all) => std::slice::from_ref(all),
        };
        let (input, up) = match &self.feed_forward.input {
            FeedForwardInput::Plain(input) | FeedForwardInput::Fused(input) => (input, None),
            FeedForwardInput::Gated { gate, up } => (gate, Some(up)),
        };
        let gates = match &self.token_mixer.kind {
            TokenMixerKind::DeltaNet(net) => Some([&net.gate, &net.beta, &net.alpha]),
            TokenMixerKind::Attention(_) | TokenMixerKind::ShortConvolution(_) => None,
        };
        let rest = [&self.token_mixer.output, &self.feed_forward.down, input];
        let rest = rest.into_iter().chain(up);
        projection
            .iter()
            .chain(rest)
            .chain(gates.into_iter().flatten())
    }
}
