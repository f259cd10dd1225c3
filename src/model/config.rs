//! What the metadata says about the network.

use super::architecture::{Architecture, Caps, NormKind, Positions, ScaleRule, Windows};
use super::keys::{Keys, LARGEST, MOST_HEADS};
use super::rope::Scaling;
use crate::Result;
use crate::gguf::Metadata;

/// The key of the number of key and value heads.
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
    /// Values in a hidden state.
    pub hidden_size: usize,
    /// Transformer layers.
    pub layers: usize,
    /// Query heads of each layer.
    pub heads: usize,
    /// Key and value heads of each layer that attends; query heads share them in groups.
    pub kv_heads: usize,
    /// Values in a key and in a query of one head.
    pub head_size: usize,
    /// Values between the two halves of the feed-forward network.
    pub feed_forward_size: usize,
    /// What is added to the variance under the root of a norm.
    pub norm_epsilon: f32,
    /// Dimensions of each head that RoPE rotates.
    pub rope_size: usize,
    /// The base of RoPE's frequencies.
    pub rope_base: f32,
    pub(super) rope_scaling: Scaling,
    /// The layers that attend to the latest positions only, where there are such layers.
    pub(super) local: Option<Local>,
    /// The layers that convolve instead of attending, where there are such layers.
    convolutions: Option<Convolutions>,
    pub(super) scales: Scales,
    /// The soft cap of attention's scores.
    pub(super) score_cap: Option<f32>,
    /// The soft cap of the logits.
    pub(super) logit_cap: Option<f32>,
}

/// Layers with a sliding window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Local {
    /// Positions a token attends to, itself among them.
    pub window: usize,
    /// The base of RoPE in these layers; its frequencies are not scaled.
    pub rope_base: f32,
    pattern: Pattern,
}

#[derive(Debug, Clone, PartialEq)]
enum Pattern {
    /// All layers but the last of each `period`.
    Period(usize),
    /// As listed.
    Listed(Vec<i64>),
}

/// Layers with a short convolution.
#[derive(Debug, Clone, PartialEq)]
struct Convolutions {
    /// Positions that one reads, that of the token itself among them.
    length: usize,
    /// Key and value heads of every layer: none in those that convolve.
    kv_heads: Vec<i64>,
}

/// What values are multiplied by along the way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scales {
    pub embedding: f32,
    /// What a layer adds to the residual stream.
    pub residual: f32,
    /// The dot product of a query and a key.
    pub attention: f32,
    pub logits: f32,
}

