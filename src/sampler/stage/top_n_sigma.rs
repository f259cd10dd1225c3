//! Top-nσ (Tang et al. 2024).

use crate::Result;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::Bounds;

impl Candidates {
    /// Top-nσ: keeps the candidates whose logit is at most `n` standard deviations of the candidates' logits below the
    /// largest.
    pub fn top_n_sigma(&mut self, n: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let count = self.len() as f64;
        let in_play = |logit: f32, number: f64| {
            if logit > f32::NEG_INFINITY {
                number
            } else {
                0.0
            }
        };
        let mean = self.sum(|logit, _| in_play(logit, logit.into())) / count;
        let square = |logit: f32| (f64::from(logit) - mean) * (f64::from(logit) - mean);
        let variance = self.sum(|logit, _| in_play(logit, square(logit))) / count;
        let min_logit = f64::from(total.best_logit) - f64::from(n) * variance.sqrt();
        let bounds = Bounds::logits(min_logit, f64::MAX);
        self.keep_if(bounds, |item| f64::from(item.logit) >= min_logit)
    }
}
