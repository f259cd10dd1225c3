//! The architecture of the network, and the layout of its weights in one flat buffer.

use std::ops::Range;

use crate::error::check_option;
use crate::{Error, Result};

/// The ε that RMSNorm adds to the mean square.
pub(super) const NORM_EPSILON: f32 = 1e-5;
/// The base of RoPE's frequencies.
pub(super) const ROPE_BASE: f32 = 10_000.0;

/// The most weights. A system that promises more memory than it has would grant any size, and end the process while the
/// weights are drawn.
const MAX_WEIGHTS: u64 = 1 << 30;
/// Bytes that training takes for each weight: the weight itself, its gradient and the two moments of AdamW.
const BYTES_PER_WEIGHT: u64 = 4 * size_of::<f32>() as u64;

/// The sizes of a `llama` model with as many key and value heads as query heads, whose output head shares the weights
/// of the embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// The longest sequence, in tokens.
    pub context_length: usize,
    /// Values in a hidden state: a multiple of 32, so that every format can store the weights.
    pub hidden_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Attention heads; the size of a head is even.
    pub heads: usize,
    /// Values in the hidden layer of the feed-forward network: a multiple of 32.
    pub feed_forward_size: usize,
}

impl Shape {
    /// Checks every size.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] with the option's name; [`Error::OutOfMemory`] for more than 2³⁰ weights, or
    /// more than can be addressed.
    pub fn validate(&self) -> Result<()> {
        let within = |value: usize, range: Range<usize>| range.contains(&value);
        let blocks = |value: usize| value.is_multiple_of(32) && within(value, 32..16_385);
        check_option(
            within(self.vocabulary_size, 257..1 << 20),
            "vocabulary_size",
            "a whole number from 257 (every byte, and the end of a text) to 1048575",
        )?;
        check_option(
            within(self.context_length, 2..16_385),
            "context_length",
            "a whole number from 2 to 16384",
        )?;
        check_option(
            blocks(self.hidden_size),
            "hidden_size",
            "a multiple of 32 up to 16384",
        )?;
        check_option(
            blocks(self.feed_forward_size),
            "feed_forward_size",
            "a multiple of 32 up to 16384",
        )?;
        check_option(
            within(self.layers, 1..257),
            "layers",
            "a whole number from 1 to 256",
        )?;
        let divides = self.heads > 0 && self.hidden_size.is_multiple_of(2 * self.heads);
        check_option(
            divides,
            "heads",
            "a number that divides hidden_size into parts of even size",
        )?;
        // The sizes are below 2²⁰, so that 64 bits hold the products, which 32 bits may not.
        let long = |size: usize| size as u64;
        let (hidden, feed_forward) = (long(self.hidden_size), long(self.feed_forward_size));
        let layer = 2 * hidden + 4 * hidden * hidden + 3 * hidden * feed_forward;
        let weights = long(self.vocabulary_size + 1) * hidden + long(self.layers) * layer;
        let bytes = weights.saturating_mul(BYTES_PER_WEIGHT);
        match usize::try_from(bytes) {
            Ok(_) if weights <= MAX_WEIGHTS => Ok(()),
            bytes => Err(Error::OutOfMemory(bytes.unwrap_or(usize::MAX))),
        }
    }

    /// Values in a query, key or value of one head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.heads
    }

    /// Weights in all.
    pub fn parameters(&self) -> usize {
        self.vocabulary_size * self.hidden_size + self.layers * self.layer() + self.hidden_size
    }

    fn layer(&self) -> usize {
        let (hidden, feed_forward) = (self.hidden_size, self.feed_forward_size);
        2 * hidden + 4 * hidden * hidden + 3 * hidden * feed_forward
    }

    /// The range of the embedding, `[vocabulary_size][hidden_size]`, which is also the output head.
    pub(super) fn embedding(&self) -> Range<usize> {
        0..self.vocabulary_size * self.hidden_size
    }

    /// The range of the weights of the final norm.
    pub(super) fn output_norm(&self) -> Range<usize> {
        let end = self.parameters();
        end - self.hidden_size..end
    }

    /// The ranges of the weights of one layer.
    pub(super) fn layer_weights(&self, layer: usize) -> LayerWeights {
        let mut end = self.embedding().end + layer * self.layer();
        let (hidden, feed_forward) = (self.hidden_size, self.feed_forward_size);
        let mut next = |len: usize| {
            end += len;
            end - len..end
        };
        LayerWeights {
            attention_norm: next(hidden),
            query_key_value: next(3 * hidden * hidden),
            attention_output: next(hidden * hidden),
            feed_forward_norm: next(hidden),
            gate_up: next(2 * hidden * feed_forward),
            down: next(hidden * feed_forward),
        }
    }

    /// Every tensor, in the order of the flat buffer, by its name in a GGUF file.
    pub(super) fn tensors(&self) -> Vec<Tensor> {
        let (hidden, feed_forward) = (self.hidden_size, self.feed_forward_size);
        let mut list = TensorList::default();
        list.matrix("token_embd", self.vocabulary_size, hidden, 1.0);
        // Two branches of each layer add to the residual stream. Their smaller initial weights keep it from growing
        // with depth.
        let branch = 1.0 / libm::sqrtf(2.0 * self.layers as f32);
        for layer in 0..self.layers {
            let name = |stem: &str| format!("blk.{layer}.{stem}");
            list.norm(&name("attn_norm"), hidden);
            for stem in ["attn_q", "attn_k", "attn_v"] {
                list.matrix(&name(stem), hidden, hidden, 1.0);
            }
            list.matrix(&name("attn_output"), hidden, hidden, branch);
            list.norm(&name("ffn_norm"), hidden);
            for stem in ["ffn_gate", "ffn_up"] {
                list.matrix(&name(stem), feed_forward, hidden, 1.0);
            }
            list.matrix(&name("ffn_down"), hidden, feed_forward, branch);
        }
        list.norm("output_norm", hidden);
        list.tensors
    }
}

