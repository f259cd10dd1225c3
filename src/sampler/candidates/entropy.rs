//! The entropy of the candidates, by which typical sampling and a dynamic temperature go.

use super::Candidates;
use crate::Result;
use crate::sampler::sums::Total;

/// Beyond this surprisal in nats, a token adds nothing to the entropy.
const NEGLIGIBLE: f64 = 80.0;

impl Candidates {
    /// The entropy in nats, and the largest entropy that as many candidates can have.
    pub fn entropy_and_max_entropy(&mut self) -> Result<(f64, f64)> {
        let max_entropy = libm::log(self.len().max(1) as f64);
        let total = self.total()?;
        Ok((total.map_or(0.0, |total| self.entropy(&total)), max_entropy))
    }

    /// The entropy, Σ p × −ln p, in nats.
    pub fn entropy(&self, total: &Total) -> f64 {
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
