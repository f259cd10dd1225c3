//! Which layers attend only to the latest positions, and patterns of layers of two kinds.

use super::architecture::Windows;
use super::metadata_keys::Keys;
use crate::Result;

/// Which layers have a sliding window, and what is different in them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SlidingWindow {
    /// Positions a token attends to, itself among them.
    pub window: usize,
    /// The base of RoPE in these layers; its frequencies are not scaled.
    pub rope_base: f32,
    pattern: Pattern,
}

/// Which layers are of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Pattern {
    /// All layers but the last of each `period`.
    Period(usize),
    /// Those whose entry is not 0.
    Listed(Vec<i64>),
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
        let pattern = match keys.list(key) {
            Some(list) if list.len() < layers => {
                return keys.fail(key, "it has fewer entries than there are layers");
            }
            Some(list) => Pattern::Listed(list.iter().take(layers).collect()),
            None => Pattern::Period(keys.optional_size(key)?.unwrap_or(period)),
        };
        let rope_base = match keys.optional_f32("rope.freq_base_swa")? {
            Some(base) if base > 0.0 && base.is_finite() => base,
            Some(_) => return keys.fail("rope.freq_base_swa", "it must be a positive number"),
            None => rope_base.unwrap_or(base),
        };
        Ok(Some(Self {
            window,
            rope_base,
            pattern,
        }))
    }

    /// Whether the layer `index` has a window.
    pub fn has(&self, index: usize) -> bool {
        self.pattern.has(index)
    }
}

impl Pattern {
    /// Whether the layer `index` is of the kind.
    pub fn has(&self, index: usize) -> bool {
        match self {
            Self::Period(period) => index % period < period - 1,
            Self::Listed(list) => list.get(index).is_some_and(|entry| *entry != 0),
        }
    }
}