/// The ranges of the weights of one layer in the flat buffer. Matrices are `[outputs][inputs]`. Those that read the
/// same input follow each other, so that one product computes them all.
pub(super) struct LayerWeights {
    pub attention_norm: Range<usize>,
    /// `[3 × hidden_size][hidden_size]`.
    pub query_key_value: Range<usize>,
    /// `[hidden_size][hidden_size]`.
    pub attention_output: Range<usize>,
    pub feed_forward_norm: Range<usize>,
    /// `[2 × feed_forward_size][hidden_size]`.
    pub gate_up: Range<usize>,
    /// `[hidden_size][feed_forward_size]`.
    pub down: Range<usize>,
}

/// One tensor of the model.
pub(super) struct Tensor {
    /// Its name in a GGUF file.
    pub name: String,
    /// The range of its weights in the flat buffer.
    pub range: Range<usize>,
    /// The columns of a matrix, which are its inputs; `None` for the weights of a norm.
    pub columns: Option<usize>,
    /// The standard deviation of its initial weights, in units of 1 / √columns; the weights of norms begin with 1.
    pub spread: f32,
}

#[derive(Default)]
struct TensorList {
    tensors: Vec<Tensor>,
}

impl TensorList {
    fn push(&mut self, name: &str, len: usize, columns: Option<usize>, spread: f32) {
        let start = self.tensors.last().map_or(0, |tensor| tensor.range.end);
        self.tensors.push(Tensor {
            name: format!("{name}.weight"),
            range: start..start + len,
            columns,
            spread,
        });
    }

    fn matrix(&mut self, name: &str, rows: usize, columns: usize, spread: f32) {
        self.push(name, rows * columns, Some(columns), spread);
    }

    fn norm(&mut self, name: &str, len: usize) {
        self.push(name, len, None, 0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape {
        vocabulary_size: 300,
        context_length: 16,
        hidden_size: 64,
        layers: 2,
        heads: 2,
        feed_forward_size: 96,
    };

    #[test]
    fn the_tensors_fill_the_buffer_where_the_layers_look() {
        let tensors = SHAPE.tensors();
        let mut end = 0;
        for tensor in &tensors {
            assert_eq!(tensor.range.start, end, "{}", tensor.name);
            end = tensor.range.end;
        }
        assert_eq!(end, SHAPE.parameters());
        let range = |name: &str| {
            let found = tensors.iter().find(|tensor| tensor.name == name);
            found.expect(name).range.clone()
        };
        assert_eq!(range("token_embd.weight"), SHAPE.embedding());
        assert_eq!(range("output_norm.weight"), SHAPE.output_norm());
        for layer in 0..SHAPE.layers {
            let weights = SHAPE.layer_weights(layer);
            let at = |stem: &str| range(&format!("blk.{layer}.{stem}.weight"));
            assert_eq!(weights.attention_norm, at("attn_norm"));
            let (first, last) = (at("attn_q"), at("attn_v"));
            assert_eq!(weights.query_key_value, first.start..last.end);
            assert_eq!(weights.attention_output, at("attn_output"));
            assert_eq!(weights.feed_forward_norm, at("ffn_norm"));
            let (first, last) = (at("ffn_gate"), at("ffn_up"));
            assert_eq!(weights.gate_up, first.start..last.end);
            assert_eq!(weights.down, at("ffn_down"));
        }
    }

    #[test]
    fn what_cannot_be_is_named() {
        let refused = |change: fn(&mut Shape)| {
            let mut shape = SHAPE;
            change(&mut shape);
            match shape.validate() {
                Err(Error::InvalidOption { name, .. }) => name,
                other => panic!("{other:?}"),
            }
        };
        SHAPE.validate().unwrap();
        let huge = Shape {
            hidden_size: 16_384,
            layers: 2,
            ..SHAPE
        };
        assert!(matches!(huge.validate(), Err(Error::OutOfMemory(_))));
        assert_eq!(refused(|s| s.vocabulary_size = 256), "vocabulary_size");
        assert_eq!(refused(|s| s.context_length = 1), "context_length");
        assert_eq!(refused(|s| s.hidden_size = 48), "hidden_size");
        assert_eq!(refused(|s| s.feed_forward_size = 0), "feed_forward_size");
        assert_eq!(refused(|s| s.layers = 0), "layers");
        assert_eq!(refused(|s| s.heads = 3), "heads");
        assert_eq!(refused(|s| s.heads = 0), "heads");
    }
}
