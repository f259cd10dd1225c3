//! Top-k: keeps the k most probable tokens.

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;

/// Keeps the k most probable tokens; of equal ones, those with the lowest ids. 0 is neutral.
#[derive(Debug, Clone, PartialEq)]
pub struct TopK {
    /// The number of tokens to keep.
    pub top_k: u32,
}

impl Apply for TopK {
    parameters!(top_k);

    fn is_neutral(&self) -> bool {
        self.top_k == 0
    }

    fn preserves_argmax(&self) -> bool {
        true
    }

    fn apply(&self, candidates: &mut Candidates, _: &Step<'_>, _: &mut StageContext) -> Result<()> {
        candidates.keep_best(usize::try_from(self.top_k).unwrap_or(usize::MAX))
    }
}
