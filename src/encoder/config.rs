//! The sizes and constants of an encoder, from the file's metadata.

use super::architecture::{Activation, Architecture, FeedForward, Norms, Positions, Windows};
use crate::gguf::{Metadata, TensorInfo};
use crate::model::Keys;
use crate::pooling::Pooling;
use crate::{Error, Result};

/// The sizes and constants of an encoder.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// What its layers are made of.
    pub architecture: &'static Architecture,
    /// Numbers in a token's vector, and in an embedding.
    pub hidden_size: usize,
    /// Numbers in the middle of a feed-forward network.
    pub feed_forward_size: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Heads of keys and values; each serves as many heads of queries.
    pub kv_heads: usize,
    /// Numbers in the query, key and value of a head.
    pub head_size: usize,
    /// The most tokens that a text may have, those that begin and end it included.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// What is added to a variance before its root is taken, so that the norms never divide by zero.
    pub norm_epsilon: f32,
    /// How the vectors of a text's tokens become one; `None` where the file does not say.
    pub pooling: Option<Pooling>,
    /// Numbers between the two linear layers that the pooled vector runs through, where there are such layers.
    pub(super) dense_size: Option<usize>,
    /// Rows of the table of token types, where the file has one. A text is of the first type.
    pub(super) token_types: Option<usize>,
    /// The first half of the feed-forward network.
    pub(super) feed_forward: FeedForward,
    pub(super) activation: Activation,
    /// What a layer needs to rotate queries and keys, where it does.
    pub(super) rope: Option<RopeSizes>,
    /// The layers that attend only to near positions, where there are such layers.
    pub(super) window: Option<Window>,
}

/// How queries and keys are rotated.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RopeSizes {
    /// Dimensions of each head that are rotated.
    pub size: usize,
    /// The base of the frequencies.
    pub base: f32,
    /// The base in layers with a window.
    pub window_base: f32,
}

/// The layers with a sliding window, and how far they see.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Window {
    /// Positions that a token attends to on each side of its own.
    pub reach: usize,
    layers: WindowLayers,
}

#[derive(Debug, Clone, PartialEq)]
enum WindowLayers {
    Periodic(Windows),
    /// For each layer, whether it has one.
    Listed(Vec<bool>),
}

impl Config {
    /// Reads the configuration; `vocabulary_size` is the tokenizer's, and `tensors` are the file's.
    ///
    /// # Errors
    /// [`Error::MissingMetadata`], [`Error::BadMetadata`].
    pub(super) fn from_metadata(
        architecture: &'static Architecture,
        metadata: &Metadata,
        vocabulary_size: usize,
        tensors: &[TensorInfo],
    ) -> Result<Self> {
        let keys = Keys::new(metadata, architecture.name);
        let (hidden_size, heads) = (
            keys.size("embedding_length")?,
            keys.size("attention.head_count")?,
        );
        let kv_heads = keys.optional_size("attention.head_count_kv")?;
        let head_size = head_size(&keys, hidden_size, heads)?;
        let feed_forward_size = keys.size("feed_forward_length")?;
        let layers = keys.size("block_count")?;
        let config = Self {
            architecture,
            hidden_size,
            feed_forward_size,
            layers,
            heads,
            kv_heads: kv_heads.unwrap_or(heads),
            head_size,
            context_length: keys.size("context_length")?,
            vocabulary_size,
            norm_epsilon: keys.f32(epsilon_key(architecture))?,
            pooling: Pooling::from_metadata(metadata, architecture.name)?,
            dense_size: dense_size(&keys)?,
            token_types: token_types(metadata)?,
            feed_forward: match architecture.feed_forward {
                FeedForward::AsInFile => feed_forward_of(tensors, feed_forward_size),
                known => known,
            },
            activation: activation(&keys, architecture)?,
            rope: rope_sizes(&keys, architecture, head_size)?,
            window: Window::from_metadata(&keys, architecture, layers)?,
        };
        config.check(&keys)?;
        Ok(config)
    }

    fn check(&self, keys: &Keys) -> Result<()> {
        if !self.heads.is_multiple_of(self.kv_heads) {
            return keys.fail(
                "attention.head_count_kv",
                "the heads must share the keys and values evenly",
            );
        }
        if !self.norm_epsilon.is_finite() || self.norm_epsilon < 0.0 {
            return keys.fail(
                epsilon_key(self.architecture),
                "it must be a number from 0 on",
            );
        }
        // The tokens that begin and end a text.
        if self.context_length < 2 {
            return keys.fail("context_length", "it must be at least 2");
        }
        if keys.flag("attention.causal")? {
            return keys.fail(
                "attention.causal",
                "only bidirectional encoders have a place",
            );
        }
        for experts in ["expert_count", "moe_every_n_layers"] {
            if keys.optional_count(experts)?.is_some_and(|count| count > 0) {
                return keys.fail(experts, "mixtures of experts are not supported in encoders");
            }
        }
        Ok(())
    }

    /// Numbers in the queries of all heads.
    pub(super) fn query_size(&self) -> usize {
        self.heads * self.head_size
    }

    /// Numbers in the keys of all heads, and in the values.
    pub(super) fn key_size(&self) -> usize {
        self.kv_heads * self.head_size
    }

    /// Numbers that the up projection gives: those of the gate too where both are one matrix.
    pub(super) fn up_size(&self) -> usize {
        match self.feed_forward {
            FeedForward::Fused => 2 * self.feed_forward_size,
            _ => self.feed_forward_size,
        }
    }

    /// How far the layer `index` sees on each side of a position; `None`: to the ends of the text.
    pub(super) fn reach(&self, index: usize) -> Option<usize> {
        let window = self.window.as_ref().filter(|window| window.has(index));
        window.map(|window| window.reach)
    }
}

