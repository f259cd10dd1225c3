//! What values are multiplied by on their way through the network, and the soft caps of some.

use super::architecture::{Caps, ScaleRule};
use super::metadata_keys::Keys;
use crate::Result;

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

impl Scales {
    pub fn from_metadata(
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
            ScaleRule::Gemma4 => Self {
                embedding: root(hidden),
                attention: 1.0,
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
pub(super) fn caps(keys: &Keys, rule: Caps) -> Result<(Option<f32>, Option<f32>)> {
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
