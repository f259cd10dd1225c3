//! Mirostat 2.0 (Basu et al. 2020, algorithm 2): the option that turns it on, its cut, and how μ is learnt.

use super::Stage;
use crate::error::invalid_option;
use crate::sampler::candidates::Candidates;
use crate::sampler::selection::Bounds;
use crate::sampler::sums::Surprisal;
use crate::{Error, Result};

/// Whether mirostat is on, and which one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mirostat {
    /// It is off.
    #[default]
    Off,
    /// Mirostat 2.0; see [`Stage::Mirostat`].
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

impl Candidates {
    /// Mirostat's cut: keeps the candidates whose surprisal is at most `max_nats`, and the best in any case. Returns the
    /// surprisals before the cut.
    pub fn mirostat(&mut self, max_nats: f64) -> Result<Option<Surprisal>> {
        let Some(total) = self.total()? else {
            return Ok(None);
        };
        let surprisal = total.surprisal;
        if surprisal.best_nats > max_nats {
            self.keep_best(1)?;
        } else {
            let bounds = Bounds::logits(surprisal.logit(max_nats), f64::MAX);
            self.keep_if(bounds, |item| surprisal.of(item.logit) <= max_nats)?;
        }
        Ok(Some(surprisal))
    }
}

impl Stage {
    /// μ after a token of this many bits of surprisal; unchanged by stages other than mirostat.
    pub(in crate::sampler) fn updated_mu(&self, mu: Option<f64>, bits: f64) -> Option<f64> {
        let Stage::Mirostat {
            mirostat_tau,
            mirostat_eta,
        } = self
        else {
            return mu;
        };
        let tau = f64::from(*mirostat_tau);
        Some(mu.unwrap_or(2.0 * tau) - f64::from(*mirostat_eta) * (bits - tau))
    }
}