impl Window {
    /// A window of so many positions reaches half as far to each side; an odd one counts as the next lower.
    fn from_metadata(
        keys: &Keys,
        architecture: &Architecture,
        layers: usize,
    ) -> Result<Option<Self>> {
        const PATTERN: &str = "attention.sliding_window_pattern";
        let Some(mut windows) = architecture.windows else {
            return Ok(None);
        };
        let Some(size) = keys
            .optional_count("attention.sliding_window")?
            .filter(|size| *size > 0)
        else {
            return Ok(None);
        };
        let layers = match keys.list(PATTERN) {
            Some(list) if list.len() < layers => {
                return keys.fail(PATTERN, "it has fewer entries than there are layers");
            }
            Some(list) => {
                WindowLayers::Listed(list.iter().take(layers).map(|entry| entry != 0).collect())
            }
            None => {
                windows.period = keys.optional_size(PATTERN)?.unwrap_or(windows.period);
                WindowLayers::Periodic(windows)
            }
        };
        let reach = size / 2;
        Ok(Some(Self { reach, layers }))
    }

    fn has(&self, index: usize) -> bool {
        match &self.layers {
            WindowLayers::Periodic(Windows {
                period,
                first_is_global,
            }) => !(index + usize::from(!first_is_global)).is_multiple_of(*period),
            WindowLayers::Listed(list) => list.get(index).copied().unwrap_or(false),
        }
    }
}

fn epsilon_key(architecture: &Architecture) -> &'static str {
    match architecture.norms {
        Norms::Post | Norms::Pre => "attention.layer_norm_epsilon",
        Norms::Sandwich => "attention.layer_norm_rms_epsilon",
    }
}

fn head_size(keys: &Keys, hidden: usize, heads: usize) -> Result<usize> {
    let lengths = ["attention.key_length", "attention.value_length"];
    let [key, value] = lengths.map(|name| keys.optional_size(name));
    let size = match key? {
        Some(size) => size,
        None if !hidden.is_multiple_of(heads) => {
            return keys.fail(
                "attention.head_count",
                "the heads must share the embedding evenly",
            );
        }
        None => hidden / heads,
    };
    if value?.is_some_and(|value| value != size) {
        return keys.fail(lengths[1], "it must equal the length of a key");
    }
    // On a machine of 32 bits the product could overflow.
    match size.checked_mul(heads) {
        Some(all) if all <= MOST && heads <= MOST_HEADS => Ok(size),
        _ => keys.fail("attention.head_count", "the heads are too large together"),
    }
}

/// The most numbers in the queries of all heads that are accepted, as in other sizes.
const MOST: usize = 1 << 24;
/// The most heads, each of which takes some memory of its own.
const MOST_HEADS: usize = 1 << 16;

fn rope_sizes(
    keys: &Keys,
    architecture: &Architecture,
    head_size: usize,
) -> Result<Option<RopeSizes>> {
    if architecture.positions != Positions::Rope {
        return Ok(None);
    }
    let kind = keys.optional_str("rope.scaling.type")?;
    let factor = keys.optional_f32("rope.scaling.factor")?;
    let is_scaled = factor.is_some_and(|factor| factor != 0.0 && factor != 1.0);
    if is_scaled && kind != Some("none") {
        return keys.fail(
            "rope.scaling.factor",
            "positions scaled this way are not supported in encoders",
        );
    }
    let size = keys.optional_size("rope.dimension_count")?;
    let size = size.unwrap_or(head_size);
    if size > head_size || !size.is_multiple_of(2) {
        return keys.fail(
            "rope.dimension_count",
            "it must be even and at most the head size",
        );
    }
    let base = |name: &str| match keys.optional_f32(name)? {
        Some(base) if base > 0.0 && base.is_finite() => Ok(base),
        Some(_) => keys.fail(name, "it must be a positive number"),
        None => Ok(10_000.0),
    };
    Ok(Some(RopeSizes {
        size,
        base: base("rope.freq_base")?,
        window_base: base("rope.freq_base_swa")?,
    }))
}

fn dense_size(keys: &Keys) -> Result<Option<usize>> {
    let [out, next] = ["dense_2_feat_out", "dense_3_feat_in"];
    let size = keys.optional_count(out)?.filter(|size| *size > 0);
    if keys.optional_count(next)?.filter(|size| *size > 0) != size {
        return keys.fail(next, "it must equal what the layer before gives");
    }
    Ok(size)
}

/// The kind of the feed-forward network, by the tensors of the first layer.
fn feed_forward_of(tensors: &[TensorInfo], size: usize) -> FeedForward {
    let find = |name: &str| tensors.iter().find(|info| info.name == name);
    let rows = find("blk.0.ffn_up.weight").and_then(|info| info.shape.get(1));
    match find("blk.0.ffn_gate.weight") {
        Some(_) => FeedForward::Gated,
        None if rows == Some(&(size as u64)) => FeedForward::Plain,
        None => FeedForward::Fused,
    }
}

/// The activation; relatives of ModernBERT name theirs.
fn activation(keys: &Keys, architecture: &Architecture) -> Result<Activation> {
    const KEY: &str = "hidden_activation";
    if architecture.norms != Norms::Pre {
        return Ok(architecture.activation);
    }
    match keys.optional_str(KEY)? {
        None | Some("gelu" | "geglu") => Ok(Activation::Gelu),
        Some("silu" | "swish" | "swiglu") => Ok(Activation::Silu),
        Some(other) => keys.fail(KEY, &format!("the activation \"{other}\" is not supported")),
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
