//! XTC, "exclude top choices" (p-e-w 2024, text-generation-webui #6335).

use super::{Apply, Parameter, StageContext, parameters};
use crate::Result;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::sampler::random::Purpose;
use crate::sampler::selection::{Bounds, TokenData};

/// With the probability `xtc_probability`, excludes the top choices, which are all tokens of at least the
/// probability `xtc_threshold`, except the least probable of them (p-e-w 2024, text-generation-webui #6335).
/// Neutral with a probability of 0, and with a threshold over 0.5, which no two tokens can reach.
#[derive(Debug, Clone, PartialEq)]
pub struct Xtc {
    /// The probability that a step excludes anything.
    pub xtc_probability: f32,
    /// The probability from which a token is a top choice.
    pub xtc_threshold: f32,
}

impl Apply for Xtc {
    parameters!(xtc_probability, xtc_threshold);

    fn is_neutral(&self) -> bool {
        self.xtc_probability <= 0.0 || self.xtc_threshold > 0.5
    }

    fn apply(
        &self,
        candidates: &mut Candidates,
        step: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()> {
        let chance = context.random.number(step.index, Purpose::Exclude);
        if chance >= f64::from(self.xtc_probability) {
            return Ok(());
        }
        let Some(total) = candidates.total()? else {
            return Ok(());
        };
        let min_weight = f64::from(self.xtc_threshold) * total.unit.weight(total.mass);
        let is_top = |item: &TokenData| f64::from(item.weight) >= min_weight;
        let bounds = Bounds::weight((min_weight as f32).next_down());
        let Some(last) = candidates.worst_of(bounds, is_top)? else {
            return Ok(());
        };
        // Weights are relative to the largest. With that one removed, the kept token's own may have underflowed.
        let underflowed = last.weight < f32::MIN_POSITIVE;
        candidates.remove_listed(|item| is_top(item) && item.id != last.id, underflowed);
        Ok(())
    }
}
