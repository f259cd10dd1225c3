//! The network's configuration, read from the file's metadata.

use super::architecture::{Architecture, Caps, NormKind, Positions, ScaleRule};
use super::delta_net_config::DeltaNetConfig;
use super::experts_config::ExpertsConfig;
use super::metadata_keys::{Keys, MAX_HEADS, MAX_SIZE};
use super::rope::Scaling;
use super::sliding_window::SlidingWindow;
use crate::Result;
use crate::gguf::Metadata;

/// How often a token may run through the layers of a file, so that a small file does not take the time of a large one.
/// Nanbeige 4.2 runs them twice.
const MAX_LOOPS: usize = 16;
/// The metadata key of the number of KV heads.
const KV_HEADS: &str = "attention.head_count_kv";

/// The shape of a transformer, read from a model file's metadata and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// What its layers are made of.
    pub architecture: &'static Architecture,
    /// Positions the model was trained on.
    pub context_length: usize,
    /// Tokens in the vocabulary.
    pub vocabulary_size: usize,
    /// Length of a hidden state.
    pub hidden_size: usize,
    /// Transformer layers that a token runs through.
    pub layers: usize,
    /// How often it runs through the layers of the file, which are `layers / loops`.
    pub(super) loops: usize,
    /// Layers at the end of the file that only predict further tokens (multi-token prediction). They are not loaded.
    skipped_layers: usize,
    /// Whether the final norm is applied after each time, not only after the last.
    pub(super) norm_each_loop: bool,
    /// Query heads of each layer.
    pub heads: usize,
    /// Key and value heads (KV heads) of each layer that has attention; each serves a group of query heads.
    pub kv_heads: usize,
    /// Length of one head's query, key and value.
    pub head_size: usize,
    /// Length of the vector between the two halves of the feed-forward network, in layers that are no mixture of experts.
    pub feed_forward_size: usize,
    /// The layers with a mixture of experts, where there are such layers.
    experts: Option<ExpertsConfig>,
    /// The ε that is added to the variance under the square root of a norm.
    pub norm_epsilon: f32,
    /// Dimensions of each head that RoPE rotates.
    pub rope_size: usize,
    /// The base of RoPE's frequencies.
    pub rope_base: f32,
    pub(super) rope_scaling: Scaling,
    /// The layers with sliding-window attention, where there are such layers.
    pub(super) sliding_window: Option<SlidingWindow>,
    /// The layers with a short convolution instead of attention, where there are such layers.
    convolutions: Option<Convolutions>,
    /// The layers with a gated delta net instead of attention, where there are such layers.
    delta_nets: Option<DeltaNetConfig>,
    pub(super) scales: Scales,
    /// What attention scores of late positions are multiplied by besides.
    temperature_tuning: Option<TemperatureTuning>,
    /// The soft cap of attention scores.
    pub(super) score_cap: Option<f32>,
    /// The soft cap of the logits.
    pub(super) logit_cap: Option<f32>,
}

/// Which layers have a short convolution.
#[derive(Debug, Clone, PartialEq)]
struct Convolutions {
    /// Positions that one output depends on, its own among them.
    length: usize,
    /// KV heads of every layer; 0 for a layer with a convolution.
    kv_heads: Vec<i64>,
}

/// What values are multiplied by on their way through the network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scales {
    pub embedding: f32,
    /// For what each half of a layer adds to the residual stream.
    pub residual: f32,
    /// For the dot product of a query and a key.
    pub attention: f32,
    pub logits: f32,
}

/// Attention temperature tuning (Llama 4, 2025): scores grow with the position of the query, by
/// ln(⌊position / length⌋ + 1) × slope + 1.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TemperatureTuning {
    slope: f32,
    length: usize,
}

