//! What the layers of the model leave while it runs one token, for a reader who wants to look inside.

use super::Config;
use crate::Result;
use crate::allocation::{resize, with_capacity};

/// The residual stream and the attention weights of one token; see
/// [`Model::forward_with_outputs`](super::Model::forward_with_outputs).
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct LayerOutputs {
    /// The residual stream after each layer, `[layers][hidden_size]`.
    pub residuals: Vec<f32>,
    /// The attention weights of each layer, `[heads][positions]`: how much the token takes from each position so far,
    /// its own the last. Those of a head add up to 1, or with an attention sink to less; positions outside of a sliding window have 0. Empty for a layer
    /// without attention; no layers where they were not asked for.
    pub attention: Vec<Vec<f32>>,
}

impl LayerOutputs {
    /// Takes all the memory, so that nothing can fail while the model runs the token at the last of `positions`. Attention
    /// weights are kept where `attention` says so.
    pub(super) fn new(config: &Config, positions: usize, attention: bool) -> Result<Self> {
        let layers = if attention { config.layers } else { 0 };
        let weights_size = config.heads.saturating_mul(positions);
        let mut attention = with_capacity(layers)?;
        for layer in 0..layers {
            let mut weights = Vec::new();
            if config.has_attention(layer) {
                resize(&mut weights, weights_size, 0.0)?;
            }
            attention.push(weights);
        }
        let residuals = with_capacity(config.layers.saturating_mul(config.hidden_size))?;
        Ok(Self {
            residuals,
            attention,
        })
    }

    /// The place for the attention weights of the layer that runs now; `None` where they are not kept. A layer's
    /// residual stream is kept after its attention, so that the number of those kept is the index of the layer that
    /// runs.
    pub(super) fn next_weights(&mut self, config: &Config) -> Option<&mut Vec<f32>> {
        let layer = self.residuals.len() / config.hidden_size;
        self.attention.get_mut(layer)
    }
}
