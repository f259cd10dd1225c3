//! XTC, "exclude top choices" (p-e-w 2024, text-generation-webui #6335).

use crate::Result;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::{Bounds, TokenData, rank};

impl Candidates {
    /// XTC: of the candidates whose probability is at least `threshold`, removes all but the least probable.
    pub fn xtc(&mut self, threshold: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let min_weight = f64::from(threshold) * total.unit.weight(total.mass);
        let top = |item: &TokenData| f64::from(item.weight) >= min_weight;
        if self.is_dense {
            self.list(Bounds::weight((min_weight as f32).next_down()))?;
        }
        let last = self.sparse.iter().copied().filter(top).max_by(rank);
        let Some(last) = last else {
            return Ok(());
        };
        // Weights are relative to the largest. With that one removed, the kept token's own may have underflowed.
        let underflowed = last.weight < f32::MIN_POSITIVE;
        let goes = |item: &TokenData| top(item) && item.id != last.id;
        if self.is_dense {
            for item in self.sparse.drain(..).filter(goes) {
                self.logits[item.id as usize] = f32::NEG_INFINITY;
                self.weights[item.id as usize] = 0.0;
            }
            self.stale = underflowed;
        } else {
            self.sparse.retain(|item| !goes(item));
            if underflowed {
                self.weigh_items();
            }
        }
        Ok(())
    }
}
