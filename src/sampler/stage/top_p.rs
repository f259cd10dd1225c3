//! Top-p, or nucleus sampling (Holtzman et al. 2019).

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;

/// Keeps the most probable tokens, as few as have at least this probability together (Holtzman et al. 2019, nucleus
/// sampling). 1 is neutral; 0 leaves only the best.
#[derive(Debug, Clone, PartialEq)]
pub struct TopP {
    /// The probability to keep.
    pub top_p: f32,
}

impl Apply for TopP {
    parameters!(top_p);

    fn is_neutral(&self) -> bool {
        self.top_p >= 1.0
    }

    fn preserves_argmax(&self) -> bool {
        true
    }

    fn apply(&self, candidates: &mut Candidates, _: &Step<'_>, _: &mut StageContext) -> Result<()> {
        let Some(total) = candidates.total()? else {
            return Ok(());
        };
        candidates.keep_nearest_mass(&total, total.best_logit.into(), self.top_p.into())
    }
}
