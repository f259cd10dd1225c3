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
    /// its own the last. Those of a head add up to 1; positions outside of a sliding window have 0. Empty for a layer
    /// that has a convolution instead.
    pub attention: Vec<Vec<f32>>,
}

impl LayerOutputs {
    /// Takes all the memory, so that nothing can fail while the model runs the token at the last of `positions`.
    pub(super) fn new(config: &Config, positions: usize) -> Result<Self> {
        let mut attention = with_capacity(config.layers)?;
        for layer in 0..config.layers {
            let mut weights = Vec::new();
            if config.convolution_length(layer).is_none() {
                resize(&mut weights, config.heads * positions, 0.0)?;
            }
            attention.push(weights);
        }
        let residuals = with_capacity(config.layers * config.hidden_size)?;
        Ok(Self {
            residuals,
            attention,
        })
    }

    /// Where the weights of the layer go that is at work: its residual stream is the next one to be kept.
    pub(super) fn next_weights(&mut self, config: &Config) -> &mut [f32] {
        &mut self.attention[self.residuals.len() / config.hidden_size]
    }
}
