//! The tensors of an encoder: their names, which are llama.cpp's, and shapes. All must be there.

use super::Config;
use crate::gguf::TensorInfo;
use crate::model::check_shapes;
use crate::{Error, Result};

/// What one tensor must look like.
pub(super) struct Spec {
    /// Its name, without that of the layer.
    name: String,
    /// Fastest dimension first.
    shape: Vec<u64>,
    /// Whether it is loaded as a matrix in its quantised form; the others are loaded as `f32`.
    pub is_matrix: bool,
}

/// Collects specifications.
#[derive(Default)]
struct Specs(Vec<Spec>);

impl Specs {
    fn push(&mut self, stem: &str, suffix: &str, shape: &[usize]) {
        self.0.push(Spec {
            name: format!("{stem}.{suffix}"),
            shape: shape.iter().map(|&size| size as u64).collect(),
            is_matrix: shape.len() == 2,
        });
    }

    fn table(&mut self, stem: &str, cols: usize, rows: usize) {
        self.push(stem, "weight", &[cols, rows]);
    }

    fn norm(&mut self, stem: &str, size: usize) {
        self.push(stem, "weight", &[size]);
        self.push(stem, "bias", &[size]);
    }

    fn linear(&mut self, stem: &str, cols: usize, rows: usize) {
        self.table(stem, cols, rows);
        self.push(stem, "bias", &[rows]);
    }
}

/// The tensors outside the layers.
fn global_specs(config: &Config) -> Vec<Spec> {
    let mut specs = Specs::default();
    let hidden = config.hidden_size;
    specs.table("token_embd", hidden, config.vocabulary_size);
    specs.table("position_embd", hidden, config.context_length);
    if let Some(types) = config.token_types {
        specs.table("token_types", hidden, types);
    }
    specs.norm("token_embd_norm", hidden);
    specs.0
}

/// The tensors of a layer.
fn layer_specs(config: &Config) -> Vec<Spec> {
    let mut specs = Specs::default();
    let (hidden, feed_forward) = (config.hidden_size, config.feed_forward_size);
    for stem in ["attn_q", "attn_k", "attn_v", "attn_output"] {
        specs.linear(stem, hidden, hidden);
    }
    specs.norm("attn_output_norm", hidden);
    specs.linear("ffn_up", hidden, feed_forward);
    specs.linear("ffn_down", feed_forward, hidden);
    specs.norm("layer_output_norm", hidden);
    specs.0
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
    let require = |name: String| match found.contains(name.as_str()) {
        true => Ok(()),
        false => Err(Error::MissingTensor(name)),
    };
    let global = global_specs(config).into_iter();
    global.map(|spec| spec.name).try_for_each(require)?;
    let layer = layer_specs(config);
    // Stops at the first that is not there, so that a wrong number of layers costs no time.
    (0..config.layers).try_for_each(|index| {
        let mut names = layer
            .iter()
            .map(|spec| format!("blk.{index}.{}", spec.name));
        names.try_for_each(require)
    })
}
