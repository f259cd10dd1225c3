//! Min-p (Nguyen et al. 2024).

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::Bounds;

/// Keeps the tokens with at least this share of the best token's probability (Nguyen et al. 2024). 0 is neutral; 1
/// leaves only the best and those equal to it.
#[derive(Debug, Clone, PartialEq)]
pub struct MinP {
    /// The share of the best token's probability.
    pub min_p: f32,
}

impl Apply for MinP {
    parameters!(min_p);

    fn is_neutral(&self) -> bool {
        self.min_p <= 0.0
    }

    fn preserves_argmax(&self) -> bool {
        true
    }

    fn apply(&self, candidates: &mut Candidates, _: &Step<'_>, _: &mut StageContext) -> Result<()> {
        let Some(total) = candidates.total()? else {
            return Ok(());
        };
        let min_weight = total.best_weight * self.min_p.min(1.0);
        candidates.keep_if(Bounds::weight(min_weight), |item| item.weight >= min_weight)
    }
}
