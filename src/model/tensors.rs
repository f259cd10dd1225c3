//! The tensors an architecture has: their names and shapes, and which of them must be there.

use std::collections::HashSet;

use super::Config;
use super::architecture::{NormKind, Norms, Positions, QueryKeyNorm};
use super::experts_config::ExpertsConfig;
use super::recurrent_config::RecurrentConfig;
use crate::gguf::TensorInfo;
use crate::{Error, Result};

/// What one tensor of the model must look like.
pub(super) struct Spec {
    stem: &'static str,
    /// "weight" or "bias"; "" for a tensor whose name has none.
    suffix: &'static str,
    /// Fastest dimension first.
    pub shape: Vec<u64>,
    pub form: TensorForm,
    need: Need,
}

/// How a tensor is kept once it is loaded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum TensorForm {
    /// A few numbers, as `f32`.
    Vector,
    /// Repacked in its quantised form, for products.
    Matrix,
    /// As in the file, for single rows: see [`row_table`](super::row_table).
    Table,
}

enum Need {
    Required,
    Optional,
    /// Required where the file has no weight of this other stem. Where it has, the tensor must not be there: a model
    /// has either Q, K and V or the three in one.
    Unless(&'static str),
    /// Required where the weight of the same stem is there.
    WithWeight,
}

/// Collects specifications.
struct Specs<'a> {
    config: &'a Config,
    all: Vec<Spec>,
}

