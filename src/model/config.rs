//! The network's configuration, read from the file's metadata.

use super::architecture::{Architecture, NormKind, StateLayers};
use super::attention_config::{SharedKeysAndValues, head_sizes, kv_heads, rotates};
use super::experts_config::ExpertsConfig;
use super::layer_pattern::LayerPattern;
use super::metadata_keys::{Keys, MAX_SIZE};
use super::recurrent_config::RecurrentConfig;
use super::rope::Scaling;
use super::scales::{Scales, caps};
use super::sliding_window::SlidingWindow;
use crate::Result;
use crate::allocation::with_capacity;
use crate::gguf::Metadata;

/// How often a token may run through the layers of a file, so that a small file does not take the time of a large one.
/// Nanbeige 4.2 runs them twice.
const MAX_LOOPS: usize = 16;
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
    /// Query heads of each layer that has attention; 0 where none has.
    pub heads: usize,
    /// Key and value heads (KV heads) of each layer that has attention; each serves a group of query heads.
    pub kv_heads: usize,
    /// Length of one head's query, key and value; layers with a sliding window may have heads of another length.
    pub head_size: usize,
    /// The layers at the end that attend to the keys and values of earlier ones, where there are such layers.
    pub(super) shared_keys_and_values: Option<SharedKeysAndValues>,
    /// Length of the vector between the two halves of the feed-forward network, in layers that are no mixture of experts;
    /// the largest where it is not the same in all.
    pub feed_forward_size: usize,
    /// This length in each layer, where the file lists it; else it once.
    feed_forward_sizes: Vec<usize>,
    /// Length of the vector that each layer reads of each token besides the hidden state (per-layer embeddings); 0 where
    /// there are none.
    pub(super) per_layer_size: usize,
    /// The layers with a mixture of experts, where there are such layers.
    experts: Option<ExpertsConfig>,
    /// The ε that is added to the variance under the square root of a norm.
    pub norm_epsilon: f32,
    /// Dimensions of each head that RoPE rotates.
    pub rope_size: usize,
    /// The base of RoPE's frequencies.
    pub rope_base: f32,
    /// Whether attention rotates queries and keys (RoPE).
    rotates: bool,
    pub(super) rope_scaling: Scaling,
    /// The layers with sliding-window attention, where there are such layers.
    pub(super) sliding_window: Option<SlidingWindow>,
    /// The layers with a short convolution instead of attention, where there are such layers.
    convolutions: Option<Convolutions>,
    /// The layers with a gated delta net or a Mamba-2 mixer instead of attention, where there are such layers.
    recurrent: Option<RecurrentConfig>,
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
    layers: LayerPattern,
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
        let [heads, head_size] = head_sizes(&keys, architecture, hidden_size)?;
        let epsilon = epsilon_key(architecture.norm);
        let (kv_heads, without_attention) = kv_heads(&keys, architecture, [heads, layers])?;
        let (convolving, recurrent) = match architecture.short_convolutions {
            true => (without_attention, None),
            false => (None, without_attention),
        };
        let rope_size = keys.optional_size("rope.dimension_count")?;
        let context_length = keys.size("context_length")?;
        let rope_base = keys.optional_f32("rope.freq_base")?.unwrap_or(10_000.0);
        let (score_cap, logit_cap) = caps(&keys, architecture.caps)?;
        let rope_scaling = Scaling::from_metadata(&keys, architecture, context_length)?;
        let feed_forward_sizes = feed_forward_sizes(&keys, architecture, layers)?;
        let feed_forward_size = feed_forward_sizes.iter().copied().max().unwrap_or(0);
        let rope_size = rope_size.unwrap_or(head_size);
        let sliding_window = SlidingWindow::from_metadata(
            &keys,
            architecture.windows,
            layers,
            (rope_base, [head_size, rope_size]),
        )?;
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
            shared_keys_and_values: SharedKeysAndValues::from_metadata(
                &keys,
                layers,
                sliding_window.as_ref(),
            )?,
            feed_forward_size,
            feed_forward_sizes,
            per_layer_size: keys
                .optional_count("embedding_length_per_layer_input")?
                .unwrap_or(0),
            experts: ExpertsConfig::from_metadata(
                &keys,
                architecture,
                [feed_forward_size, layers],
            )?,
            norm_epsilon: keys.f32(epsilon)?,
            rope_size,
            rope_base,
            rotates: rotates(&keys, architecture)?,
            rope_scaling,
            sliding_window,
            convolutions: Convolutions::from_metadata(&keys, convolving)?,
            recurrent: RecurrentConfig::from_metadata(
                &keys,
                architecture.state_layers,
                layers,
                recurrent,
            )?,
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
        if !(self.norm_epsilon >= 0.0 && self.norm_epsilon.is_finite()) {
            return keys.fail(epsilon, "it must not be negative");
        }
        if self.layers.saturating_mul(self.per_layer_size) > MAX_SIZE {
            let reason = format!("all layers together have more than {MAX_SIZE}");
            return keys.fail("embedding_length_per_layer_input", &reason);
        }
        match self.architecture.has_attention() {
            true => self.check_attention(keys),
            false => Ok(()),
        }
    }

    /// The length of the convolution of the layer `index`; `None` where it has attention.
    pub(super) fn convolution_length(&self, index: usize) -> Option<usize> {
        let convolutions = self.convolutions.as_ref()?;
        (convolutions.layers.has(index)).then_some(convolutions.length)
    }

    /// The sizes of the gated delta net or the Mamba-2 mixer of the layer `index`; `None` where it has none.
    pub(super) fn recurrent(&self, index: usize) -> Option<&RecurrentConfig> {
        self.recurrent.as_ref().filter(|sizes| sizes.has(index))
    }

    /// Whether the layer `index` keeps a state of the text, in place of keys and values or beside them.
    pub(super) fn keeps_state(&self, index: usize) -> bool {
        self.recurrent(index).is_some() || self.convolution_length(index).is_some()
    }

    /// The sizes of the model's gated delta nets or Mamba-2 mixers, whichever layers have one.
    pub(super) fn recurrent_layers(&self) -> Option<&RecurrentConfig> {
        self.recurrent.as_ref()
    }

    /// Length of the vector between the two halves of the feed-forward network of the layer `index`.
    pub(super) fn layer_feed_forward_size(&self, index: usize) -> usize {
        let size = self.feed_forward_sizes.get(index);
        size.copied().unwrap_or(self.feed_forward_size)
    }

    /// Length of the vectors that all layers together read of a token besides the hidden state.
    pub(crate) fn per_layer_width(&self) -> usize {
        self.layers * self.per_layer_size
    }

    /// Whether the layers have a feed-forward network.
    pub(super) fn has_feed_forward(&self) -> bool {
        self.feed_forward_size > 0
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
        let beside = |sizes: &RecurrentConfig| sizes.is_beside_attention();
        !self.keeps_state(index) || self.recurrent(index).is_some_and(beside)
    }

    /// The number of caches of the layer `index`: one for each KV head; none for one that has no attention, or attends to
    /// the keys and values of another.
    pub(super) fn cache_count(&self, index: usize) -> usize {
        match self.has_attention(index) && self.key_value_layer(index) == index {
            true => self.kv_heads,
            false => 0,
        }
    }

    /// The widths of the three input projections of the layer `index`: queries, keys and values, or gates and values. For
    /// what keeps a state, [`RecurrentConfig::projection_widths`] says them.
    pub(super) fn projection_widths(&self, index: usize) -> [usize; 3] {
        match self.convolution_length(index) {
            Some(_) => [self.hidden_size; 3],
            None => {
                let kv = match self.key_value_layer(index) == index {
                    true => self.kv_size(index),
                    false => 0,
                };
                [self.query_and_gate_size(index), kv, kv]
            }
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
        let recurrent = self.recurrent.as_ref();
        let recurrent = recurrent.map(|sizes| sizes.projection_widths().iter().sum());
        let gates = usize::from(self.architecture.gated_attention);
        let heads = self.heads * (1 + gates) + 2 * self.kv_heads;
        let attended = heads * self.widest_head_size();
        attended.max(convolved.or(recurrent).unwrap_or(0))
    }

    /// The widths of all that is kept of a token while it runs through a layer that keeps a state or through gated
    /// attention, besides [`projected_size`](Self::projected_size), at most.
    pub(crate) fn recurrent_scratch_width(&self) -> usize {
        self.recurrent.as_ref().map_or(0, |sizes| {
            let state = sizes.convolved_size() + 3 * sizes.value_size();
            state + self.widest_query_size() + self.hidden_size
        })
    }

    /// The model's sets of RoPE frequencies, as the number of dimensions, base and scaling: first the one of most layers,
    /// then the one of the layers with a sliding window.
    pub(super) fn rope_variants(&self) -> impl Iterator<Item = (usize, f32, Scaling)> {
        let most = (self.rope_size, self.rope_base, self.rope_scaling);
        let most = self.rotates.then_some(most);
        let windowed = self.sliding_window.as_ref().map(|windowed| {
            let scaling = match windowed.is_scaled {
                true => self.rope_scaling,
                false => Scaling::NONE,
            };
            (windowed.rope_size, windowed.rope_base, scaling)
        });
        most.into_iter().chain(windowed.filter(|_| self.rotates))
    }

    /// How the layer `index` treats positions.
    pub(super) fn layer_positions(&self, index: usize) -> LayerPositions {
        let windowed = self.window_of(index);
        let every = self.architecture.no_rope_layer_interval;
        let rotates = self.rotates && every.is_none_or(|every| !(index + 1).is_multiple_of(every));
        LayerPositions {
            window: windowed.map(|windowed| windowed.window),
            rope: rotates.then_some(usize::from(windowed.is_some())),
        }
    }
}

