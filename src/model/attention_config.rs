//! The heads of attention: how many there are, how long they are, and whose keys and values they read.

use super::Config;
use super::architecture::{Architecture, Positions, ScaleRule, StateLayers};
use super::layer_pattern::LayerPattern;
use super::metadata_keys::{Keys, MAX_HEADS, MAX_SIZE};
use super::sliding_window::SlidingWindow;
use crate::Result;

/// The metadata key of the number of KV heads.
const KV_HEADS: &str = "attention.head_count_kv";

/// The layers at the end of a model that attend to the keys and values of earlier layers (Brandon et al. 2024).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SharedKeysAndValues {
    /// The first of these layers; all after it are of this kind.
    first: usize,
    /// Whose keys and values those without a sliding window attend to, and whose those with one.
    sources: [usize; 2],
}

impl SharedKeysAndValues {
    /// The layers that the file names; `None` where it names none. The keys and values are those of the last layer before
    /// them that has a window too, or none either.
    pub fn from_metadata(
        keys: &Keys,
        layers: usize,
        windowed: Option<&SlidingWindow>,
    ) -> Result<Option<Self>> {
        const KEY: &str = "attention.shared_kv_layers";
        let shared = keys.optional_count(KEY)?.unwrap_or(0);
        if shared == 0 {
            return Ok(None);
        }
        let first = layers.saturating_sub(shared);
        let has_window = |layer: &usize| windowed.is_some_and(|windowed| windowed.has(*layer));
        // One that no layer before has stays out of range.
        let sources = [false, true].map(|kind| {
            let mut before = (0..first).rev();
            before
                .find(|layer| has_window(layer) == kind)
                .unwrap_or(layers)
        });
        let mut sharing = first..layers;
        match sharing.all(|layer| sources[usize::from(has_window(&layer))] < first) {
            true => Ok(Some(Self { first, sources })),
            false => keys.fail(KEY, "no earlier layer of the same kind has keys and values"),
        }
    }
}

impl Config {
    /// Checks that the heads of all layers fit together.
    pub(super) fn check_attention(&self, keys: &Keys) -> Result<()> {
        if !self.heads.is_multiple_of(self.kv_heads) {
            return keys.fail(KV_HEADS, "it does not divide the number of heads");
        }
        if self.layers.saturating_mul(self.heads) > MAX_HEADS {
            let reason = format!("all layers together have more than {MAX_HEADS} heads");
            return keys.fail("attention.head_count", &reason);
        }
        if self.head_size == 0 || self.heads.saturating_mul(self.widest_head_size()) > MAX_SIZE {
            return keys.fail(
                "attention.head_count",
                "it does not fit the embedding length",
            );
        }
        if self.rope_size > self.head_size || !self.rope_size.is_multiple_of(2) {
            return keys.fail(
                "rope.dimension_count",
                "it must be even and at most the head size",
            );
        }
        if !(self.rope_base > 0.0 && self.rope_base.is_finite()) {
            return keys.fail("rope.freq_base", "it must be a positive number");
        }
        let value_length = keys.optional_size("attention.value_length")?;
        if value_length.is_some_and(|length| length != self.head_size) {
            return keys.fail(
                "attention.value_length",
                "it must equal the length of a key",
            );
        }
        Ok(())
    }

    /// Query heads that share one KV head; 0 without attention.
    pub fn heads_per_kv_head(&self) -> usize {
        self.heads.checked_div(self.kv_heads).unwrap_or(0)
    }

    /// The sliding window of the layer `index`; `None` where it has none.
    pub(super) fn window_of(&self, index: usize) -> Option<&SlidingWindow> {
        let windowed = self.sliding_window.as_ref();
        windowed.filter(|windowed| windowed.has(index))
    }

    /// The layer whose keys and values the layer `index` attends to: for most layers, itself.
    pub(super) fn key_value_layer(&self, index: usize) -> usize {
        match &self.shared_keys_and_values {
            Some(shared) if (shared.first..self.layers).contains(&index) => {
                shared.sources[usize::from(self.window_of(index).is_some())]
            }
            _ => index,
        }
    }

    /// Length of one head's query, key and value in the layer `index`.
    pub(super) fn layer_head_size(&self, index: usize) -> usize {
        let windowed = self.window_of(index);
        windowed.map_or(self.head_size, |windowed| windowed.head_size)
    }

    /// The largest length of a head in any layer.
    pub(super) fn widest_head_size(&self) -> usize {
        let windowed = self.sliding_window.as_ref();
        let windowed = windowed.map_or(0, |windowed| windowed.head_size);
        self.head_size.max(windowed)
    }

    /// The largest length of a token's queries in any layer, all heads together.
    pub(crate) fn widest_query_size(&self) -> usize {
        self.heads * self.widest_head_size()
    }

    /// Length of a token's queries in the layer `index`, all heads together.
    pub(super) fn query_size(&self, index: usize) -> usize {
        self.heads * self.layer_head_size(index)
    }

    /// Length of a token's keys in the layer `index`, all KV heads together; that of its values is the same.
    pub(super) fn kv_size(&self, index: usize) -> usize {
        self.kv_heads * self.layer_head_size(index)
    }

    /// Length of a token's queries, with the gates of attention's output where there are such gates.
    pub(super) fn query_and_gate_size(&self, index: usize) -> usize {
        let gates = usize::from(self.architecture.gated_attention);
        self.query_size(index) * (1 + gates)
    }
}

/// The number of query heads, and the size of each; 0 for an architecture without attention, whatever its files say.
pub(super) fn head_sizes(
    keys: &Keys,
    architecture: &Architecture,
    hidden: usize,
) -> Result<[usize; 2]> {
    if !architecture.has_attention() {
        return Ok([0, 0]);
    }
    let heads = keys.size("attention.head_count")?;
    let size = keys.optional_size("attention.key_length")?;
    Ok([heads, size.unwrap_or(hidden / heads)])
}

/// The number of KV heads of the layers with attention, and the layers without it where the file lists these.
pub(super) fn kv_heads(
    keys: &Keys,
    architecture: &Architecture,
    [heads, layers]: [usize; 2],
) -> Result<(usize, Option<LayerPattern>)> {
    let lists = architecture.short_convolutions || architecture.state_layers == StateLayers::Mamba2;
    let Some(list) = keys.list(KV_HEADS).filter(|_| lists) else {
        let kv_heads = keys.optional_count(KV_HEADS)?.filter(|_| heads > 0);
        return Ok((kv_heads.unwrap_or(heads), None));
    };
    let mut attending = list.iter().filter(|heads| *heads != 0);
    let kv_heads = attending.next().unwrap_or(0);
    if list.len() != layers || attending.any(|heads| heads != kv_heads) {
        return keys.fail(
            KV_HEADS,
            "it must give every layer that attends the same number",
        );
    }
    let without = list.iter().map(|heads| i64::from(heads == 0)).collect();
    // A number out of range becomes 0, which `Config::check` refuses.
    let kv_heads = kv_heads.try_into().unwrap_or(0);
    Ok((kv_heads, Some(LayerPattern::Listed(without))))
}

/// Whether attention rotates queries and keys.
pub(super) fn rotates(keys: &Keys, architecture: &Architecture) -> Result<bool> {
    // In Granite files, false means that RoPE is not applied.
    let granite = architecture.scales == ScaleRule::Metadata;
    let off = granite && keys.optional_flag("rope.scaling.finetuned")? == Some(false);
    let has_rope = architecture.positions != Positions::Learned;
    Ok(architecture.has_attention() && has_rope && !off)
}
