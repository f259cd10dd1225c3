//! Softmax: the weights of the candidates, e^logit relative to the best.

use super::Candidates;
use crate::allocation::reserve_exact;
use crate::{Result, kernels};

impl Candidates {
    /// Computes `weights` again where `logits` have changed.
    pub(super) fn softmax_if_stale(&mut self) -> Result<()> {
        if self.stale {
            self.softmax()?;
        }
        Ok(())
    }

    /// `weights` = softmax of `logits`; returns ln Σ e^logit.
    pub(super) fn softmax(&mut self) -> Result<f32> {
        self.weights.clear();
        reserve_exact(&mut self.weights, self.logits.len())?;
        self.weights.extend_from_slice(&self.logits);
        self.stale = false;
        Ok(kernels::softmax(&mut self.weights))
    }

    /// Computes the weights of `sparse` from their logits, relative to the best.
    pub(super) fn weigh_items(&mut self) {
        if let Some(best) = self.best() {
            for item in &mut self.sparse {
                item.weight = weight(item.logit - best.logit);
            }
        }
    }
}

/// e^`depth`, where `depth` is a logit relative to the best one.
pub(super) fn weight(depth: f32) -> f32 {
    if depth > f32::NEG_INFINITY {
        kernels::exp(depth)
    } else {
        0.0
    }
}