/// How one layer treats positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LayerPositions {
    /// How many of the latest positions it attends to; `None`: all of them.
    pub window: Option<usize>,
    /// Which of the model's [sets of RoPE frequencies](Config::rope_variants) it uses; `None`: it does without RoPE.
    pub rope: Option<usize>,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`Error::UnsupportedArchitecture`](crate::Error::UnsupportedArchitecture),
    /// [`Error::MissingMetadata`](crate::Error::MissingMetadata) or [`Error::BadMetadata`](crate::Error::BadMetadata).
    // Longer than others because it is one list of the fields, each with the key that it is read from.
    pub fn from_metadata(metadata: &Metadata, vocabulary_size: usize) -> Result<Self> {
        let architecture = Architecture::named(metadata.require_str("general.architecture")?)?;
        let keys = Keys::new(metadata, architecture.name);
        keys.refuse_unsupported(architecture)?;
        let hidden_size = keys.size("embedding_length")?;
        let [layers, loops, skipped_layers] = layer_counts(&keys, architecture)?;
        let heads = keys.size("attention.head_count")?;
        let head_size = keys.optional_size("attention.key_length")?;
        let head_size = head_size.unwrap_or(hidden_size / heads);
        let epsilon = epsilon_key(architecture.norm);
        let (kv_heads, convolutions) =
            kv_heads_and_convolutions(&keys, architecture, [heads, layers])?;
        let rope_size = keys.optional_size("rope.dimension_count")?;
        let context_length = keys.size("context_length")?;
        let rope_base = keys.optional_f32("rope.freq_base")?.unwrap_or(10_000.0);
        let (score_cap, logit_cap) = caps(&keys, architecture.caps)?;
        let rope_scaling = Scaling::from_metadata(&keys, architecture, context_length)?;
        let feed_forward_size = keys.size("feed_forward_length")?;
        let config = Self {
            architecture,
            context_length,
            vocabulary_size,
            hidden_size,
            layers,
            loops,
            skipped_layers,
            norm_each_loop: !keys.flag("skip_loop_final_norm")?,
            heads,
            kv_heads,
            head_size,
            feed_forward_size,
            experts: ExpertsConfig::from_metadata(&keys, architecture, feed_forward_size, layers)?,
            norm_epsilon: keys.f32(epsilon)?,
            rope_size: rope_size.unwrap_or(head_size),
            rope_base,
            rope_scaling,
            sliding_window: SlidingWindow::from_metadata(
                &keys,
                architecture.windows,
                rope_base,
                layers,
            )?,
            convolutions,
            delta_nets: (architecture.delta_nets)
                .then(|| DeltaNetConfig::from_metadata(&keys, layers))
                .transpose()?,
            scales: Scales::from_metadata(
                &keys,
                architecture.scales,
                [hidden_size, heads, head_size, layers],
            )?,
            temperature_tuning: TemperatureTuning::from_metadata(
                &keys,
                rope_scaling.original_context,
            )?,
            score_cap,
            logit_cap,
        };
        config.check(&keys, epsilon)?;
        Ok(config)
    }

    fn check(&self, keys: &Keys, epsilon: &str) -> Result<()> {
        if !self.heads.is_multiple_of(self.kv_heads) {
            return keys.fail(KV_HEADS, "it does not divide the number of heads");
        }
        if self.layers.saturating_mul(self.heads) > MAX_HEADS {
            let reason = format!("all layers together have more than {MAX_HEADS} heads");
            return keys.fail("attention.head_count", &reason);
        }
        if self.head_size == 0 || self.heads.saturating_mul(self.head_size) > MAX_SIZE {
            return keys.fail(
                "attention.head_count",
                "it does not fit the embedding length",
            );
        }
        if self.rope_size > self.head_size || !self.rope_size.is_multiple_of(2) {
            return keys.fail(
                "rope.dimension_count",
                "it must be even and at most the head size",
            );
        }
        if !(self.rope_base > 0.0 && self.rope_base.is_finite()) {
            return keys.fail("rope.freq_base", "it must be a positive number");
        }
        if !(self.norm_epsilon >= 0.0 && self.norm_epsilon.is_finite()) {
            return keys.fail(epsilon, "it must not be negative");
        }
        let value_length = keys.optional_size("attention.value_length")?;
        if value_length.is_some_and(|length| length != self.head_size) {
            return keys.fail(
                "attention.value_length",
                "it must equal the length of a key",
            );
        }
        Ok(())
    }

    /// Query heads that share one KV head.
    pub fn heads_per_kv_head(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Length of a token's queries, all heads together.
    pub(super) fn query_size(&self) -> usize {
        self.heads * self.head_size
    }

    /// Length of a token's keys, all KV heads together; that of its values is the same.
    pub(super) fn kv_size(&self) -> usize {
        self.kv_heads * self.head_size
    }

    /// The length of the convolution of the layer `index`; `None` where it has attention.
    pub(super) fn convolution_length(&self, index: usize) -> Option<usize> {
        let convolutions = self.convolutions.as_ref()?;
        let convolves = convolutions.kv_heads.get(index) == Some(&0);
        convolves.then_some(convolutions.length)
    }

    /// The sizes of the gated delta net of the layer `index`; `None` where it has none.
    pub(super) fn delta_net(&self, index: usize) -> Option<&DeltaNetConfig> {
        self.delta_nets.as_ref().filter(|nets| nets.has(index))
    }

    /// The sizes of the model's gated delta nets, whichever layers have one.
    pub(super) fn delta_nets(&self) -> Option<&DeltaNetConfig> {
        self.delta_nets.as_ref()
    }

    /// The sizes of the mixture of experts of the layer `index`; `None` where it has one feed-forward network.
    pub(super) fn experts(&self, index: usize) -> Option<&ExpertsConfig> {
        self.experts.as_ref().filter(|experts| experts.has(index))
    }

    /// The sizes of the model's mixtures of experts, whichever layers have one.
    pub(super) fn all_experts(&self) -> Option<&ExpertsConfig> {
        self.experts.as_ref()
    }

    /// The largest length of the vector between the two halves of any feed-forward network.
    pub(crate) fn widest_feed_forward_size(&self) -> usize {
        let experts = self.experts.as_ref().map_or(0, ExpertsConfig::widest);
        self.feed_forward_size.max(experts)
    }

    /// The widths of all that is kept of a token while it runs through a mixture of experts.
    pub(crate) fn experts_scratch_width(&self) -> usize {
        let experts = self.experts.as_ref();
        experts.map_or(0, |experts| experts.scratch_width(self))
    }

    /// Whether the layer `index` has attention.
    pub(super) fn has_attention(&self, index: usize) -> bool {
        self.delta_net(index).is_none() && self.convolution_length(index).is_none()
    }

    /// The number of caches of the layer `index`: one for each KV head, or one for its convolution; none for a delta net.
    pub(super) fn cache_count(&self, index: usize) -> usize {
        if self.delta_net(index).is_some() {
            return 0;
        }
        self.convolution_length(index).map_or(self.kv_heads, |_| 1)
    }

    /// The widths of the three input projections of the layer `index`: queries, keys and values, or gates and values.
    pub(super) fn projection_widths(&self, index: usize) -> [usize; 3] {
        if let Some(nets) = self.delta_net(index) {
            return [nets.key_size(), nets.key_size(), nets.value_size()];
        }
        match self.convolution_length(index) {
            Some(_) => [self.hidden_size; 3],
            None => [self.query_and_gate_size(), self.kv_size(), self.kv_size()],
        }
    }

    /// Length of a token's queries, with the gates of attention's output where there are such gates.
    pub(super) fn query_and_gate_size(&self) -> usize {
        self.query_size()
            * if self.architecture.gated_attention {
                2
            } else {
                1
            }
    }

    /// The layers in the file that are loaded.
    pub(super) fn stored_layers(&self) -> usize {
        self.layers / self.loops
    }

    /// The indices of the layers that are in the file but not loaded. They come after those that are.
    pub(super) fn skipped_layers(&self) -> std::ops::Range<usize> {
        self.stored_layers()..self.stored_layers() + self.skipped_layers
    }

    /// The factor of the attention scores of a query at this position: the usual 1 / √(head size) or the file's own,
    /// times the temperature tuning.
    pub(super) fn score_factor(&self, position: usize) -> f32 {
        let tuning = self
            .temperature_tuning
            .map_or(1.0, |TemperatureTuning { slope, length }| {
                libm::logf((position / length + 1) as f32) * slope + 1.0
            });
        self.scales.attention * tuning
    }

    /// The largest sum of these widths in any layer.
    pub(crate) fn projected_size(&self) -> usize {
        let convolved = self.convolutions.as_ref().map(|_| 3 * self.hidden_size);
        let recurrent = self.delta_nets.as_ref().map(DeltaNetConfig::projected_size);
        let attended = self.query_and_gate_size() + 2 * self.kv_size();
        attended.max(convolved.or(recurrent).unwrap_or(0))
    }

    /// The widths of all that is kept of a token while it runs through a gated delta net or gated attention, besides
    /// [`projected_size`](Self::projected_size).
    pub(crate) fn delta_net_scratch_width(&self) -> usize {
        self.delta_nets.as_ref().map_or(0, |nets| {
            nets.projected_size() + 3 * nets.value_size() + self.query_size()
        })
    }

    /// The model's sets of RoPE frequencies, as base and scaling: first the one of most layers, then the one of the
    /// layers with a sliding window.
    pub(super) fn rope_variants(&self) -> impl Iterator<Item = (f32, Scaling)> {
        let rotates = self.architecture.positions != Positions::Learned;
        let most = rotates.then_some((self.rope_base, self.rope_scaling));
        let windowed = self
            .sliding_window
            .as_ref()
            .map(|windowed| (windowed.rope_base, Scaling::NONE));
        most.into_iter().chain(windowed.filter(|_| rotates))
    }

    /// How the layer `index` treats positions.
    pub(super) fn layer_positions(&self, index: usize) -> LayerPositions {
        let windowed = self
            .sliding_window
            .as_ref()
            .filter(|windowed| windowed.has(index));
        let every = self.architecture.no_rope_layer_interval;
        let rotates = self.architecture.positions != Positions::Learned
            && every.is_none_or(|every| !(index + 1).is_multiple_of(every));
        LayerPositions {
            window: windowed.map(|windowed| windowed.window),
            rope: rotates.then_some(usize::from(windowed.is_some())),
        }
    }
}

