//! The draw of one of the candidates.

use super::Candidates;
use crate::Result;
use crate::sampler::selection::TokenData;

impl Candidates {
    /// Draws by inverse transform sampling: the candidates lie side by side in \[0, 1), each as wide as its probability,
    /// the best first. Returns the one at `point`, and its probability.
    pub fn draw(&mut self, point: f64) -> Result<Option<(TokenData, f32)>> {
        let Some(total) = self.total()? else {
            return Ok(None);
        };
        // The weight, in units, that the candidates up to the drawn one must reach.
        let target = (point * total.mass as f64) as u64 + 1;
        let drawn = self.nearest_until_mass(&total, total.best_logit.into(), target)?;
        if self.is_dense {
            self.sparse.clear();
        }
        Ok(drawn.map(|drawn| (drawn, total.probability(drawn.weight))))
    }
}
