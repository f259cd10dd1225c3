//! Locally typical sampling (Meister et al. 2022).

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;

/// Keeps the tokens whose surprisal is nearest to the entropy, as few as have at least this probability together
/// (Meister et al. 2022, locally typical sampling). 1 is neutral.
#[derive(Debug, Clone, PartialEq)]
pub struct TypicalP {
    /// The probability to keep.
    pub typical_p: f32,
}

impl Apply for TypicalP {
    parameters!(typical_p);

    fn is_neutral(&self) -> bool {
        self.typical_p >= 1.0
    }

    fn apply(&self, candidates: &mut Candidates, _: &Step<'_>, _: &mut StageContext) -> Result<()> {
        let Some(total) = candidates.total()? else {
            return Ok(());
        };
        let expected = total.surprisal.logit(candidates.entropy(&total));
        candidates.keep_nearest_mass(&total, expected, self.typical_p.into())
    }
}
