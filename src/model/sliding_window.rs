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
    pattern: LayerPattern,
}

impl SlidingWindow {
    pub fn from_metadata(
        keys: &Keys,
        windows: Windows,
        base: f32,
        layers: usize,
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
        Ok(Some(Self {
            window,
            rope_base,
            is_scaled: scaled,
            pattern,
        }))
    }

    /// Whether the layer `index` has a window.
    pub fn has(&self, index: usize) -> bool {
        self.pattern.has(index)
    }
}