impl Specs<'_> {
    fn push(&mut self, stem: &'static str, suffix: &'static str, shape: &[usize], need: Need) {
        self.all.push(Spec {
            stem,
            suffix,
            shape: shape.iter().map(|&size| size as u64).collect(),
            form: TensorForm::Vector,
            need,
        });
    }

    fn vector(&mut self, stem: &'static str, shape: &[usize], need: Need) {
        self.push(stem, "weight", shape, need);
    }

    fn bias(&mut self, stem: &'static str, size: usize) {
        let required = self.config.architecture.biases.contains(&stem);
        let need = if required {
            Need::WithWeight
        } else {
            Need::Optional
        };
        self.push(stem, "bias", &[size], need);
    }

    fn norm(&mut self, stem: &'static str, need: Need) {
        self.norm_named([stem, "weight"], need);
    }

    fn norm_named(&mut self, [stem, suffix]: [&'static str; 2], need: Need) {
        let size = self.config.hidden_size;
        self.push(stem, suffix, &[size], need);
        if self.config.architecture.norm == NormKind::Layer {
            self.bias(stem, size);
        }
    }

    fn matrix(&mut self, stem: &'static str, cols: usize, rows: usize, need: Need) {
        self.matrices(stem, &[cols, rows], need);
    }

    /// A table of which a token takes one row, and that no product reads.
    fn table(&mut self, stem: &'static str, cols: usize, rows: usize, need: Need) {
        self.tensor(TensorForm::Table, stem, &[cols, rows], need);
    }

    /// A matrix, or several of the same shape.
    fn matrices(&mut self, stem: &'static str, shape: &[usize], need: Need) {
        self.tensor(TensorForm::Matrix, stem, shape, need);
    }

    fn tensor(&mut self, form: TensorForm, stem: &'static str, shape: &[usize], need: Need) {
        self.vector(stem, shape, need);
        self.all.last_mut().into_iter().for_each(|spec| {
            spec.form = form;
        });
    }

    /// A matrix that may have a bias.
    fn linear(&mut self, stem: &'static str, cols: usize, rows: usize, need: Need) {
        self.matrix(stem, cols, rows, need);
        self.bias(stem, rows);
    }

    /// The tensors of the attention of the layer `index`.
    fn attention(&mut self, index: usize) {
        let config = self.config;
        let (hidden, kv) = (config.hidden_size, config.kv_size(index));
        let query = config.query_and_gate_size(index);
        let width = config.query_size(index);
        self.linear("attn_output", width, hidden, Need::Required);
        let (head, heads, kv_heads) =
            (config.layer_head_size(index), config.heads, config.kv_heads);
        if config.architecture.attention_sinks {
            self.vector("attn_sinks", &[heads], Need::Required);
        }
        let mut norms = vec![("attn_q_norm", heads)];
        if config.key_value_layer(index) == index {
            self.linear("attn_q", hidden, query, Need::Unless("attn_qkv"));
            self.linear("attn_k", hidden, kv, Need::Unless("attn_qkv"));
            self.linear("attn_v", hidden, kv, Need::Unless("attn_qkv"));
            self.linear("attn_qkv", hidden, query + 2 * kv, Need::Unless("attn_q"));
            norms.push(("attn_k_norm", kv_heads));
        } else {
            self.linear("attn_q", hidden, query, Need::Required);
        }
        for (stem, heads) in norms {
            match config.architecture.query_key_norm {
                QueryKeyNorm::No => {}
                QueryKeyNorm::SharedWeights | QueryKeyNorm::SharedWeightsAfterRope => {
                    self.vector(stem, &[head], Need::Required);
                }
                QueryKeyNorm::PerHeadWeights => self.vector(stem, &[head, heads], Need::Optional),
                QueryKeyNorm::AllHeads => self.vector(stem, &[head * heads], Need::Required),
            }
        }
    }

    /// The tensors of a gated delta net.
    fn delta_net(&mut self, nets: &RecurrentConfig) {
        let (hidden, heads, width) = (
            self.config.hidden_size,
            nets.value_heads,
            nets.convolved_size(),
        );
        self.linear("attn_qkv", hidden, width, Need::Required);
        self.linear("attn_gate", hidden, nets.value_size(), Need::Required);
        self.linear("ssm_beta", hidden, heads, Need::Required);
        self.linear("ssm_alpha", hidden, heads, Need::Required);
        self.push("ssm_dt", "bias", &[heads], Need::Required);
        self.push("ssm_a", "", &[heads], Need::Required);
        let length = nets.convolution_length;
        self.vector("ssm_conv1d", &[length, width], Need::Required);
        self.vector("ssm_norm", &[nets.value_length], Need::Required);
        self.linear("ssm_out", nets.value_size(), hidden, Need::Required);
    }

    /// The tensors of a mixture of experts.
    fn mixture(&mut self, experts: &ExpertsConfig) {
        let (hidden, count) = (self.config.hidden_size, experts.count);
        self.linear("ffn_gate_inp", hidden, count, Need::Required);
        let size = experts.feed_forward_size;
        for (stem, cols, rows) in [
            ("ffn_gate_exps", hidden, size),
            ("ffn_up_exps", hidden, size),
            ("ffn_down_exps", size, hidden),
        ] {
            self.matrices(stem, &[cols, rows, count], Need::Required);
            if self.config.architecture.biases.contains(&stem) {
                self.push(stem, "bias", &[rows, count], Need::Required);
            }
        }
        if experts.selection_bias {
            self.push("exp_probs_b", "bias", &[count], Need::Required);
        }
        if let Some(size) = experts.shared_size {
            self.linear("ffn_gate_shexp", hidden, size, Need::Required);
            self.linear("ffn_up_shexp", hidden, size, Need::Required);
            self.linear("ffn_down_shexp", size, hidden, Need::Required);
        }
    }

    /// The tensors of one feed-forward network for all tokens, in the layer `index`.
    fn feed_forward(&mut self, index: usize) {
        let config = self.config;
        let (hidden, size) = (config.hidden_size, config.layer_feed_forward_size(index));
        let architecture = config.architecture;
        if architecture.fused_gate_up {
            self.linear("ffn_up", hidden, 2 * size, Need::Required);
        } else {
            self.linear("ffn_up", hidden, size, Need::Required);
            if architecture.activation.is_gated() {
                self.linear("ffn_gate", hidden, size, Need::Required);
            }
        }
        self.linear("ffn_down", size, hidden, Need::Required);
    }

    /// The tensors of a Mamba-2 mixer.
    fn mamba2(&mut self, sizes: &RecurrentConfig) {
        let (hidden, heads, groups) = (self.config.hidden_size, sizes.value_heads, sizes.key_heads);
        let (inner, width) = (sizes.value_size(), sizes.convolved_size());
        let projected = sizes.projection_widths().iter().sum();
        self.linear("ssm_in", hidden, projected, Need::Required);
        let length = sizes.convolution_length;
        self.vector("ssm_conv1d", &[length, width], Need::Required);
        self.bias("ssm_conv1d", width);
        self.push("ssm_dt", "bias", &[heads], Need::Required);
        self.push("ssm_a", "", &[1, heads], Need::Required);
        self.push("ssm_d", "", &[1, heads], Need::Required);
        // Some Falcon-H1 models do without it.
        let need = match sizes.is_beside_attention() {
            true => Need::Optional,
            false => Need::Required,
        };
        self.vector("ssm_norm", &[inner / groups, groups], need);
        self.linear("ssm_out", inner, hidden, Need::Required);
    }

    /// What the products with each matrix so far are multiplied by, in files of NVFP4. They may also have scales for the
    /// inputs, which count only where those are floats of four bits, too.
    fn scales(&mut self) {
        let matrices = self.all.iter();
        let matrices = matrices.filter(|spec| spec.form == TensorForm::Matrix);
        let counts = matrices.map(|spec| (spec.stem, spec.shape.get(2).map_or(1, |&n| n as usize)));
        for (stem, count) in counts.collect::<Vec<_>>() {
            self.push(stem, "scale", &[count], Need::Optional);
            self.push(stem, "input_scale", &[count], Need::Optional);
        }
    }

    /// The tensors of a short convolution over `length` positions.
    fn convolution(&mut self, length: usize) {
        let hidden = self.config.hidden_size;
        self.linear("shortconv.in_proj", hidden, 3 * hidden, Need::Required);
        self.vector("shortconv.conv", &[length, hidden], Need::Required);
        self.linear("shortconv.out_proj", hidden, hidden, Need::Required);
    }
}