impl TemperatureTuning {
    fn from_metadata(keys: &Keys, length: usize) -> Result<Option<Self>> {
        let slope = keys.optional_finite("attention.temperature_scale")?;
        let slope = slope.filter(|slope| *slope != 0.0);
        Ok(slope.map(|slope| Self { slope, length }))
    }
}

/// The key of the number that keeps a norm from dividing by 0.
fn epsilon_key(norm: NormKind) -> &'static str {
    match norm {
        NormKind::Rms => "attention.layer_norm_rms_epsilon",
        NormKind::Layer => "attention.layer_norm_epsilon",
    }
}

/// The layers that a token runs through, how often it runs through those of the file, and how many of the file's are not
/// loaded.
fn layer_counts(keys: &Keys, architecture: &Architecture) -> Result<[usize; 3]> {
    let stored = keys.size("block_count")?;
    let loops = match architecture.loops {
        true => keys.optional_size("num_loops")?.unwrap_or(1),
        false => 1,
    };
    if loops > MAX_LOOPS {
        return keys.fail("num_loops", &format!("it is more than {MAX_LOOPS}"));
    }
    let skipped = match architecture.multi_token_prediction {
        true => keys.optional_count("nextn_predict_layers")?.unwrap_or(0),
        false => 0,
    };
    if skipped >= stored {
        return keys.fail("nextn_predict_layers", "it leaves no layers");
    }
    Ok([(stored - skipped).saturating_mul(loops), loops, skipped])
}

