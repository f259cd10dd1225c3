//! Min-p (Nguyen et al. 2024).

use crate::Result;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::Bounds;

impl Candidates {
    /// Min-p: keeps the candidates with at least `ratio` times the weight of the best.
    pub fn min_p(&mut self, ratio: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let min_weight = total.best_weight * ratio.min(1.0);
        self.keep_if(Bounds::weight(min_weight), |item| item.weight >= min_weight)
    }
}
