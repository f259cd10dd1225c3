//! The token embedding: the first step of the model, which looks up a vector for each token.

use std::sync::Arc;

use super::Config;
use crate::TokenId;
use crate::kernels;
use crate::quant::Matrix;

/// A vector for each token of the vocabulary. In many models the head shares it.
pub(super) struct TokenEmbedding {
    /// `[vocabulary_size][hidden_size]`.
    pub matrix: Arc<Matrix>,
}

impl TokenEmbedding {
    /// hidden = the tokens' rows of the matrix, scaled where the model does so: `[tokens][hidden_size]`.
    pub fn look_up(&self, config: &Config, tokens: &[TokenId], hidden: &mut [f32]) {
        let rows = hidden.chunks_exact_mut(config.hidden_size);
        for (token, row) in tokens.iter().zip(rows) {
            self.matrix.dequantize_row(*token as usize, row);
        }
        if config.scales.embedding != 1.0 {
            kernels::multiply(hidden, config.scales.embedding);
        }
    }
}
