//! The candidates of one step: the tokens that may still be sampled. They are listed one by one only once a stage
//! leaves few of them.

mod draw;
mod entropy;
mod scale;
mod softmax;

use super::selection::{
    Bounds, SORT_LIMIT, TokenData, best_of, distance, keep_first, nearest, nearest_until_mass,
    rank, sort,
};
use super::sums::{FixedPoint, LANES, Total, sum};
use super::table::Table;
use super::{Mask, sanitize_logit};
use crate::allocation::{reserve, reserve_exact};
use crate::{Result, TokenId, kernels};
use softmax::weight;
use std::iter::Sum;
use std::ops::AddAssign;

/// To add up only the tokens that matter, those whose logits are within so many nats of a centre are listed first; if
/// they are too few, those within the next distance, then all. The centre is the best logit for top-p and the draw, and
/// for typical sampling the logit whose surprisal is the entropy.
const REACHES: [f32; 2] = [4.0, 16.0];

/// The candidates. Between two stages they are in the order of their ids, or by rank after a selection of at most
/// [`SORT_LIMIT`]: always in a defined order, so that sums of floats over them are defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    /// The logits by id after the stages so far, valid while `is_dense`; −∞ where the token is no candidate.
    logits: Vec<f32>,
    /// The softmax of `logits` times a common factor; out of date while `stale`.
    weights: Vec<f32>,
    stale: bool,
    /// Whether the candidates are those in `logits`; otherwise they are listed in `sparse`.
    is_dense: bool,
    sparse: Vec<TokenData>,
    scratch: Vec<TokenData>,
}

impl Candidates {
    /// Starts a step: every token with a usable logit is a candidate. Returns ln Σ e^logit, which is not finite where
    /// there is no such token.
    pub fn begin(&mut self, logits: &[f32]) -> Result<f32> {
        self.logits.clear();
        reserve_exact(&mut self.logits, logits.len())?;
        self.logits
            .extend(logits.iter().map(|&logit| sanitize_logit(logit)));
        self.is_dense = true;
        self.sparse.clear();
        self.softmax()
    }

    /// Removes all tokens that the mask does not allow. To be called before any stage.
    #[cold]
    #[inline(never)]
    pub fn allow(&mut self, allowed: &Mask) {
        for (id, logit) in (0..).zip(&mut self.logits) {
            if !allowed.allows(id) {
                *logit = f32::NEG_INFINITY;
            }
        }
        self.stale = true;
    }

    /// The number of tokens in the vocabulary, candidates or not.
    pub fn vocabulary(&self) -> usize {
        self.logits.len()
    }

    /// The number of candidates.
    pub fn len(&self) -> usize {
        self.sum(|logit, _| usize::from(logit > f32::NEG_INFINITY))
    }

    /// Changes the logits of the candidates that have a number other than 0 in `table`.
    pub fn adjust_logits(&mut self, table: &Table, change: impl Fn(f32, u32) -> f32) {
        let change = |logit, value| change(logit, value).clamp(f32::MIN, f32::MAX) + 0.0;
        if self.is_dense {
            for id in table.ids() {
                let logit = &mut self.logits[id as usize];
                if *logit > f32::NEG_INFINITY {
                    *logit = change(*logit, table.get(id));
                }
            }
            self.stale = true;
        } else {
            for item in &mut self.sparse {
                if table.get(item.id) != 0 {
                    item.logit = change(item.logit, table.get(item.id));
                }
            }
            self.weigh_items();
        }
    }

    /// Removes the candidates that have a number other than 0 in `table`.
    pub fn remove(&mut self, table: &Table) {
        if self.is_dense {
            for id in table.ids() {
                self.logits[id as usize] = f32::NEG_INFINITY;
            }
            self.stale = true;
        } else {
            self.sparse.retain(|item| table.get(item.id) == 0);
            // The best may be gone, and the others' weights, relative to it, may be next to 0.
            self.weigh_items();
        }
    }

    /// Whether a candidate has the number 0 in `table`.
    pub fn any_outside(&self, table: &Table) -> bool {
        let outside = |id| table.get(id) == 0;
        if self.is_dense {
            let mut logits = (0..).zip(&self.logits);
            logits.any(|(id, &logit)| logit > f32::NEG_INFINITY && outside(id))
        } else {
            self.sparse.iter().any(|item| outside(item.id))
        }
    }

