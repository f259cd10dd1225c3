//! The tensors of an encoder: their names, which are llama.cpp's, and shapes, and which must be there.

use std::collections::HashSet;

use super::Config;
use super::architecture::{FeedForward, Norms, Positions};
use crate::gguf::TensorInfo;
use crate::model::{TensorForm, check_shapes};
use crate::{Error, Result};

/// What one tensor must look like.
pub(super) struct Spec {
    /// Its name, without that of the layer.
    name: String,
    /// Fastest dimension first.
    shape: Vec<u64>,
    pub form: TensorForm,
    need: Need,
}

#[derive(Clone, Copy, PartialEq)]
enum Need {
    Required,
    /// In all layers but the first, which may have it.
    AfterFirst,
    Optional,
}

/// Collects specifications.
#[derive(Default)]
struct Specs(Vec<Spec>);

impl Specs {
    fn push(&mut self, stem: &str, suffix: &str, shape: &[usize], need: Need) {
        self.0.push(Spec {
            name: format!("{stem}.{suffix}"),
            shape: shape.iter().map(|&size| size as u64).collect(),
            form: match shape.len() {
                2 => TensorForm::Matrix,
                _ => TensorForm::Vector,
            },
            need,
        });
    }

    fn table(&mut self, stem: &str, cols: usize, rows: usize) {
        self.push(stem, "weight", &[cols, rows], Need::Required);
    }

    /// A norm's weight.
    fn weight(&mut self, stem: &str, size: usize, need: Need) {
        self.push(stem, "weight", &[size], need);
    }

    /// A norm with a bias.
    fn norm(&mut self, stem: &str, size: usize, need: Need) {
        self.weight(stem, size, need);
        self.push(stem, "bias", &[size], need);
    }

    fn linear(&mut self, config: &Config, stem: &str, cols: usize, rows: usize) {
        self.table(stem, cols, rows);
        let need = match config.architecture.biases {
            true => Need::Required,
            false => Need::Optional,
        };
        self.push(stem, "bias", &[rows], need);
    }
}

/// The tensors outside the layers.
fn global_specs(config: &Config) -> Vec<Spec> {
    let mut specs = Specs::default();
    let hidden = config.hidden_size;
    specs.table("token_embd", hidden, config.vocabulary_size);
    if config.architecture.positions == Positions::Learned {
        specs.table("position_embd", hidden, config.context_length);
    }
    match config.architecture.norms {
        Norms::Post => {
            if let Some(types) = config.token_types {
                specs.table("token_types", hidden, types);
            }
            specs.norm("token_embd_norm", hidden, Need::Required);
        }
        Norms::Pre => {
            specs.weight("token_embd_norm", hidden, Need::Required);
            specs.weight("output_norm", hidden, Need::Required);
        }
        Norms::Sandwich => specs.weight("output_norm", hidden, Need::Required),
    }
    if let Some(dense) = config.dense_size {
        specs.table("dense_2", hidden, dense);
        specs.table("dense_3", dense, hidden);
    }
    specs.0
}

/// The tensors of a layer.
fn layer_specs(config: &Config) -> Vec<Spec> {
    let mut specs = Specs::default();
    attention_specs(config, &mut specs);
    feed_forward_specs(config, &mut specs);
    let hidden = config.hidden_size;
    match config.architecture.norms {
        Norms::Post => {
            specs.norm("attn_output_norm", hidden, Need::Required);
            specs.norm("attn_norm_2", hidden, Need::Optional);
            specs.norm("layer_output_norm", hidden, Need::Required);
        }
        Norms::Pre => {
            specs.weight("attn_norm", hidden, Need::AfterFirst);
            specs.weight("ffn_norm", hidden, Need::Required);
        }
        Norms::Sandwich => {
            let names = [
                "attn_norm",
                "post_attention_norm",
                "ffn_norm",
                "post_ffw_norm",
            ];
            for name in names {
                specs.weight(name, hidden, Need::Required);
            }
        }
    }
    specs.0
}

fn attention_specs(config: &Config, specs: &mut Specs) {
    let (hidden, queries, keys) = (config.hidden_size, config.query_size(), config.key_size());
    if config.architecture.fused_projection {
        specs.linear(config, "attn_qkv", hidden, queries + 2 * keys);
    } else {
        specs.linear(config, "attn_q", hidden, queries);
        specs.linear(config, "attn_k", hidden, keys);
        specs.linear(config, "attn_v", hidden, keys);
    }
    match config.architecture.norms {
        Norms::Post => {
            specs.norm("attn_q_norm", queries, Need::Optional);
            specs.norm("attn_k_norm", keys, Need::Optional);
        }
        Norms::Pre => {}
        Norms::Sandwich => {
            specs.weight("attn_q_norm", config.head_size, Need::Required);
            specs.weight("attn_k_norm", config.head_size, Need::Required);
        }
    }
    specs.linear(config, "attn_output", queries, hidden);
}

fn feed_forward_specs(config: &Config, specs: &mut Specs) {
    let (hidden, size) = (config.hidden_size, config.feed_forward_size);
    if config.feed_forward == FeedForward::Gated {
        specs.linear(config, "ffn_gate", hidden, size);
    }
    specs.linear(config, "ffn_up", hidden, config.up_size());
    specs.linear(config, "ffn_down", size, hidden);
}

/// The specification of the tensor `name`; `None` where the encoder has no place for it.
pub(super) fn find(config: &Config, name: &str) -> Option<Spec> {
    let (specs, name) = match name.strip_prefix("blk.") {
        Some(rest) => {
            let (number, rest) = rest.split_once('.')?;
            let index = number.parse::<usize>().ok()?;
            // Only the spelling by which the loader looks the tensor up: not "007".
            if index >= config.layers || index.to_string() != number {
                return None;
            }
            (layer_specs(config), rest)
        }
        None => (global_specs(config), name),
    };
    specs.into_iter().find(|spec| spec.name == name)
}

/// Checks that every tensor is there in the right shape, and that there is none that would be ignored.
pub(super) fn check(config: &Config, tensors: &[TensorInfo]) -> Result<()> {
    let found = check_shapes(tensors.iter(), |name| Some(find(config, name)?.shape))?;
    check_group(&global_specs(config), &found, true, str::to_owned)?;
    let layer = layer_specs(config);
    // Stops at the first that is not there, so that a wrong number of layers costs no time.
    (0..config.layers).try_for_each(|index| {
        check_group(&layer, &found, index == 0, |name| {
            format!("blk.{index}.{name}")
        })
    })
}

fn check_group(
    specs: &[Spec],
    found: &HashSet<&str>,
    is_first: bool,
    full_name: impl Fn(&str) -> String,
) -> Result<()> {
    for spec in specs {
        let required = match spec.need {
            Need::Required => true,
            Need::AfterFirst => !is_first,
            Need::Optional => false,
        };
        let name = full_name(&spec.name);
        if required && !found.contains(name.as_str()) {
            return Err(Error::MissingTensor(name));
        }
    }
    Ok(())
}
