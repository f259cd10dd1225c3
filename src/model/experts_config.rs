//! Which layers are mixtures of experts, their sizes, and how they choose among their experts.

use super::architecture::Gating;
use super::metadata_keys::{Keys, MAX_EXPERTS, MAX_LAYER_EXPERTS};
use super::{Architecture, Config};
use crate::Result;

/// Which layers of a model are mixtures of experts, and their sizes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExpertsConfig {
    /// Experts of each layer.
    pub count: usize,
    /// Length of the vector between the two halves of an expert.
    pub feed_forward_size: usize,
    /// The same of the expert that every token runs through besides; `None` where there is no such expert.
    pub shared_size: Option<usize>,
    /// Layers before the first mixture. They have one feed-forward network.
    dense_layers: usize,
    /// Whether a bias takes part in the choice of experts.
    pub selection_bias: bool,
    pub routing: Routing,
}

/// How a layer chooses among its experts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Routing {
    /// Experts that each token runs through.
    pub used: usize,
    pub gating: Gating,
    /// Whether the weights of the experts that a token runs through are divided by their sum.
    pub normalizes: bool,
    /// What the weights are multiplied by at last.
    pub scale: f32,
}

impl ExpertsConfig {
    /// The mixtures of a model of so many `layers`; `None` where the file has none. `feed_forward_size` is the one of its
    /// other layers, and that of experts for which the file gives none.
    pub fn from_metadata(
        keys: &Keys,
        architecture: &Architecture,
        feed_forward_size: usize,
        layers: usize,
    ) -> Result<Option<Self>> {
        let count = keys.optional_count("expert_count")?.unwrap_or(0);
        let Some(rule) = architecture.experts.filter(|_| count > 0) else {
            return Ok(None);
        };
        if count > MAX_LAYER_EXPERTS || count.saturating_mul(layers) > MAX_EXPERTS {
            let reason = format!(
                "a layer has more than {MAX_LAYER_EXPERTS} experts, or all have more than {MAX_EXPERTS}"
            );
            return keys.fail("expert_count", &reason);
        }
        let used = keys.size("expert_used_count")?;
        if used > count {
            return keys.fail("expert_used_count", "it is more than there are experts");
        }
        let groups = "expert_group_count";
        if keys
            .optional_count(groups)?
            .is_some_and(|groups| groups > 1)
        {
            return keys.fail(groups, "a choice by groups of experts is not supported");
        }
        let gating = "expert_gating_func";
        let scale = keys.optional_finite("expert_weights_scale")?;
        let sizes = |name: &str| keys.optional_count(name).map(|n| n.filter(|n| *n > 0));
        Ok(Some(Self {
            count,
            feed_forward_size: sizes("expert_feed_forward_length")?.unwrap_or(feed_forward_size),
            shared_size: sizes("expert_shared_feed_forward_length")?,
            dense_layers: sizes("leading_dense_block_count")?.unwrap_or(0),
            selection_bias: rule.selection_bias,
            routing: Routing {
                used,
                gating: match keys.optional_count(gating)?.unwrap_or(0) {
                    0 => rule.gating,
                    1 => Gating::Softmax,
                    2 => Gating::Sigmoid,
                    _ => return keys.fail(gating, "it is neither softmax (1) nor sigmoid (2)"),
                },
                normalizes: keys
                    .optional_flag("expert_weights_norm")?
                    .unwrap_or(rule.normalizes),
                // 0 is what llama.cpp takes for "no scale".
                scale: scale.filter(|scale| *scale != 0.0).unwrap_or(1.0),
            },
        }))
    }

    /// Whether the layer `index` is a mixture.
    pub fn has(&self, index: usize) -> bool {
        index >= self.dense_layers
    }

    /// The largest length of the vector between the two halves of a network.
    pub fn widest(&self) -> usize {
        self.feed_forward_size.max(self.shared_size.unwrap_or(0))
    }

    /// The widths of all that is kept of a token while it runs through a mixture.
    pub fn scratch_width(&self, config: &Config) -> usize {
        self.widest().max(config.hidden_size) + config.hidden_size + self.count
    }
}