/// The number of KV heads of the layers with attention, and the layers with a convolution.
fn kv_heads_and_convolutions(
    keys: &Keys,
    architecture: &Architecture,
    [heads, layers]: [usize; 2],
) -> Result<(usize, Option<Convolutions>)> {
    let list = keys.list(KV_HEADS);
    let Some(list) = list.filter(|_| architecture.short_convolutions) else {
        return Ok((keys.optional_size(KV_HEADS)?.unwrap_or(heads), None));
    };
    let mut attending = list.iter().filter(|heads| *heads != 0);
    let kv_heads = attending.next().unwrap_or(0);
    if list.len() != layers || attending.any(|heads| heads != kv_heads) {
        return keys.fail(
            KV_HEADS,
            "it must give every layer that attends the same number",
        );
    }
    let convolutions = Convolutions {
        length: keys.size("shortconv.l_cache")?,
        kv_heads: list.iter().collect(),
    };
    // A number out of range becomes 0, which `Config::check` refuses.
    Ok((kv_heads.try_into().unwrap_or(0), Some(convolutions)))
}

impl Scales {
    fn from_metadata(
        keys: &Keys,
        rule: ScaleRule,
        [hidden, heads, head, layers]: [usize; 4],
    ) -> Result<Self> {
        let root = |size: usize| libm::sqrtf(size as f32);
        let usual = Self {
            embedding: 1.0,
            residual: 1.0,
            attention: 1.0 / root(head),
            logits: 1.0,
        };
        Ok(match rule {
            ScaleRule::Usual | ScaleRule::TemperatureTuning => usual,
            ScaleRule::Gemma { wide } => Self {
                embedding: root(hidden),
                attention: 1.0 / root(if layers == wide { hidden / heads } else { head }),
                ..usual
            },
            ScaleRule::Metadata => {
                // A factor that is absent or 0 means the usual one.
                let factor = |key: &str, usual: f32| -> Result<f32> {
                    let factor = keys.optional_finite(key)?;
                    Ok(factor.filter(|factor| *factor != 0.0).unwrap_or(usual))
                };
                Self {
                    embedding: factor("embedding_scale", 1.0)?,
                    residual: factor("residual_scale", 1.0)?,
                    attention: factor("attention.scale", usual.attention)?,
                    logits: 1.0 / factor("logit_scale", 1.0)?,
                }
            }
        })
    }
}

/// The soft caps of attention scores and of logits.
fn caps(keys: &Keys, rule: Caps) -> Result<(Option<f32>, Option<f32>)> {
    let cap = |key: &str, usual: Option<f32>| -> Result<Option<f32>> {
        let cap = keys.optional_finite(key)?.or(usual);
        match cap.filter(|cap| *cap != 0.0) {
            Some(cap) if cap < 0.0 => keys.fail(key, "it must not be negative"),
            cap => Ok(cap),
        }
    };
    Ok(match rule {
        Caps::No => (None, None),
        Caps::Logits => (None, cap("final_logit_softcapping", None)?),
        Caps::ScoresAndLogits => (
            cap("attn_logit_softcapping", Some(50.0))?,
            cap("final_logit_softcapping", Some(30.0))?,
        ),
    })
}
