//! Temperature, fixed or chosen by the entropy (dynamic temperature, kalomaze 2023).

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;

/// Divides the logits by the temperature: one under 1 sharpens the distribution, one over 1 flattens it, and 0
/// leaves only the best token, which is the limit. With a range, the temperature follows the entropy H of the n
/// candidates (dynamic temperature, kalomaze 2023): it goes from `temperature` − range, at least 0, to
/// `temperature` + range as (H / ln n) ^ exponent goes from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Temperature {
    /// The temperature.
    pub temperature: f32,
    /// The range: how far the temperature may move. 0 is neutral.
    pub dynatemp_range: f32,
    /// The exponent of the normalised entropy.
    pub dynatemp_exponent: f32,
}

impl Apply for Temperature {
    parameters!(temperature, dynatemp_range, dynatemp_exponent);

    fn is_neutral(&self) -> bool {
        self.temperature == 1.0 && self.dynatemp_range == 0.0
    }

    fn apply(&self, candidates: &mut Candidates, _: &Step<'_>, _: &mut StageContext) -> Result<()> {
        let temperature = self.of(candidates)?;
        if temperature <= 0.0 {
            return candidates.keep_best(1);
        }
        candidates.scale(temperature);
        Ok(())
    }
}

impl Temperature {
    /// Whether it leaves only the token with the largest logit.
    pub(super) fn is_greedy(&self) -> bool {
        self.temperature <= 0.0 && self.dynatemp_range <= 0.0
    }

    /// The temperature for these candidates.
    pub(in crate::sampler) fn of(&self, candidates: &mut Candidates) -> Result<f32> {
        if self.dynatemp_range <= 0.0 {
            return Ok(self.temperature);
        }
        let (entropy, max_entropy) = candidates.entropy_and_max_entropy()?;
        if max_entropy == 0.0 {
            return Ok(self.temperature);
        }
        let (middle, range) = (f64::from(self.temperature), f64::from(self.dynatemp_range));
        let (low, high) = ((middle - range).max(0.0), middle + range);
        let normalized_entropy = (entropy / max_entropy).clamp(0.0, 1.0);
        let now =
            low + (high - low) * libm::pow(normalized_entropy, f64::from(self.dynatemp_exponent));
        Ok(now.min(f64::from(f32::MAX)) as f32)
    }
}
