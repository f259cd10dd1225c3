//! Scaling of the logits, and of the weights with them.

use super::{Candidates, weight};
use crate::kernels;

impl Candidates {
    /// Divides every logit by `temperature` (above 0) and computes the weights again, relative to the best.
    pub fn scale(&mut self, temperature: f32) {
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
            return;
        }
        let Some(best) = self.best() else {
            return;
        };
        let shift = shift(best.logit, temperature);
        for item in &mut self.sparse {
            item.weight = weight((item.logit - best.logit) / temperature);
            item.logit = ((item.logit - shift) / temperature).max(f32::MIN);
        }
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