/// The tensors outside the layers.
fn global_specs(config: &Config) -> Vec<Spec> {
    let mut specs = Specs {
        config,
        all: Vec::new(),
    };
    let (hidden, vocabulary) = (config.hidden_size, config.vocabulary_size);
    specs.matrix("token_embd", hidden, vocabulary, Need::Required);
    specs.norm(config.architecture.output_norm, Need::Required);
    // Without it, the head shares the embedding's matrix.
    specs.linear("output", hidden, vocabulary, Need::Optional);
    if config.per_layer_size > 0 {
        let size = config.per_layer_size;
        let width = config.stored_layers() * size;
        specs.table("per_layer_token_embd", width, vocabulary, Need::Required);
        specs.matrix("per_layer_model_proj", hidden, width, Need::Required);
        specs.vector("per_layer_proj_norm", &[size], Need::Required);
    }
    if config.architecture.positions == Positions::Learned {
        let positions = config.context_length;
        specs.matrix("position_embd", hidden, positions, Need::Required);
    } else if config.heads > 0 {
        for stem in ["rope_freqs", "rope_factors_short", "rope_factors_long"] {
            specs.vector(stem, &[config.rope_size / 2], Need::Optional);
        }
    }
    specs.all
}

/// The tensors of the layer `index`.
fn layer_specs(config: &Config, index: usize) -> Vec<Spec> {
    let mut specs = Specs {
        config,
        all: Vec::new(),
    };
    let architecture = config.architecture;
    if architecture.norms != Norms::Post {
        specs.norm("attn_norm", Need::Required);
    }
    match architecture.norms {
        _ if !config.has_feed_forward() => {}
        Norms::Pre | Norms::PreAndPost => {
            specs.norm_named(architecture.feed_forward_norm, Need::Required);
        }
        Norms::PreOrShared => specs.norm_named(architecture.feed_forward_norm, Need::Optional),
        Norms::Post | Norms::Shared => {}
    }
    if matches!(architecture.norms, Norms::Post | Norms::PreAndPost) {
        specs.norm("post_attention_norm", Need::Required);
        specs.norm("post_ffw_norm", Need::Required);
    }
    match (config.recurrent(index), config.convolution_length(index)) {
        (Some(nets), _) if nets.is_delta_net() => specs.delta_net(nets),
        (Some(sizes), _) => {
            specs.mamba2(sizes);
            if sizes.is_beside_attention() {
                specs.attention(index);
            }
        }
        (None, Some(length)) => specs.convolution(length),
        (None, None) => specs.attention(index),
    }
    match config.experts(index) {
        _ if !config.has_feed_forward() => {}
        Some(experts) => specs.mixture(experts),
        None => specs.feed_forward(index),
    }
    if config.per_layer_size > 0 {
        let (hidden, size) = (config.hidden_size, config.per_layer_size);
        specs.linear("inp_gate", hidden, size, Need::Required);
        specs.linear("proj", size, hidden, Need::Required);
        specs.norm("post_norm", Need::Required);
    }
    if architecture.per_layer_embeddings {
        specs.vector("layer_output_scale", &[1], Need::Optional);
    }
    specs.scales();
    specs.all
}

/// The specification of the tensor `name`; `None` where the model has no place for it.
pub(super) fn find(config: &Config, name: &str) -> Option<Spec> {
    let (specs, rest) = match name.strip_prefix("blk.") {
        Some(rest) => {
            let (number, rest) = rest.split_once('.')?;
            let index = number.parse::<usize>().ok()?;
            // Only the spelling by which the loader looks the tensor up: not "007".
            if index >= config.stored_layers() || index.to_string() != number {
                return None;
            }
            (layer_specs(config, index), rest)
        }
        None => (global_specs(config), name),
    };
    let (stem, suffix) = match rest.rsplit_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (rest, ""),
    };
    let mut specs = specs.into_iter();
    specs.find(|spec| spec.stem == stem && spec.suffix == suffix)
}

/// How the tensor `name` is kept; `None` where it is not loaded.
pub(crate) fn form(config: &Config, name: &str) -> Option<TensorForm> {
    find(config, name).map(|spec| spec.form)
}

