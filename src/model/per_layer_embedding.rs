//! Per-layer embeddings (Gemma 3n, 2025): besides the hidden state, each layer reads a vector of its own of each token. The
//! vectors come from a table as large as all layers together, of which a token takes one row.

use std::f32::consts::FRAC_1_SQRT_2;

use super::Config;
use super::incoming::TensorTaker;
use super::linear::Linear;
use super::norm::{HeadNorm, Norm, pre_norm};
use super::row_table::RowTable;
use super::scratch::Scratch;
use crate::kernels;
use crate::kernels::threads::for_each_chunk;
use crate::quant::Matrix;
use crate::{Result, TokenId};

/// What the vectors of all layers are made of.
pub(super) struct PerLayerEmbedding {
    /// `[vocabulary_size][layers × per_layer_size]`.
    table: RowTable,
    /// From the token embedding to the vectors of all layers, `[layers × per_layer_size][hidden_size]`.
    projection: Matrix,
    /// Normalises each of the projected vectors.
    norm: HeadNorm,
}

impl PerLayerEmbedding {
    /// Takes the tensors where the model has them.
    ///
    /// # Errors
    /// [`Error::MissingTensor`](crate::Error::MissingTensor).
    pub fn take(tensors: &mut TensorTaker) -> Result<Option<Self>> {
        let Some(table) = tensors.optional_table("per_layer_token_embd") else {
            return Ok(None);
        };
        let weight = tensors.vector("per_layer_proj_norm", "weight")?;
        Ok(Some(Self {
            table,
            projection: tensors.matrix("per_layer_model_proj")?,
            norm: HeadNorm {
                group_len: weight.len(),
                weight,
            },
        }))
    }

    /// per_layer = (norm(projection × hidden / √hidden_size) + table\[token\] × √per_layer_size) / √2 for every token and
    /// layer. The token embeddings are in `scratch.hidden`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn look_up(
        &self,
        config: &Config,
        tokens: &[TokenId],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let Scratch {
            hidden,
            x,
            per_layer,
            per_layer_row: row,
            per_layer_blocks: blocks,
            row: copy,
            ..
        } = scratch;
        let root = |size: usize| libm::sqrtf(size as f32);
        pre_norm(None, config, hidden, x)?;
        kernels::linear(&self.projection, x, per_layer);
        kernels::multiply(per_layer, 1.0 / root(config.hidden_size));
        for (token, inputs) in tokens.iter().zip(per_layer.chunks_exact_mut(row.len())) {
            self.norm.apply(config, inputs, copy);
            self.table.dequantize_row(*token as usize, blocks, row);
            kernels::multiply(row, root(config.per_layer_size));
            kernels::add(inputs, row);
            kernels::multiply(inputs, FRAC_1_SQRT_2);
        }
        Ok(())
    }
}

/// What one layer makes of its vectors: a third part, after the feed-forward network.
pub(super) struct PerLayerInput {
    pub gate: Linear,
    pub projection: Linear,
    /// Normalises what is added to the residual stream.
    pub norm: Norm,
}

impl PerLayerInput {
    /// Takes the tensors of a layer where the model has them.
    ///
    /// # Errors
    /// [`Error::MissingTensor`](crate::Error::MissingTensor).
    pub fn take(tensors: &mut TensorTaker) -> Result<Option<Self>> {
        let Some(norm) = tensors.norm("post_norm") else {
            return Ok(None);
        };
        Ok(Some(Self {
            gate: tensors.linear("inp_gate")?,
            projection: tensors.linear("proj")?,
            norm,
        }))
    }

    /// residual = projection × (gelu(gate × hidden) × the layer's vector) for every token, in the layer `index`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn run(&self, config: &Config, index: usize, scratch: &mut Scratch) -> Result<()> {
        let Scratch {
            hidden,
            x,
            ffn_up,
            per_layer,
            residual,
            adapters,
            ..
        } = scratch;
        pre_norm(None, config, hidden, x)?;
        let (tokens, size) = (x.tokens(), config.per_layer_size);
        let gates = &mut ffn_up[..tokens * size];
        self.gate.run(x, gates, adapters)?;
        let gated = x.prepare(tokens, size)?;
        for_each_chunk(gated, size, 2 * size, |token, gated, _| {
            gated.copy_from_slice(&gates[token * size..][..size]);
            let vector = &per_layer[(token * config.layers + index) * size..][..size];
            kernels::gelu_mul(gated, vector);
        });
        self.projection.run(x, residual, adapters)
    }
}
