//! The stages that cut the distribution: top-k, top-p (nucleus), typical, min-p, top-nσ, XTC, and the cut of mirostat.

use super::Candidates;
use crate::Result;
use crate::allocation::reserve_exact;
use crate::sampler::selection::{
    Bounds, SORT_LIMIT, TokenData, best_of, keep_first, nearest, rank, sort,
};
use crate::sampler::sums::{Surprisal, Total};

impl Candidates {
    /// Top-k: keeps the best `count` candidates, and at least one.
    pub fn keep_best(&mut self, count: usize) -> Result<()> {
        let count = count.max(1);
        if self.is_dense && count <= SORT_LIMIT && count < self.logits.len() {
            best_of(&self.logits, count, &mut self.sparse)?;
            self.is_dense = false;
            self.weigh_items();
            return Ok(());
        }
        self.keep_if(Bounds::NONE, |_| true)?;
        if count >= self.sparse.len() {
            return Ok(());
        }
        if count <= SORT_LIMIT {
            keep_first(&mut self.sparse, count);
            sort(&mut self.sparse, &rank);
        } else {
            self.scratch.clear();
            reserve_exact(&mut self.scratch, self.sparse.len())?;
            self.scratch.extend_from_slice(&self.sparse);
            keep_first(&mut self.scratch, count);
            let worst = self.scratch[count - 1];
            self.sparse.retain(|item| rank(item, &worst).is_le());
        }
        Ok(())
    }

    /// Top-p, or nucleus: keeps the best candidates, as few as have at least the probability `p` together, and at
    /// least one.
    pub fn top_p(&mut self, p: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        self.keep_nearest_mass(&total, total.best_logit.into(), p)
    }

    /// Typical sampling: keeps the candidates whose surprisal is nearest to the entropy, as few as have at least the
    /// probability `p` together.
    pub fn typical_p(&mut self, p: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let expected = total.surprisal.logit(self.entropy(&total));
        self.keep_nearest_mass(&total, expected, p)
    }

    /// Min-p: keeps the candidates with at least `ratio` times the weight of the best.
    pub fn min_p(&mut self, ratio: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let min_weight = total.best_weight * ratio.min(1.0);
        self.keep_if(Bounds::weight(min_weight), |item| item.weight >= min_weight)
    }

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

    /// XTC: of the candidates whose probability is at least `threshold`, removes all but the least probable.
    pub fn xtc(&mut self, threshold: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let min_weight = f64::from(threshold) * total.unit.weight(total.mass);
        let top = |item: &TokenData| f64::from(item.weight) >= min_weight;
        if self.is_dense {
            self.list(Bounds::weight((min_weight as f32).next_down()))?;
        }
        let last = self.sparse.iter().copied().filter(top).max_by(rank);
        let Some(last) = last else {
            return Ok(());
        };
        // Weights are relative to the largest. With that one removed, the kept token's own may have underflowed.
        let underflowed = last.weight < f32::MIN_POSITIVE;
        let goes = |item: &TokenData| top(item) && item.id != last.id;
        if self.is_dense {
            for item in self.sparse.drain(..).filter(goes) {
                self.logits[item.id as usize] = f32::NEG_INFINITY;
                self.weights[item.id as usize] = 0.0;
            }
            self.stale = underflowed;
        } else {
            self.sparse.retain(|item| !goes(item));
            if underflowed {
                self.weigh_items();
            }
        }
        Ok(())
    }

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

    /// Keeps the candidates with the logits nearest to `centre`, as few as have at least the probability `p`
    /// together.
    fn keep_nearest_mass(&mut self, total: &Total, centre: f64, p: f64) -> Result<()> {
        let min_mass = (p * total.mass as f64).ceil() as u64;
        if let Some(last) = self.nearest_until_mass(total, centre, min_mass)? {
            self.sparse
                .retain(|item| nearest(centre, item, &last).is_le());
        }
        self.is_dense = false;
        Ok(())
    }
}
