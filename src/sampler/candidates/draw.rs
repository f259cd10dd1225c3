//! The draw of one of the candidates.

use super::Candidates;
use crate::Result;
use crate::sampler::selection::TokenData;

/// The candidate that was drawn.
#[derive(Debug, Clone, Copy)]
pub struct Drawn {
    pub token: TokenData,
    pub probability: f32,
    /// Where it begins: the probability of those that lie before it, together.
    pub from: f64,
    /// Where it ends.
    pub to: f64,
}

impl Candidates {
    /// Draws by inverse transform sampling: the candidates lie side by side in \[0, 1), each as wide as its probability,
    /// the best first. Returns the one at `point`.
    pub fn draw(&mut self, point: f64) -> Result<Option<Drawn>> {
        let Some(total) = self.total()? else {
            return Ok(None);
        };
        // The weight, in units, that the candidates up to the drawn one must reach.
        let target = (point * total.mass as f64) as u64 + 1;
        let drawn = self.nearest_until_mass(&total, total.best_logit.into(), target)?;
        if self.is_dense {
            self.sparse.clear();
        }
        Ok(drawn.map(|(token, end)| {
            let share = |units: u64| units as f64 / total.mass as f64;
            Drawn {
                token,
                probability: total.probability(token.weight),
                from: share(end - total.unit.count(token.weight)),
                to: share(end),
            }
        }))
    }
}
