//! Which layers keep a state in place of keys and values, and its sizes.

use super::architecture::StateLayers;
use super::layer_pattern::LayerPattern;
use super::metadata_keys::{Keys, MAX_SIZE};
use crate::Result;

/// The longest convolution that is accepted: a longer one can only come from a damaged or hostile file.
const MAX_CONVOLUTION: usize = 64;

/// Which layers of a model have a gated delta net or a Mamba-2 mixer, and its sizes. In a Mamba-2 mixer, keys are what
/// its paper calls B, queries C and values X.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct RecurrentConfig {
    pattern: LayerPattern,
    kind: StateLayers,
    /// Positions that one output of the convolution depends on, its own among them.
    pub convolution_length: usize,
    /// Heads of queries and keys.
    pub key_heads: usize,
    /// Heads of values, a multiple of those.
    pub value_heads: usize,
    /// Length of one head's query and key.
    pub key_length: usize,
    /// Length of one head's value.
    pub value_length: usize,
}

impl RecurrentConfig {
    /// The configuration of layers of this `kind`; `None` where there are none. `without_attention` are the layers that
    /// have no KV heads.
    pub fn from_metadata(
        keys: &Keys,
        kind: StateLayers,
        layers: usize,
        without_attention: Option<LayerPattern>,
    ) -> Result<Option<Self>> {
        let pattern = match kind {
            StateLayers::No => None,
            StateLayers::DeltaNet => {
                let pattern = ["attention.recurrent_layers", "full_attention_interval"];
                Some(LayerPattern::from_metadata(keys, pattern, 4, layers)?)
            }
            StateLayers::Mamba2 => without_attention,
            StateLayers::Mamba2Alone | StateLayers::Mamba2BesideAttention => {
                Some(LayerPattern::All)
            }
        };
        let Some(pattern) = pattern else {
            return Ok(None);
        };
        let inner = keys.size("ssm.inner_size")?;
        let value_heads = keys.size("ssm.time_step_rank")?;
        let sizes = Self {
            pattern,
            kind,
            convolution_length: keys.size("ssm.conv_kernel")?,
            key_heads: keys.size("ssm.group_count")?,
            value_heads,
            key_length: keys.size("ssm.state_size")?,
            value_length: inner / value_heads,
        };
        sizes.check(keys, inner)?;
        Ok(Some(sizes))
    }

    fn check(&self, keys: &Keys, inner: usize) -> Result<()> {
        let is_square = self.key_length == self.value_length;
        let fits = is_square || self.kind != StateLayers::DeltaNet;
        if self.value_size() != inner || !fits {
            return keys.fail("ssm.inner_size", "it is not that of all heads together");
        }
        if self.key_heads.saturating_mul(self.key_length) > MAX_SIZE {
            return keys.fail(
                "ssm.state_size",
                "all groups together have too large a state",
            );
        }
        if !self.value_heads.is_multiple_of(self.key_heads) {
            return keys.fail("ssm.group_count", "it does not divide the number of heads");
        }
        if self.convolution_length > MAX_CONVOLUTION {
            return keys.fail(
                "ssm.conv_kernel",
                &format!("it is more than {MAX_CONVOLUTION}"),
            );
        }
        Ok(())
    }

    /// Whether the layer `index` has one.
    pub fn has(&self, index: usize) -> bool {
        self.pattern.has(index)
    }

    /// Whether it is a gated delta net rather than a Mamba-2 mixer.
    pub fn is_delta_net(&self) -> bool {
        self.kind == StateLayers::DeltaNet
    }

    /// Whether it is beside attention rather than in its place.
    pub fn is_beside_attention(&self) -> bool {
        self.kind == StateLayers::Mamba2BesideAttention
    }

    /// Length of a token's queries, all heads together; that of its keys is the same.
    pub fn key_size(&self) -> usize {
        self.key_heads * self.key_length
    }

    /// Length of a token's values, all heads together.
    pub fn value_size(&self) -> usize {
        self.value_heads * self.value_length
    }

    /// Length of a token's queries, keys and values together, which run through the convolution.
    pub fn convolved_size(&self) -> usize {
        2 * self.key_size() + self.value_size()
    }

    /// The widths of the input projections: what runs through the convolution; in a Mamba-2 mixer the output's gates
    /// before it, and the step sizes after it.
    pub fn projection_widths(&self) -> [usize; 3] {
        if self.is_delta_net() {
            [self.convolved_size(), 0, 0]
        } else {
            [self.value_size(), self.convolved_size(), self.value_heads]
        }
    }
}
