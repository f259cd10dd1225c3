//! Top-p, or nucleus sampling (Holtzman et al. 2019).

use crate::Result;
use crate::sampler::candidates::Candidates;

impl Candidates {
    /// Top-p, or nucleus: keeps the best candidates, as few as have at least the probability `p` together, and at
    /// least one.
    pub fn top_p(&mut self, p: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        self.keep_nearest_mass(&total, total.best_logit.into(), p)
    }
}
