//! What the metadata says about the network.

use crate::gguf::Metadata;
use crate::{Error, Result};

/// The shape of a transformer, read from a model file's metadata and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// `general.architecture`.
    pub architecture: String,
    /// Positions the model was trained on.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// Values in a hidden state.
    pub hidden_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Query heads of each layer.
    pub heads: usize,
    /// Key and value heads of each layer; query heads share them in groups.
    pub kv_heads: usize,
    /// Values in a key and in a query of one head.
    pub head_size: usize,
    /// Values between the two halves of the feed-forward network.
    pub feed_forward_size: usize,
    /// What is added to the mean square under the root of RMSNorm.
    pub norm_epsilon: f32,
    /// Dimensions of each head that RoPE rotates.
    pub rope_size: usize,
    /// The base of RoPE's frequencies.
    pub rope_base: f32,
}

/// More of anything than this is no model but an attack.
const LARGEST: usize = 1 << 24;

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`Error::UnsupportedArchitecture`], [`Error::MissingMetadata`] or [`Error::BadMetadata`].
    pub fn from_metadata(metadata: &Metadata, vocabulary_size: usize) -> Result<Self> {
        let architecture = metadata.require_str("general.architecture")?.to_owned();
        if architecture != "llama" {
            return Err(Error::UnsupportedArchitecture(architecture));
        }
        let key = |name: &str| format!("{architecture}.{name}");
        let size = |name: &str| positive(&key(name), metadata.require_u32(&key(name))?);
        let hidden_size = size("embedding_length")?;
        let heads = size("attention.head_count")?;
        let kv_heads = match metadata.optional_u32(&key("attention.head_count_kv"))? {
            Some(count) => positive(&key("attention.head_count_kv"), count)?,
            None => heads,
        };
        let head_size = match metadata.optional_u32(&key("attention.key_length"))? {
            Some(length) => positive(&key("attention.key_length"), length)?,
            None => hidden_size / heads,
        };
        let rope_size = match metadata.optional_u32(&key("rope.dimension_count"))? {
            Some(count) => positive(&key("rope.dimension_count"), count)?,
            None => head_size,
        };
        let config = Self {
            context_length: size("context_length")?,
            vocabulary_size,
            hidden_size,
            layers: size("block_count")?,
            heads,
            kv_heads,
            head_size,
            feed_forward_size: size("feed_forward_length")?,
            norm_epsilon: metadata.require_f32(&key("attention.layer_norm_rms_epsilon"))?,
            rope_size,
            rope_base: metadata
                .optional_f32(&key("rope.freq_base"))?
                .unwrap_or(10_000.0),
            architecture,
        };
        config.check(metadata)?;
        Ok(config)
    }

    fn check(&self, metadata: &Metadata) -> Result<()> {
        let fail = |name: &str, reason: &str| {
            Err(Error::BadMetadata {
                key: format!("{}.{name}", self.architecture),
                reason: reason.to_owned(),
            })
        };
        if !self.heads.is_multiple_of(self.kv_heads) {
            return fail(
                "attention.head_count_kv",
                "it does not divide the number of heads",
            );
        }
        if self.head_size == 0 || self.heads.saturating_mul(self.head_size) > LARGEST {
            return fail(
                "attention.head_count",
                "it does not fit the embedding length",
            );
        }
        if self.rope_size > self.head_size || !self.rope_size.is_multiple_of(2) {
            return fail(
                "rope.dimension_count",
                "it must be even and at most the head size",
            );
        }
        if !(self.rope_base > 0.0 && self.rope_base.is_finite()) {
            return fail("rope.freq_base", "it must be a positive number");
        }
        if !(self.norm_epsilon >= 0.0 && self.norm_epsilon.is_finite()) {
            return fail(
                "attention.layer_norm_rms_epsilon",
                "it must not be negative",
            );
        }
        let value_length =
            metadata.optional_u32(&format!("{}.attention.value_length", self.architecture))?;
        if value_length.is_some_and(|length| length as usize != self.head_size) {
            return fail(
                "attention.value_length",
                "it must equal the length of a key",
            );
        }
        let scaling = metadata.optional_str(&format!("{}.rope.scaling.type", self.architecture))?;
        if scaling.is_some_and(|scaling| scaling != "none") {
            return fail("rope.scaling.type", "scaled positions are not supported");
        }
        if metadata
            .optional_u32(&format!("{}.expert_count", self.architecture))?
            .unwrap_or(0)
            > 0
        {
            return fail("expert_count", "mixtures of experts are not supported");
        }
        Ok(())
    }

    /// Query heads that share one key and value head.
    pub fn heads_per_kv_head(&self) -> usize {
        self.heads / self.kv_heads
    }
}

fn positive(key: &str, value: u32) -> Result<usize> {
    match usize::try_from(value) {
        Ok(size) if (1..=LARGEST).contains(&size) => Ok(size),
        _ => Err(Error::BadMetadata {
            key: key.to_owned(),
            reason: format!("{value} is not between 1 and {LARGEST}"),
        }),
    }
}