/// Whether the tensor `name` is not loaded: it is of a layer that is not, or makes keys and values that are not used.
pub(crate) fn is_skipped(config: &Config, name: &str) -> bool {
    let layer = name
        .strip_prefix("blk.")
        .and_then(|rest| rest.split_once('.'));
    let Some((Ok(index), rest)) = layer.map(|(number, rest)| (number.parse(), rest)) else {
        return false;
    };
    let unused = ["attn_k.", "attn_v.", "attn_k_norm."];
    let is_unused = || unused.iter().any(|stem| rest.starts_with(stem));
    config.skipped_layers().contains(&index)
        || config.key_value_layer(index) != index && is_unused()
}

/// How often the products of one token read a matrix, or all matrices of experts: for each time that the token runs
/// through it, and for the share of the experts that it runs through. `tied` says whether the head shares the matrix of the
/// embeddings.
pub(crate) fn reads_per_token(config: &Config, info: &TensorInfo, tied: bool) -> f64 {
    if info.name.starts_with("blk.") {
        let share = match (config.all_experts(), info.shape.get(2)) {
            (Some(experts), Some(&count)) => experts.routing.used as f64 / count as f64,
            _ => 1.0,
        };
        return config.loops as f64 * share;
    }
    // Of a table a token takes a row, which is no product.
    let is_table = info.name.ends_with("_embd.weight");
    let is_head = tied && info.name.starts_with("token_embd");
    f64::from(!is_table || is_head)
}

/// The name of a layer's tensor.
pub(super) fn layer_name(layer: usize, stem: &str, suffix: &str) -> String {
    let dot = if suffix.is_empty() { "" } else { "." };
    format!("blk.{layer}.{stem}{dot}{suffix}")
}

/// Checks that every tensor the model needs is there in the right shape, and that there is none it would ignore.
/// Their types were checked when the header was read.
pub(super) fn check(config: &Config, tensors: &[TensorInfo]) -> Result<()> {
    let loaded = tensors.iter();
    let loaded = loaded.filter(|info| !is_skipped(config, &info.name));
    let found = check_shapes(loaded, |name| Some(find(config, name)?.shape))?;
    let name = |stem: &str, suffix: &str| format!("{stem}.{suffix}");
    check_group(&global_specs(config), &found, name)?;
    // Stop at the first layer that lacks a tensor, so that a wrong number of layers costs no time.
    (0..config.stored_layers()).try_for_each(|index| {
        check_group(&layer_specs(config, index), &found, |stem, suffix| {
            layer_name(index, stem, suffix)
        })
    })
}

/// Checks the shapes of tensors, each of which has the shape that `expected` gives for its name, or no place. Returns their
/// names.
pub(crate) fn check_shapes<'a>(
    tensors: impl Iterator<Item = &'a TensorInfo>,
    expected: impl Fn(&str) -> Option<Vec<u64>>,
) -> Result<HashSet<&'a str>> {
    let mut found = HashSet::new();
    for info in tensors {
        let expected = expected(&info.name).ok_or_else(|| no_place(&info.name))?;
        if info.shape != expected {
            return Err(Error::TensorShape {
                tensor: info.name.clone(),
                found: info.shape.clone(),
                expected,
            });
        }
        found.insert(info.name.as_str());
    }
    Ok(found)
}

fn check_group(
    specs: &[Spec],
    found: &HashSet<&str>,
    name: impl Fn(&str, &str) -> String,
) -> Result<()> {
    let has = |stem: &str, suffix: &str| found.contains(name(stem, suffix).as_str());
    for spec in specs {
        let is_there = has(spec.stem, spec.suffix);
        let required = match spec.need {
            Need::Required => true,
            Need::Optional => false,
            Need::WithWeight => has(spec.stem, "weight"),
            Need::Unless(other) => {
                let other = has(other, "weight");
                if other && is_there {
                    return Err(no_place(&name(spec.stem, spec.suffix)));
                }
                !other
            }
        };
        if required && !is_there {
            return Err(Error::MissingTensor(name(spec.stem, spec.suffix)));
        }
        // A bias whose weight is not there belongs to nothing, with two exceptions: a bias that the architecture
        // requires by itself, and that of the head, which may use the embedding's weight.
        let alone = spec.stem == "output" || matches!(spec.need, Need::Required);
        let orphaned = !has(spec.stem, "weight") && !alone;
        if is_there && orphaned {
            return Err(no_place(&name(spec.stem, spec.suffix)));
        }
    }
    Ok(())
}

/// The error for a tensor that the model would not use. Ignoring, say, a bias would silently give wrong results.
fn no_place(name: &str) -> Error {
    // Of the head, or of a matrix that is not there.
    if [".scale", ".input_scale"]
        .iter()
        .any(|end| name.ends_with(end))
    {
        return Error::UnsupportedTensorType {
            tensor: name.to_owned(),
            kind: "a scale for all of another tensor, as NVFP4 files have".to_owned(),
        };
    }
    Error::Corrupt(format!(
        "the tensor \"{name}\" has no place in this architecture"
    ))
}