/// How one layer knows positions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LayerPositions {
    /// How many of the latest positions it attends to; all without a window.
    pub window: Option<usize>,
    /// Which of the model's [ropes](Config::ropes) rotates its queries and keys.
    pub rope: Option<usize>,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// [`Error::UnsupportedArchitecture`](crate::Error::UnsupportedArchitecture), [`Error::MissingMetadata`](crate::Error::MissingMetadata) or [`Error::BadMetadata`](crate::Error::BadMetadata).
    pub fn from_metadata(metadata: &Metadata, vocabulary_size: usize) -> Result<Self> {
        let architecture = Architecture::named(metadata.require_str("general.architecture")?)?;
        let keys = Keys::new(metadata, architecture.name);
        keys.refuse_unsupported(architecture)?;
        let hidden_size = keys.size("embedding_length")?;
        let layers = keys.size("block_count")?;
        let heads = keys.size("attention.head_count")?;
        let head_size = keys
            .optional_size("attention.key_length")?
            .unwrap_or(hidden_size / heads);
        let epsilon = match architecture.norm {
            NormKind::Rms => "attention.layer_norm_rms_epsilon",
            NormKind::Layer => "attention.layer_norm_epsilon",
        };
        let (kv_heads, convolutions) = mixers(&keys, architecture, [heads, layers])?;
        let rope_size = keys.optional_size("rope.dimension_count")?;
        let context_length = keys.size("context_length")?;
        let rope_base = keys.optional_f32("rope.freq_base")?.unwrap_or(10_000.0);
        let (score_cap, logit_cap) = caps(&keys, architecture.caps)?;
        let config = Self {
            architecture,
            context_length,
            vocabulary_size,
            hidden_size,
            layers,
            heads,
            kv_heads,
            head_size,
            feed_forward_size: keys.size("feed_forward_length")?,
            norm_epsilon: keys.f32(epsilon)?,
            rope_size: rope_size.unwrap_or(head_size),
            rope_base,
            rope_scaling: Scaling::from_metadata(&keys, context_length)?,
            local: Local::from_metadata(&keys, architecture.windows, rope_base, layers)?,
            convolutions,
            scales: Scales::from_metadata(
                &keys,
                architecture.scales,
                [hidden_size, heads, head_size, layers],
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
        if self.layers.saturating_mul(self.heads) > MOST_HEADS {
            let reason = format!("all layers together have more than {MOST_HEADS} heads");
            return keys.fail("attention.head_count", &reason);
        }
        if self.head_size == 0 || self.heads.saturating_mul(self.head_size) > LARGEST {
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

    /// Query heads that share one key and value head.
    pub fn heads_per_kv_head(&self) -> usize {
        self.heads / self.kv_heads
    }

    /// Values of all queries of a token.
    pub(super) fn query_size(&self) -> usize {
        self.heads * self.head_size
    }

    /// Values of all keys of a token, and of all values.
    pub(super) fn kv_size(&self) -> usize {
        self.kv_heads * self.head_size
    }

    /// How many positions the layer `index` convolves, where it does not attend instead.
    pub(super) fn convolution(&self, index: usize) -> Option<usize> {
        let convolutions = self.convolutions.as_ref()?;
        let convolves = convolutions.kv_heads.get(index) == Some(&0);
        convolves.then_some(convolutions.length)
    }

    /// Parts of the KV cache that are of the layer `index`: a head's each, or what it convolves.
    pub(super) fn caches(&self, index: usize) -> usize {
        self.convolution(index).map_or(self.kv_heads, |_| 1)
    }

    /// Values of the three projections of a token to what the layer `index` mixes.
    pub(super) fn projections(&self, index: usize) -> [usize; 3] {
        match self.convolution(index) {
            Some(_) => [self.hidden_size; 3],
            None => [self.query_size(), self.kv_size(), self.kv_size()],
        }
    }

    /// The most values of these projections together.
    pub(crate) fn projected_size(&self) -> usize {
        let convolved = self.convolutions.as_ref().map(|_| 3 * self.hidden_size);
        let attended = self.query_size() + 2 * self.kv_size();
        attended.max(convolved.unwrap_or(0))
    }

    /// The bases of the model's ropes and how their frequencies are scaled: the rope of most layers, and
    /// that of the layers with a window.
    pub(super) fn ropes(&self) -> impl Iterator<Item = (f32, Scaling)> {
        let rotates = self.architecture.positions != Positions::Learned;
        let most = rotates.then_some((self.rope_base, self.rope_scaling));
        let local = self
            .local
            .as_ref()
            .map(|local| (local.rope_base, Scaling::NONE));
        most.into_iter().chain(local.filter(|_| rotates))
    }

    /// How the layer `index` knows positions.
    pub(super) fn layer_positions(&self, index: usize) -> LayerPositions {
        let local = self.local.as_ref().filter(|local| local.has(index));
        let every = self.architecture.unrotated_every;
        let rotates = self.architecture.positions != Positions::Learned
            && every.is_none_or(|every| !(index + 1).is_multiple_of(every));
        LayerPositions {
            window: local.map(|local| local.window),
            rope: rotates.then_some(usize::from(local.is_some())),
        }
    }
}

impl Local {
    fn from_metadata(
        keys: &Keys,
        windows: Windows,
        base: f32,
        layers: usize,
    ) -> Result<Option<Self>> {
        let Windows::Yes {
            period,
            size,
            rope_base,
        } = windows
        else {
            return Ok(None);
        };
        let window = match keys.optional_count("attention.sliding_window")? {
            None => size,
            Some(0) => None,
            Some(window) => Some(window),
        };
        let Some(window) = window else {
            return Ok(None);
        };
        let key = "attention.sliding_window_pattern";
        let pattern = match keys.list(key) {
            Some(list) if list.len() < layers => {
                return keys.fail(key, "it has fewer entries than there are layers");
            }
            Some(list) => Pattern::Listed(list.iter().take(layers).collect()),
            None => Pattern::Period(keys.optional_size(key)?.unwrap_or(period)),
        };
        let rope_base = match keys.optional_f32("rope.freq_base_swa")? {
            Some(base) if base > 0.0 && base.is_finite() => base,
            Some(_) => return keys.fail("rope.freq_base_swa", "it must be a positive number"),
            None => rope_base.unwrap_or(base),
        };
        Ok(Some(Self {
            window,
            rope_base,
            pattern,
        }))
    }

    fn has(&self, index: usize) -> bool {
        match &self.pattern {
            Pattern::Period(period) => index % period < period - 1,
            Pattern::Listed(list) => list.get(index).is_some_and(|windowed| *windowed != 0),
        }
    }
}

/// The key and value heads of the layers that attend, and those that convolve.
fn mixers(
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
    // What is no count divides nothing.
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
            ScaleRule::Usual => usual,
            ScaleRule::Gemma { wide } => Self {
                embedding: root(hidden),
                attention: 1.0 / root(if layers == wide { hidden / heads } else { head }),
                ..usual
            },
            ScaleRule::Metadata => {
                // Files that leave one out, or set it to zero, mean the usual.
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

/// The caps of scores and logits.
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
