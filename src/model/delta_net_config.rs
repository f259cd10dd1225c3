//! Which layers have a gated delta net, and its sizes.

use super::layer_pattern::LayerPattern;
use super::metadata_keys::{Keys, MAX_SIZE};
use crate::Result;

/// The longest convolution that is accepted: a longer one can only come from a damaged or hostile file.
const MAX_CONVOLUTION: usize = 64;

/// Which layers of a model have a gated delta net, and its sizes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DeltaNetConfig {
    pattern: LayerPattern,
    /// Positions that one output of the convolution depends on, its own among them.
    pub convolution_length: usize,
    /// Heads of queries and keys.
    pub key_heads: usize,
    /// Heads of values; head h reads the key head h modulo their number.
    pub value_heads: usize,
    /// Length of one head's query, key and value.
    pub head_size: usize,
}

impl DeltaNetConfig {
    pub fn from_metadata(keys: &Keys, layers: usize) -> Result<Self> {
        let pattern = ["attention.recurrent_layers", "full_attention_interval"];
        let pattern = LayerPattern::from_metadata(keys, pattern, 4, layers)?;
        let nets = Self {
            pattern,
            convolution_length: keys.size("ssm.conv_kernel")?,
            key_heads: keys.size("ssm.group_count")?,
            value_heads: keys.size("ssm.time_step_rank")?,
            head_size: keys.size("ssm.state_size")?,
        };
        let size = nets.value_heads.saturating_mul(nets.head_size);
        if keys.size("ssm.inner_size")? != size || size > MAX_SIZE {
            return keys.fail("ssm.inner_size", "it is not that of all heads together");
        }
        if !nets.value_heads.is_multiple_of(nets.key_heads) {
            return keys.fail("ssm.group_count", "it does not divide the number of heads");
        }
        if nets.convolution_length > MAX_CONVOLUTION {
            return keys.fail(
                "ssm.conv_kernel",
                &format!("it is more than {MAX_CONVOLUTION}"),
            );
        }
        Ok(nets)
    }

    /// Whether the layer `index` has one.
    pub fn has(&self, index: usize) -> bool {
        self.pattern.has(index)
    }

    /// Length of a token's queries, all heads together; that of its keys is the same.
    pub fn key_size(&self) -> usize {
        self.key_heads * self.head_size
    }

    /// Length of a token's values, all heads together.
    pub fn value_size(&self) -> usize {
        self.value_heads * self.head_size
    }

    /// Length of a token's queries, keys and values together.
    pub fn projected_size(&self) -> usize {
        2 * self.key_size() + self.value_size()
    }

    /// Numbers that one layer keeps of a text, [`u64::MAX`] where it would be more.
    pub fn state_size(&self) -> u64 {
        let head = (self.head_size as u64).saturating_pow(2);
        let inputs = (self.convolution_length as u64 - 1) * self.projected_size() as u64;
        head.saturating_mul(self.value_heads as u64)
            .saturating_add(inputs)
    }
}
