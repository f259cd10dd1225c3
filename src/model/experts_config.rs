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
        [feed_forward_size, layers]: [usize; 2],
    ) -> Result<Option<Self>> {
        // Where llama.cpp reads a number, 0 says that there is none.
        let size = |name: &str| keys.optional_count(name).map(Option::unwrap_or_default);
        let count = size("expert_count")?;
        let Some(rule) = architecture.experts.filter(|_| count > 0) else {
            return Ok(None);
        };
        let used = keys.size("expert_used_count")?;
        let gating = size("expert_gating_func")?;
        let groups = size("expert_group_count")?;
        check(keys, [count, layers, used, groups, gating])?;
        let own_size = size("expert_feed_forward_length")?;
        let shared_size = size("expert_shared_feed_forward_length")?;
        let normalizes = keys.optional_flag("expert_weights_norm")?;
        let scale = keys.optional_finite("expert_weights_scale")?;
        Ok(Some(Self {
            count,
            feed_forward_size: match own_size {
                0 => feed_forward_size,
                own_size => own_size,
            },
            shared_size: (shared_size > 0).then_some(shared_size),
            dense_layers: size("leading_dense_block_count")?,
            selection_bias: rule.selection_bias,
            routing: Routing {
                used,
                gating: match gating {
                    1 => Gating::Softmax,
                    2 => Gating::Sigmoid,
                    _ => rule.gating,
                },
                normalizes: normalizes.unwrap_or(rule.normalizes),
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

/// Refuses numbers of experts, and ways to choose among them, that are out of range.
fn check(keys: &Keys, [count, layers, used, groups, gating]: [usize; 5]) -> Result<()> {
    for (name, fits, reason) in [
        (
            "expert_count",
            count <= MAX_LAYER_EXPERTS && count.saturating_mul(layers) <= MAX_EXPERTS,
            "no model has so many experts",
        ),
        (
            "expert_used_count",
            used <= count,
            "it is more than there are experts",
        ),
        (
            "expert_group_count",
            groups <= 1,
            "a choice by groups of experts is not supported",
        ),
        (
            "expert_gating_func",
            gating <= 2,
            "it is neither softmax (1) nor sigmoid (2)",
        ),
    ] {
        if !fits {
            keys.fail(name, reason)?;
        }
    }
    Ok(())
}
