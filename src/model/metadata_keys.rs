//! Reads an architecture's metadata keys with their types and bounds checked.

use super::architecture::{Architecture, Caps, ScaleRule, Windows};
use crate::gguf::{IntegerArray, Metadata, Value};
use crate::{Error, Result};

/// The largest size or count that is accepted: a larger one can only come from a damaged or hostile file.
pub(super) const MAX_SIZE: usize = 1 << 24;
/// The most heads that are accepted over all layers. The largest models have about 16,000.
pub(super) const MAX_HEADS: usize = 1 << 16;
/// The most experts of a layer that are accepted, twice what the largest models have.
pub(super) const MAX_LAYER_EXPERTS: usize = 1 << 10;
/// The most experts that are accepted over all layers. The largest models have about 25,000.
pub(super) const MAX_EXPERTS: usize = 1 << 16;

/// The metadata keys that begin with the architecture's name.
pub(crate) struct Keys<'a> {
    metadata: &'a Metadata,
    architecture: &'static str,
}

impl<'a> Keys<'a> {
    pub fn new(metadata: &'a Metadata, architecture: &'static str) -> Self {
        Self {
            metadata,
            architecture,
        }
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.architecture)
    }

    /// The error that the key `name` is not usable.
    pub fn fail<T>(&self, name: &str, reason: &str) -> Result<T> {
        Err(Error::BadMetadata {
            key: self.key(name),
            reason: reason.to_owned(),
        })
    }

    /// A required size, which must not be zero.
    pub fn size(&self, name: &str) -> Result<usize> {
        let size = self.optional_size(name)?;
        size.ok_or_else(|| Error::MissingMetadata(self.key(name)))
    }

    /// An optional size, which must not be zero.
    pub fn optional_size(&self, name: &str) -> Result<Option<usize>> {
        match self.optional_count(name)? {
            Some(0) => self.fail(name, "it must not be 0"),
            size => Ok(size),
        }
    }

    /// An optional count, which may be zero.
    pub fn optional_count(&self, name: &str) -> Result<Option<usize>> {
        match self.metadata.optional_u32(&self.key(name))? {
            None => Ok(None),
            Some(value) => match usize::try_from(value) {
                Ok(count) if count <= MAX_SIZE => Ok(Some(count)),
                _ => self.fail(name, &format!("{value} is more than {MAX_SIZE}")),
            },
        }
    }

    /// A required number.
    pub fn f32(&self, name: &str) -> Result<f32> {
        self.metadata.require_f32(&self.key(name))
    }

    /// An optional number.
    pub fn optional_f32(&self, name: &str) -> Result<Option<f32>> {
        self.metadata.optional_f32(&self.key(name))
    }

    /// An optional number, neither infinite nor NaN.
    pub fn optional_finite(&self, name: &str) -> Result<Option<f32>> {
        match self.optional_f32(name)? {
            Some(number) if !number.is_finite() => self.fail(name, "it must be a finite number"),
            number => Ok(number),
        }
    }

    /// An optional string.
    pub fn optional_str(&self, name: &str) -> Result<Option<&'a str>> {
        self.metadata.optional_str(&self.key(name))
    }

    /// An optional flag.
    pub fn optional_flag(&self, name: &str) -> Result<Option<bool>> {
        self.metadata.optional_bool(&self.key(name))
    }

    /// A flag, which is off where it is absent.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.optional_flag(name)?.unwrap_or(false))
    }

    /// A list of integers or booleans; `None` where there is none.
    pub fn list(&self, name: &str) -> Option<&'a IntegerArray> {
        match self.metadata.get(&self.key(name)) {
            Some(Value::Integers(list)) => Some(list),
            _ => None,
        }
    }

    /// Whether `name` is there with a value other than 0 and false.
    fn is_set(&self, name: &str) -> bool {
        match self.metadata.get(&self.key(name)) {
            None => false,
            Some(Value::F32(number)) => *number != 0.0,
            Some(Value::F64(number)) => *number != 0.0,
            Some(Value::Bool(on)) => *on,
            Some(_) => self
                .metadata
                .optional_u32(&self.key(name))
                .ok()
                .flatten()
                .is_none_or(|number| number != 0),
        }
    }

    /// Refuses keys that ask for what is not implemented: ignoring one would silently give wrong results.
    pub fn refuse_unsupported(&self, architecture: &Architecture) -> Result<()> {
        let refused = unsupported(architecture);
        if let Some((name, reason)) = refused.into_iter().find(|(name, _)| self.is_set(name)) {
            return self.fail(name, reason);
        }
        if self.optional_flag("attention.causal")? == Some(false) {
            return self.fail("attention.causal", "only text generators are supported");
        }
        let window = "attention.sliding_window";
        if architecture.windows == Windows::No
            && let Some(size) = self.optional_count(window)?
            && (1..self.size("context_length")?).contains(&size)
        {
            return self.fail(window, "this architecture has no sliding window");
        }
        if let Windows::IgnoredUnless { layers } = architecture.windows
            && self.optional_count("block_count")? == Some(layers)
        {
            let reason = "models of this size have sliding windows, which are not supported";
            return self.fail("block_count", reason);
        }
        Ok(())
    }
}

/// The keys that must not be set for this architecture, each with the reason.
fn unsupported(architecture: &Architecture) -> Vec<(&'static str, &'static str)> {
    let mut refused = vec![
        (
            "attention.clamp_kqv",
            "clamped queries and keys are not supported",
        ),
        (
            "attention.max_alibi_bias",
            "attention biases are not supported",
        ),
        (
            "attention.output_scale",
            "scaled attention is not supported",
        ),
    ];
    if architecture.experts.is_none() {
        let reason = "mixtures of experts are not supported in this architecture";
        refused.push(("expert_count", reason));
    }
    if !architecture.shared_keys_and_values {
        let reason = "layers of this architecture have keys and values of their own";
        refused.push(("attention.shared_kv_layers", reason));
    }
    if !architecture.per_layer_embeddings {
        let reason = "this architecture has no per-layer embeddings";
        refused.push(("embedding_length_per_layer_input", reason));
    }
    let scale = "this architecture has no such scale";
    if architecture.scales != ScaleRule::TemperatureTuning {
        refused.push(("attention.temperature_scale", scale));
    }
    if architecture.scales != ScaleRule::Metadata {
        refused.extend([
            ("embedding_scale", scale),
            ("residual_scale", scale),
            ("attention.scale", scale),
            ("logit_scale", scale),
        ]);
    }
    let cap = "this architecture has no such cap";
    if architecture.caps != Caps::ScoresAndLogits {
        refused.push(("attn_logit_softcapping", cap));
    }
    if architecture.caps == Caps::No {
        refused.push(("final_logit_softcapping", cap));
    }
    refused
}
