//! Top-nσ (Tang et al. 2024).

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::Bounds;

/// Keeps the tokens whose logit is at most this many standard deviations of the remaining logits below the largest
/// (Tang et al. 2024). 0 or less is neutral.
#[derive(Debug, Clone, PartialEq)]
pub struct TopNSigma {
    /// The number of standard deviations.
    pub top_n_sigma: f32,
}

impl Apply for TopNSigma {
    parameters!(top_n_sigma);

    fn is_neutral(&self) -> bool {
        self.top_n_sigma <= 0.0
    }

    fn preserves_argmax(&self) -> bool {
        true
    }

    fn apply(&self, candidates: &mut Candidates, _: &Step<'_>, _: &mut StageContext) -> Result<()> {
        let Some(total) = candidates.total()? else {
            return Ok(());
        };
        let count = candidates.len() as f64;
        let in_play = |logit: f32, number: f64| {
            if logit > f32::NEG_INFINITY {
                number
            } else {
                0.0
            }
        };
        let mean = candidates.sum(|logit, _| in_play(logit, logit.into())) / count;
        let square = |logit: f32| (f64::from(logit) - mean) * (f64::from(logit) - mean);
        let variance = candidates.sum(|logit, _| in_play(logit, square(logit))) / count;
        let min_logit = f64::from(total.best_logit) - f64::from(self.top_n_sigma) * variance.sqrt();
        let bounds = Bounds::logits(min_logit, f64::MAX);
        candidates.keep_if(bounds, |item| f64::from(item.logit) >= min_logit)
    }
}
