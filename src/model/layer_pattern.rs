//! Which layers of a model are of one kind, where it has two.

use super::metadata_keys::Keys;
use crate::Result;

/// Which layers are of one kind.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum LayerPattern {
    All,
    /// All layers but the last of each `period`.
    Period(usize),
    /// A number for each layer; the layers whose number is not 0.
    Listed(Vec<i64>),
}

impl LayerPattern {
    /// The pattern that the key `list` gives layer by layer, or else the key `period`, or else the default period.
    pub fn from_metadata(
        keys: &Keys,
        [list, period]: [&str; 2],
        default: usize,
        layers: usize,
    ) -> Result<Self> {
        match keys.list(list) {
            Some(entries) if entries.len() < layers => {
                keys.fail(list, "it has fewer entries than there are layers")
            }
            Some(entries) => Ok(Self::Listed(entries.iter().take(layers).collect())),
            None => Ok(Self::Period(keys.optional_size(period)?.unwrap_or(default))),
        }
    }

    /// Whether the layer `index` is of the kind.
    pub fn has(&self, index: usize) -> bool {
        match self {
            Self::All => true,
            Self::Period(period) => index % period < period - 1,
            Self::Listed(list) => list.get(index).is_some_and(|entry| *entry != 0),
        }
    }
}
