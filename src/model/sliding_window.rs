//! Which layers attend only to the latest positions.

use super::architecture::Windows;
use super::layer_pattern::LayerPattern;
use super::metadata_keys::Keys;
use crate::Result;

/// The layers with sliding-window attention, the size of their window and the base of their RoPE.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SlidingWindow {
    /// Positions a token attends to, itself among them.
    pub window: usize,
    /// The base of RoPE in these layers.
    pub rope_base: f32,
    /// Whether its frequencies are scaled as in the other layers.
    pub is_scaled: bool,
    /// Length of one head's query, key and value in these layers.
    pub head_size: usize,
    /// Dimensions of each head that RoPE rotates in them.
    pub rope_size: usize,
    pattern: LayerPattern,
}

impl SlidingWindow {
    /// The layers with a window; `None` where there are none. What their keys do not say of RoPE and of the size of heads is
    /// as in the other layers: the base, and the sizes of heads and of what RoPE rotates of them.
    pub fn from_metadata(
        keys: &Keys,
        windows: Windows,
        layers: usize,
        (base, [head_size, rope_size]): (f32, [usize; 2]),
    ) -> Result<Option<Self>> {
        let Windows::Yes {
            period,
            size,
            rope_base,
            scaled,
        } = windows
        else {
            return Ok(None);
        };
        let window = match keys.optional_count("attention.sliding_window")? {
            None => size,
            Some(0) => None,
            Some(window) => Some(window),
        };
        let Some(window) = window else {
            return Ok(None);
        };
        let key = "attention.sliding_window_pattern";
        let pattern = LayerPattern::from_metadata(keys, [key, key], period, layers)?;
        let rope_base = match keys.optional_f32("rope.freq_base_swa")? {
            Some(base) if base > 0.0 && base.is_finite() => base,
            Some(_) => return keys.fail("rope.freq_base_swa", "it must be a positive number"),
            None => rope_base.unwrap_or(base),
        };
        let own_size = keys.optional_size("attention.key_length_swa")?;
        let head_size = own_size.unwrap_or(head_size);
        let values = "attention.value_length_swa";
        let value_size = keys.optional_size(values)?.unwrap_or(head_size);
        if value_size != head_size {
            return keys.fail(values, "it must equal the length of a key");
        }
        let rotated = "rope.dimension_count_swa";
        let own_size = keys.optional_size(rotated)?;
        let rope_size = own_size.unwrap_or(rope_size.min(head_size));
        if rope_size > head_size || !rope_size.is_multiple_of(2) {
            return keys.fail(rotated, "it must be even and at most the head size");
        }
        Ok(Some(Self {
            window,
            rope_base,
            is_scaled: scaled,
            head_size,
            rope_size,
            pattern,
        }))
    }

    /// Whether the layer `index` has a window.
    pub fn has(&self, index: usize) -> bool {
        self.pattern.has(index)
    }
}
