//! Temperature, and the entropy by which a dynamic temperature is chosen.

use super::Candidates;
use super::softmax::weight;
use crate::sampler::sums::Total;
use crate::{Result, kernels};

/// Beyond this surprisal in nats, a token adds nothing to the entropy.
const NEGLIGIBLE: f64 = 80.0;

impl Candidates {
    /// The entropy in nats, and the largest entropy that as many candidates can have.
    pub fn entropy_and_max_entropy(&mut self) -> Result<(f64, f64)> {
        let max_entropy = libm::log(self.len().max(1) as f64);
        let total = self.total()?;
        Ok((total.map_or(0.0, |total| self.entropy(&total)), max_entropy))
    }

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

    /// The entropy, Σ p × −ln p, in nats.
    pub(super) fn entropy(&self, total: &Total) -> f64 {
        let terms = self.sum(|logit, weight| {
            let nats = total.surprisal.of(logit);
            if nats < NEGLIGIBLE {
                f64::from(weight) * nats
            } else {
                0.0
            }
        });
        terms / total.unit.weight(total.mass)
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