    /// Calls `take` with each candidate and its probability; changes nothing.
    pub fn for_each(&mut self, mut take: impl FnMut(TokenId, f32)) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        if self.is_dense {
            let all = (0..).zip(self.logits.iter().zip(&self.weights));
            for (id, (&logit, &weight)) in all {
                if logit > f32::NEG_INFINITY {
                    take(id, total.probability(weight));
                }
            }
        } else {
            for item in &self.sparse {
                take(item.id, total.probability(item.weight));
            }
        }
        Ok(())
    }

    /// The addresses of its buffers.
    #[cfg(test)]
    pub fn addresses(&self) -> [*const u8; 4] {
        let (logits, weights) = (self.logits.as_ptr(), self.weights.as_ptr());
        let (sparse, scratch) = (self.sparse.as_ptr(), self.scratch.as_ptr());
        [logits.cast(), weights.cast(), sparse.cast(), scratch.cast()]
    }

    /// Keeps the candidates that `keep` accepts, all of which lie within `bounds`.
    pub fn keep_if(&mut self, bounds: Bounds, keep: impl Fn(&TokenData) -> bool) -> Result<()> {
        if self.is_dense {
            self.list(bounds)?;
            self.is_dense = false;
        }
        self.sparse.retain(keep);
        Ok(())
    }

    /// Keeps the best `count` candidates, and at least one.
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

    /// The worst of the candidates that `accept` accepts, all of which lie within `bounds`. They are then listed.
    pub fn worst_of(
        &mut self,
        bounds: Bounds,
        accept: impl Fn(&TokenData) -> bool,
    ) -> Result<Option<TokenData>> {
        if self.is_dense {
            self.list(bounds)?;
        }
        Ok(self.sparse.iter().copied().filter(accept).max_by(rank))
    }

    /// Removes the listed candidates that `goes` accepts. The others are weighed again where `reweigh` says so.
    pub fn remove_listed(&mut self, goes: impl Fn(&TokenData) -> bool, reweigh: bool) {
        if self.is_dense {
            for item in self.sparse.drain(..).filter(goes) {
                self.logits[item.id as usize] = f32::NEG_INFINITY;
                self.weights[item.id as usize] = 0.0;
            }
            self.stale = reweigh;
        } else {
            self.sparse.retain(|item| !goes(item));
            if reweigh {
                self.weigh_items();
            }
        }
    }

    /// Fills `sparse` with the candidates of the whole vocabulary that lie within `bounds`.
    fn list(&mut self, bounds: Bounds) -> Result<()> {
        self.softmax_if_stale()?;
        self.sparse.clear();
        let count = self.logits.len();
        for first in (0..count).step_by(LANES) {
            let end = count.min(first + LANES);
            let (logits, weights) = (&self.logits[first..end], &self.weights[first..end]);
            let any = match (logits.as_array(), weights.as_array()) {
                // Most groups contain none, which SIMD comparisons tell at once.
                (Some(logits), Some(weights)) => bounds.hold_any(logits, weights),
                _ => true,
            };
            if any {
                reserve(&mut self.sparse, LANES)?;
                for (id, (&logit, &weight)) in (first as TokenId..).zip(logits.iter().zip(weights))
                {
                    if bounds.hold(logit, weight) {
                        self.sparse.push(TokenData { id, logit, weight });
                    }
                }
            }
        }
        Ok(())
    }

    /// Fills `sparse` with the candidates of the whole vocabulary whose logits are nearest to `centre`, at least as many
    /// as weigh `min_mass` units.
    fn list_nearest(&mut self, unit: FixedPoint, centre: f64, min_mass: u64) -> Result<()> {
        for reach in REACHES {
            let (low, high) = (centre - f64::from(reach), centre + f64::from(reach));
            self.list(Bounds::logits(low, high))?;
            self.sparse.retain(|item| distance(item, centre) <= reach);
            let weights = self.sparse.iter().map(|item| unit.count(item.weight));
            if weights.sum::<u64>() >= min_mass {
                return Ok(());
            }
        }
        self.list(Bounds::NONE)
    }

    /// The candidate with which those nearest to `centre` reach a weight of `min_mass` units (at most the weight of all),
    /// and the units that they weigh with it. `sparse` then contains all of them.
    fn nearest_until_mass(
        &mut self,
        total: &Total,
        centre: f64,
        min_mass: u64,
    ) -> Result<Option<(TokenData, u64)>> {
        let min_mass = min_mass.min(total.mass);
        if self.is_dense {
            self.list_nearest(total.unit, centre, min_mass)?;
        }
        nearest_until_mass(
            &self.sparse,
            &mut self.scratch,
            centre,
            total.unit,
            min_mass,
        )
    }

    fn best(&self) -> Option<TokenData> {
        self.sparse.iter().copied().min_by(rank)
    }

    /// Σ `term(logit, weight)` over the candidates; also over tokens that are no candidates, whose logit is −∞.
    pub fn sum<T>(&self, term: impl Fn(f32, f32) -> T) -> T
    where
        T: Copy + Default + AddAssign + Sum,
    {
        if self.is_dense {
            return sum(&self.logits, &self.weights, term);
        }
        let terms = self.sparse.iter().map(|item| term(item.logit, item.weight));
        terms.sum()
    }

    /// The totals over the candidates; `None` where there are none.
    pub fn total(&mut self) -> Result<Option<Total>> {
        let (best_logit, best_weight) = if self.is_dense {
            self.softmax_if_stale()?;
            (kernels::max(&self.logits), kernels::max(&self.weights))
        } else {
            let best = self.best();
            best.map_or((f32::NEG_INFINITY, 0.0), |best| (best.logit, best.weight))
        };
        if best_logit == f32::NEG_INFINITY {
            return Ok(None);
        }
        let unit = FixedPoint::new(best_weight, self.vocabulary());
        let mass = self.sum(|_, weight| unit.count(weight));
        Ok(Some(Total::new(best_logit, best_weight, unit, mass)))
    }

    /// Keeps the candidates with the logits nearest to `centre`, as few as have at least the probability `p`
    /// together.
    pub fn keep_nearest_mass(&mut self, total: &Total, centre: f64, p: f64) -> Result<()> {
        let min_mass = (p * total.mass as f64).ceil() as u64;
        if let Some((last, _)) = self.nearest_until_mass(total, centre, min_mass)? {
            self.sparse
                .retain(|item| nearest(centre, item, &last).is_le());
        }
        self.is_dense = false;
        Ok(())
    }
}
