//! The stages of the chain, as data: a chain is a list of them.

use super::candidates::Candidates;

/// One step from the model's distribution to the one that is drawn from.
///
/// A cut never leaves nothing: the best candidate survives every stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// Keeps the `k` most probable tokens (equals: the lowest ids). 0 keeps all.
    TopK(u32),
    /// Keeps the smallest set of the most probable tokens whose share of the mass is at least `p`.
    /// 1 or more keeps all, 0 or less only the best. (Holtzman et al., 2019, "nucleus sampling".)
    TopP(f32),
    /// Keeps the tokens at least `p` times as probable as the best. 0 or less keeps all, 1 or more only
    /// the best and its equals. (Nguyen et al., 2024.)
    MinP(f32),
    /// Divides the logits by the temperature: under 1 sharpens the distribution, over 1 flattens it, 0 is
    /// its limit: only the best token.
    Temperature(f32),
}

impl Stage {
    /// Applies the stage to `candidates`.
    pub(super) fn apply(&self, candidates: &mut Candidates) {
        match *self {
            Stage::TopK(0) => {}
            Stage::TopK(k) => candidates.keep_best(usize::try_from(k).unwrap_or(usize::MAX)),
            Stage::TopP(p) if p >= 1.0 => {}
            Stage::TopP(p) => candidates.keep_mass(f64::from(p)),
            Stage::MinP(p) if p <= 0.0 => {}
            Stage::MinP(p) => candidates.keep_above(p),
            Stage::Temperature(t) if t <= 0.0 => candidates.keep_best(1),
            // ÷ 1 changes no logit: leave the weights as the softmax made them.
            Stage::Temperature(1.0) => {}
            Stage::Temperature(t) => candidates.scale(t),
        }
    }
}
