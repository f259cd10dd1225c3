//! Mirostat 2.0 (Basu et al. 2020, algorithm 2): the option that turns it on, its cut, and how μ is learnt.

use super::{Apply, Parameter, StageContext, parameters};
use crate::error::invalid_option;
use crate::sampler::Step;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::Bounds;
use crate::{Error, Result};
use std::f64::consts::LN_2;

/// Whether mirostat is on, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mirostat {
    /// It is off.
    #[default]
    Off,
    /// Mirostat 2.0; see [`MirostatV2`].
    V2,
}

impl Mirostat {
    /// The number that stands for it in JavaScript, on the command line and in a snapshot.
    pub(crate) fn number(self) -> u32 {
        match self {
            Self::Off => 0,
            Self::V2 => 2,
        }
    }
}

impl TryFrom<u32> for Mirostat {
    type Error = Error;

    /// What this number stands for: 0 for off, 2 for mirostat 2.0.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for any other.
    fn try_from(number: u32) -> Result<Self> {
        let mut all = [Self::Off, Self::V2].into_iter();
        all.find(|version| version.number() == number)
            .ok_or_else(|| invalid_option("mirostat", "0 or 2"))
    }
}

/// Mirostat 2.0 (Basu et al. 2020, algorithm 2): keeps the tokens of at most μ bits of surprisal, and adjusts μ
/// after each token so that the surprisal of the sampled tokens approaches τ. μ begins at 2 τ.
#[derive(Debug, Clone, PartialEq)]
pub struct MirostatV2 {
    /// τ, the target surprisal in bits.
    pub mirostat_tau: f32,
    /// η, the learning rate of μ.
    pub mirostat_eta: f32,
}

impl Apply for MirostatV2 {
    parameters!(mirostat_tau, mirostat_eta);

    fn is_neutral(&self) -> bool {
        false
    }

    fn apply(
        &self,
        candidates: &mut Candidates,
        _: &Step<'_>,
        context: &mut StageContext,
    ) -> Result<()> {
        let Some(total) = candidates.total()? else {
            context.pre_cut_surprisal = None;
            return Ok(());
        };
        let (surprisal, max_nats) = (total.surprisal, self.mu(context.mu) * LN_2);
        context.pre_cut_surprisal = Some(surprisal);
        if surprisal.best_nats > max_nats {
            candidates.keep_best(1)
        } else {
            let bounds = Bounds::logits(surprisal.logit(max_nats), f64::MAX);
            candidates.keep_if(bounds, |item| surprisal.of(item.logit) <= max_nats)
        }
    }
}

impl MirostatV2 {
    /// μ in bits: what has been learnt, or the value that it begins with.
    pub(in crate::sampler) fn mu(&self, learnt: Option<f64>) -> f64 {
        learnt.unwrap_or(2.0 * f64::from(self.mirostat_tau))
    }

    /// μ after a token of this many bits of surprisal.
    pub(in crate::sampler) fn updated_mu(&self, learnt: Option<f64>, bits: f64) -> f64 {
        let (tau, eta) = (f64::from(self.mirostat_tau), f64::from(self.mirostat_eta));
        self.mu(learnt) - eta * (bits - tau)
    }
}
