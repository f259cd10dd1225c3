//! The sizes and constants of an encoder, from the file's metadata.

use crate::gguf::Metadata;
use crate::model::Keys;
use crate::pooling::Pooling;
use crate::{Error, Result};

/// The architecture of encoders, as `general.architecture` names it.
pub const ARCHITECTURE: &str = "bert";

/// The sizes and constants of an encoder.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// Numbers in a token's vector, and in an embedding.
    pub hidden_size: usize,
    /// Numbers in the middle of a feed-forward network.
    pub feed_forward_size: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads, which share the hidden size evenly.
    pub heads: usize,
    /// The most tokens that a text may have, `[CLS]` and `[SEP]` included.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// What is added to a variance before its root is taken, so that the norms never divide by zero.
    pub norm_epsilon: f32,
    /// How the vectors of a text's tokens become one; `None` where the file does not say.
    pub pooling: Option<Pooling>,
    /// Rows of the table of token types, where the file has one. A text is of the first type.
    pub(super) token_types: Option<usize>,
}

impl Config {
    /// Reads the configuration; `vocabulary_size` is the tokenizer's.
    ///
    /// # Errors
    /// [`Error::UnsupportedArchitecture`], [`Error::MissingMetadata`], [`Error::BadMetadata`].
    pub(super) fn from_metadata(metadata: &Metadata, vocabulary_size: usize) -> Result<Self> {
        let keys = Keys::new(metadata, ARCHITECTURE);
        let config = Self {
            hidden_size: keys.size("embedding_length")?,
            feed_forward_size: keys.size("feed_forward_length")?,
            layers: keys.size("block_count")?,
            heads: keys.size("attention.head_count")?,
            context_length: keys.size("context_length")?,
            vocabulary_size,
            norm_epsilon: keys.f32("attention.layer_norm_epsilon")?,
            pooling: Pooling::from_metadata(metadata, ARCHITECTURE)?,
            token_types: token_types(metadata)?,
        };
        config.check(metadata, &keys)?;
        Ok(config)
    }

    fn check(&self, metadata: &Metadata, keys: &Keys) -> Result<()> {
        if !self.hidden_size.is_multiple_of(self.heads) {
            return keys.fail(
                "attention.head_count",
                "the heads must share the embedding evenly",
            );
        }
        if !self.norm_epsilon.is_finite() || self.norm_epsilon < 0.0 {
            return keys.fail(
                "attention.layer_norm_epsilon",
                "it must be a number from 0 on",
            );
        }
        // [CLS] and [SEP].
        if self.context_length < 2 {
            return keys.fail("context_length", "it must be at least 2");
        }
        if metadata.optional_bool("bert.attention.causal")? == Some(true) {
            return keys.fail(
                "attention.causal",
                "only bidirectional encoders have a place",
            );
        }
        Ok(())
    }

    /// Numbers in the query, key and value of a head.
    pub(super) fn head_size(&self) -> usize {
        self.hidden_size / self.heads
    }
}

fn token_types(metadata: &Metadata) -> Result<Option<usize>> {
    const KEY: &str = "tokenizer.ggml.token_type_count";
    match metadata.optional_u32(KEY)? {
        // No model has more than a few.
        Some(count) if !(1..=1 << 16).contains(&count) => Err(Error::BadMetadata {
            key: KEY.to_owned(),
            reason: format!("it is {count}, which is out of range"),
        }),
        count => Ok(count.map(|count| count as usize)),
    }
}
