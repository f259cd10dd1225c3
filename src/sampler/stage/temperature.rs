//! Temperature, fixed or chosen by the entropy (dynamic temperature, kalomaze 2023).

use super::Stage;
use crate::sampler::candidates::{Candidates, weight};
use crate::{Result, kernels};

impl Candidates {
    /// Temperature: divides every logit by `temperature` (above 0) and computes the weights again, relative to the best.
    pub fn scale(&mut self, temperature: f32) -> Result<()> {
        if self.is_dense {
            let shift = shift(kernels::max(&self.logits), temperature);
            for logit in &mut self.logits {
                let scaled = (*logit - shift) / temperature;
                *logit = if *logit > f32::NEG_INFINITY {
                    scaled.max(f32::MIN)
                } else {
                    *logit
                };
            }
            self.stale = true;
            return Ok(());
        }
        let Some(best) = self.best() else {
            return Ok(());
        };
        let shift = shift(best.logit, temperature);
        for item in &mut self.sparse {
            item.weight = weight((item.logit - best.logit) / temperature);
            item.logit = ((item.logit - shift) / temperature).max(f32::MIN);
        }
        Ok(())
    }
}

impl Stage {
    /// The temperature for these candidates; 0 for a stage that has none.
    pub(in crate::sampler) fn temperature(&self, candidates: &mut Candidates) -> Result<f32> {
        let Stage::Temperature {
            temperature,
            dynatemp_range,
            dynatemp_exponent,
        } = self
        else {
            return Ok(0.0);
        };
        if *dynatemp_range <= 0.0 {
            return Ok(*temperature);
        }
        let (entropy, max_entropy) = candidates.entropy_and_max_entropy()?;
        if max_entropy == 0.0 {
            return Ok(*temperature);
        }
        let (middle, range) = (f64::from(*temperature), f64::from(*dynatemp_range));
        let (low, high) = ((middle - range).max(0.0), middle + range);
        let normalized_entropy = (entropy / max_entropy).clamp(0.0, 1.0);
        let now = low + (high - low) * libm::pow(normalized_entropy, f64::from(*dynatemp_exponent));
        Ok(now.min(f64::from(f32::MAX)) as f32)
    }
}

/// What to subtract from logits before a division by `temperature`: the best logit where the temperature is so low that
/// quotients would overflow. Logits relative to the best are at most 0, so they cannot overflow upwards.
fn shift(best: f32, temperature: f32) -> f32 {
    if (best / temperature).is_finite() {
        0.0
    } else {
        best
    }
}
