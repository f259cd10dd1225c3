//! The forward pass of an encoder (Devlin et al. 2019, BERT): the ids of a text → a vector for each token.

use super::Config;
use super::architecture::Norms;
use super::attention::{Attention, Order};
use super::feed_forward::FeedForwardNetwork;
use super::scratch::{Scratch, normalize};
use crate::allocation::resize;
use crate::kernels;
use crate::model::{Linear, Norm, Rope, compute_angles};
use crate::quant::Matrix;
use crate::{Result, TokenId};

/// All weights.
pub(super) struct Network {
    pub embedding: Matrix,
    /// Learned position embeddings.
    pub positions: Option<Matrix>,
    /// The embedding of the first token type, which every token has.
    pub token_type: Option<Vec<f32>>,
    pub embedding_norm: Option<Norm>,
    pub layers: Vec<Layer>,
    pub output_norm: Option<Norm>,
    /// What the pooled vector of a text runs through.
    pub dense: Option<[Linear; 2]>,
    /// RoPE's frequencies in all layers, then those in layers with a window.
    pub ropes: Vec<Rope>,
    /// What each head's scores lose by distance, where they do.
    pub slopes: Vec<f32>,
}

/// The weights of one layer.
pub(super) struct Layer {
    pub attention: Attention,
    pub feed_forward: FeedForwardNetwork,
}

impl Network {
    /// Runs a text of at most `context_length` tokens, all in the vocabulary; their vectors are then in
    /// `scratch.hidden`.
    pub fn forward(
        &self,
        config: &Config,
        tokens: &[TokenId],
        scratch: &mut Scratch,
    ) -> Result<()> {
        scratch.prepare(config, &self.ropes, tokens.len())?;
        compute_angles(&self.ropes, 0, tokens.len(), &mut scratch.angles);
        self.embed(config, tokens, scratch);
        let order = Order {
            ropes: &self.ropes,
            slopes: &self.slopes,
        };
        for layer in &self.layers {
            layer.attention.run(config, order, scratch)?;
            layer.feed_forward.run(config, scratch)?;
        }
        if let Some(norm) = &self.output_norm {
            scratch.residual.copy_from_slice(&scratch.hidden);
            normalize(config, norm, &scratch.residual, &mut scratch.hidden);
        }
        Ok(())
    }

    /// hidden = the embeddings of token, position and token type, normalised where there is a norm for them; in Gemma
    /// times √(hidden size).
    fn embed(&self, config: &Config, tokens: &[TokenId], scratch: &mut Scratch) {
        let size = config.hidden_size;
        let Scratch {
            hidden, residual, ..
        } = scratch;
        let rows = hidden.chunks_exact_mut(size);
        let rows = rows.zip(residual.chunks_exact_mut(size));
        for (position, (token, (hidden, sum))) in tokens.iter().zip(rows).enumerate() {
            self.embedding.dequantize_row(*token as usize, sum);
            if let Some(token_type) = &self.token_type {
                kernels::add(sum, token_type);
            }
            if let Some(positions) = &self.positions {
                positions.dequantize_row(position, hidden);
                kernels::add(sum, hidden);
            }
        }
        match &self.embedding_norm {
            Some(norm) => normalize(config, norm, residual, hidden),
            None => hidden.copy_from_slice(residual),
        }
        if config.architecture.norms == Norms::Sandwich {
            kernels::multiply(hidden, libm::sqrtf(size as f32));
        }
    }

    /// The pooled vector of a text through the dense layers, where there are such layers.
    pub fn project(&self, mut vector: Vec<f32>, scratch: &mut Scratch) -> Result<Vec<f32>> {
        for linear in self.dense.iter().flatten() {
            let x = scratch.x.prepare(1, vector.len())?;
            x.copy_from_slice(&vector);
            resize(&mut vector, linear.matrix.rows(), 0.0)?;
            linear.apply(&mut scratch.x, &mut vector);
        }
        Ok(vector)
    }
}
