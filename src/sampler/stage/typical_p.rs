//! Locally typical sampling (Meister et al. 2022).

use crate::Result;
use crate::sampler::candidates::Candidates;

impl Candidates {
    /// Typical sampling: keeps the candidates whose surprisal is nearest to the entropy, as few as have at least the
    /// probability `p` together.
    pub fn typical_p(&mut self, p: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let expected = total.surprisal.logit(self.entropy(&total));
        self.keep_nearest_mass(&total, expected, p)
    }
}