/// Length of the vector between the two halves of the feed-forward network: of each layer where the file lists these,
/// else one for all. None without such networks.
fn feed_forward_sizes(
    keys: &Keys,
    architecture: &Architecture,
    layers: usize,
) -> Result<Vec<usize>> {
    const KEY: &str = "feed_forward_length";
    if architecture.state_layers == StateLayers::Mamba2Alone {
        return Ok(Vec::new());
    }
    let Some(list) = keys.list(KEY) else {
        return Ok(vec![keys.size(KEY)?]);
    };
    let mut sizes = with_capacity(list.len())?;
    // A number out of range becomes 0, which is refused; on wasm32 it would wrap otherwise.
    sizes.extend(list.iter().map(|size| size.try_into().unwrap_or(0)));
    match sizes.len() == layers && sizes.iter().all(|size| (1..=MAX_SIZE).contains(size)) {
        true => Ok(sizes),
        false => keys.fail(KEY, "it must give every layer a length"),
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

impl Convolutions {
    fn from_metadata(keys: &Keys, layers: Option<LayerPattern>) -> Result<Option<Self>> {
        let Some(layers) = layers else {
            return Ok(None);
        };
        let length = keys.size("shortconv.l_cache")?;
        Ok(Some(Self { length, layers }))
    }
}
