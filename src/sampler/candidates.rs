//! The candidates of one step: the tokens that may still be sampled. They are listed one by one only once a stage
//! leaves few of them.

use super::selection::{
    Bounds, Candidate, FEW, best_of, distance, keep_first, nearest, rank, sort, walk,
};
use super::sums::{LANES, Surprise, Total, Unit, sum};
use super::table::Table;
use super::{Mask, sane};
use crate::allocation::{reserve, reserve_exact};
use crate::{Result, TokenId, kernels};
use std::iter::Sum;
use std::ops::AddAssign;

/// Beyond this surprisal in nats, a token adds nothing to the entropy.
const NEGLIGIBLE: f64 = 80.0;

/// The distances in nats from its centre within which a walk through the whole vocabulary is expected to end; they are
/// tried in turn.
const REACHES: [f32; 2] = [4.0, 16.0];

/// The candidates. Between two stages they are in the order of their ids, or by rank after a selection of at most
/// [`FEW`]: always in a defined order, so that sums of floats over them are defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    /// The logits by id after the stages so far, valid while `whole`; −∞ where the token is no candidate.
    scores: Vec<f32>,
    /// The softmax of `scores` times a common factor; out of date while `stale`.
    weights: Vec<f32>,
    stale: bool,
    /// Whether the candidates are those in `scores`; otherwise they are listed in `items`.
    whole: bool,
    items: Vec<Candidate>,
    room: Vec<Candidate>,
}

impl Candidates {
    /// Starts a step: every token with a usable logit is a candidate. Returns ln Σ e^logit, which is not finite where
    /// there is no such token.
    pub fn begin(&mut self, logits: &[f32]) -> Result<f32> {
        self.scores.clear();
        reserve_exact(&mut self.scores, logits.len())?;
        self.scores.extend(logits.iter().map(|&logit| sane(logit)));
        self.whole = true;
        self.items.clear();
        self.weigh_all()
    }

    /// Removes all tokens that the mask does not allow. To be called before any stage.
    #[cold]
    #[inline(never)]
    pub fn allow(&mut self, allowed: &Mask) {
        for (id, score) in (0..).zip(&mut self.scores) {
            if !allowed.allows(id) {
                *score = f32::NEG_INFINITY;
            }
        }
        self.stale = true;
    }

    /// The number of tokens in the vocabulary, candidates or not.
    pub fn vocabulary(&self) -> usize {
        self.scores.len()
    }

    /// The number of candidates.
    pub fn len(&self) -> usize {
        self.sum(|logit, _| usize::from(logit > f32::NEG_INFINITY))
    }

    /// Changes the logits of the candidates that have a number other than 0 in `table`.
    pub fn edit(&mut self, table: &Table, change: impl Fn(f32, u32) -> f32) {
        let change = |logit, value| change(logit, value).clamp(f32::MIN, f32::MAX) + 0.0;
        if self.whole {
            for id in table.ids() {
                let score = &mut self.scores[id as usize];
                if *score > f32::NEG_INFINITY {
                    *score = change(*score, table.get(id));
                }
            }
            self.stale = true;
        } else {
            for item in &mut self.items {
                if table.get(item.id) != 0 {
                    item.logit = change(item.logit, table.get(item.id));
                }
            }
            self.weigh_items();
        }
    }

    /// Removes the candidates that have a number other than 0 in `table`.
    pub fn remove(&mut self, table: &Table) {
        if self.whole {
            for id in table.ids() {
                self.scores[id as usize] = f32::NEG_INFINITY;
            }
            self.stale = true;
        } else {
            self.items.retain(|item| table.get(item.id) == 0);
            // The best may be gone, and the others' weights, relative to it, may be next to 0.
            self.weigh_items();
        }
    }

    /// Whether a candidate has the number 0 in `table`.
    pub fn any_outside(&self, table: &Table) -> bool {
        let outside = |id| table.get(id) == 0;
        if self.whole {
            let mut scores = (0..).zip(&self.scores);
            scores.any(|(id, &score)| score > f32::NEG_INFINITY && outside(id))
        } else {
            self.items.iter().any(|item| outside(item.id))
        }
    }

    /// Keeps the best `count` candidates, and at least one.
    pub fn keep_best(&mut self, count: usize) -> Result<()> {
        let count = count.max(1);
        if self.whole && count <= FEW && count < self.scores.len() {
            best_of(&self.scores, count, &mut self.items)?;
            self.whole = false;
            self.weigh_items();
            return Ok(());
        }
        self.keep_if(Bounds::NONE, |_| true)?;
        if count >= self.items.len() {
            return Ok(());
        }
        if count <= FEW {
            keep_first(&mut self.items, count);
            sort(&mut self.items, &rank);
        } else {
            self.room.clear();
            reserve_exact(&mut self.room, self.items.len())?;
            self.room.extend_from_slice(&self.items);
            keep_first(&mut self.room, count);
            let worst = self.room[count - 1];
            self.items.retain(|item| rank(item, &worst).is_le());
        }
        Ok(())
    }

    /// Keeps the best candidates, as few as have at least the probability `share` together, and at least one.
    pub fn keep_mass(&mut self, share: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        self.keep_leading(&total, total.best_logit.into(), share)
    }

    /// Keeps the candidates whose surprisal is nearest to the entropy, as few as have at least the probability `share`
    /// together.
    pub fn keep_typical(&mut self, share: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let expected = total.surprise.logit(self.entropy(&total));
        self.keep_leading(&total, expected, share)
    }

    /// Keeps the candidates with at least `ratio` times the weight of the best.
    pub fn keep_above(&mut self, ratio: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let least = total.best_weight * ratio.min(1.0);
        self.keep_if(Bounds::weight(least), |item| item.weight >= least)
    }

    /// Keeps the candidates whose logit is at most `n` standard deviations of all logits below the largest.
    pub fn keep_within_deviations(&mut self, n: f32) -> Result<()> {
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
        let least = f64::from(total.best_logit) - f64::from(n) * variance.sqrt();
        let bounds = Bounds::logits(least, f64::MAX);
        self.keep_if(bounds, |item| f64::from(item.logit) >= least)
    }

    /// Of the candidates whose probability is at least `threshold`, removes all but the least probable.
    pub fn exclude_top(&mut self, threshold: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let least = f64::from(threshold) * total.unit.weight(total.mass);
        let top = |item: &Candidate| f64::from(item.weight) >= least;
        if self.whole {
            self.list(Bounds::weight((least as f32).next_down()))?;
        }
        let last = self.items.iter().copied().filter(top).max_by(rank);
        let Some(last) = last else {
            return Ok(());
        };
        // Its weight, relative to those removed, may be next to 0.
        let anew = last.weight < f32::MIN_POSITIVE;
        let goes = |item: &Candidate| top(item) && item.id != last.id;
        if self.whole {
            for item in self.items.drain(..).filter(goes) {
                self.scores[item.id as usize] = f32::NEG_INFINITY;
                self.weights[item.id as usize] = 0.0;
            }
            self.stale = anew;
        } else {
            self.items.retain(|item| !goes(item));
            if anew {
                self.weigh_items();
            }
        }
        Ok(())
    }

    /// Keeps the candidates whose surprisal is at most `most` nats, and the best in any case. Returns the surprisals
    /// before the cut.
    pub fn keep_unsurprising(&mut self, most: f64) -> Result<Option<Surprise>> {
        let Some(total) = self.total()? else {
            return Ok(None);
        };
        let surprise = total.surprise;
        if surprise.least > most {
            self.keep_best(1)?;
        } else {
            let bounds = Bounds::logits(surprise.logit(most), f64::MAX);
            self.keep_if(bounds, |item| surprise.of(item.logit) <= most)?;
        }
        Ok(Some(surprise))
    }

    /// The entropy in nats, and the largest entropy that as many candidates can have.
    pub fn entropy_and_most(&mut self) -> Result<(f64, f64)> {
        let most = libm::log(self.len().max(1) as f64);
        let total = self.total()?;
        Ok((total.map_or(0.0, |total| self.entropy(&total)), most))
    }

    /// Divides every logit by `temperature` (above 0) and computes the weights again, relative to the best.
    pub fn scale(&mut self, temperature: f32) -> Result<()> {
        if self.whole {
            let shift = shift(kernels::max(&self.scores), temperature);
            for score in &mut self.scores {
                let scaled = (*score - shift) / temperature;
                *score = if *score > f32::NEG_INFINITY {
                    scaled.max(f32::MIN)
                } else {
                    *score
                };
            }
            self.stale = true;
            return Ok(());
        }
        let Some(best) = self.best() else {
            return Ok(());
        };
        let shift = shift(best.logit, temperature);
        for item in &mut self.items {
            item.weight = weight((item.logit - best.logit) / temperature);
            item.logit = ((item.logit - shift) / temperature).max(f32::MIN);
        }
        Ok(())
    }

    /// The candidate at `point` in \[0, 1) of the cumulative distribution, which begins with the best, and its
    /// probability.
    pub fn pick(&mut self, point: f64) -> Result<Option<(Candidate, f32)>> {
        let Some(total) = self.total()? else {
            return Ok(None);
        };
        let beyond = (point * total.mass as f64) as u64 + 1;
        let picked = self.leading(&total, total.best_logit.into(), beyond)?;
        if self.whole {
            self.items.clear();
        }
        Ok(picked.map(|picked| (picked, total.probability(picked.weight))))
    }

    /// Calls `take` with each candidate and its probability; changes nothing.
    pub fn each(&mut self, mut take: impl FnMut(TokenId, f32)) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        if self.whole {
            let all = (0..).zip(self.scores.iter().zip(&self.weights));
            for (id, (&score, &weight)) in all {
                if score > f32::NEG_INFINITY {
                    take(id, total.probability(weight));
                }
            }
        } else {
            for item in &self.items {
                take(item.id, total.probability(item.weight));
            }
        }
        Ok(())
    }

    /// The addresses of its buffers.
    #[cfg(test)]
    pub fn addresses(&self) -> [*const u8; 4] {
        let (scores, weights) = (self.scores.as_ptr(), self.weights.as_ptr());
        let (items, room) = (self.items.as_ptr(), self.room.as_ptr());
        [scores.cast(), weights.cast(), items.cast(), room.cast()]
    }

    /// Keeps the candidates that `keep` accepts, all of which lie within `bounds`.
    fn keep_if(&mut self, bounds: Bounds, keep: impl Fn(&Candidate) -> bool) -> Result<()> {
        if self.whole {
            self.list(bounds)?;
            self.whole = false;
        }
        self.items.retain(keep);
        Ok(())
    }

    /// Fills `items` with the candidates of the whole vocabulary that lie within `bounds`.
    fn list(&mut self, bounds: Bounds) -> Result<()> {
        self.refresh()?;
        self.items.clear();
        let count = self.scores.len();
        for first in (0..count).step_by(LANES) {
            let end = count.min(first + LANES);
            let (scores, weights) = (&self.scores[first..end], &self.weights[first..end]);
            let any = match (scores.as_array(), weights.as_array()) {
                // Most groups contain none, which SIMD comparisons tell at once.
                (Some(scores), Some(weights)) => bounds.hold_any(scores, weights),
                _ => true,
            };
            if any {
                reserve(&mut self.items, LANES)?;
                for (id, (&logit, &weight)) in (first as TokenId..).zip(scores.iter().zip(weights))
                {
                    if bounds.hold(logit, weight) {
                        self.items.push(Candidate { id, logit, weight });
                    }
                }
            }
        }
        Ok(())
    }

    /// Fills `items` with the candidates of the whole vocabulary whose logits are nearest to `centre`, at least as many
    /// as weigh `least` units.
    fn list_nearest(&mut self, unit: Unit, centre: f64, least: u64) -> Result<()> {
        for reach in REACHES {
            let (low, high) = (centre - f64::from(reach), centre + f64::from(reach));
            self.list(Bounds::logits(low, high))?;
            self.items.retain(|item| distance(item, centre) <= reach);
            let weights = self.items.iter().map(|item| unit.count(item.weight));
            if weights.sum::<u64>() >= least {
                return Ok(());
            }
        }
        self.list(Bounds::NONE)
    }

    /// Brings `weights` up to date with `scores`.
    fn refresh(&mut self) -> Result<()> {
        if self.stale {
            self.weigh_all()?;
        }
        Ok(())
    }

    /// Computes `weights` from `scores`; returns ln Σ e^score.
    fn weigh_all(&mut self) -> Result<f32> {
        self.weights.clear();
        reserve_exact(&mut self.weights, self.scores.len())?;
        self.weights.extend_from_slice(&self.scores);
        self.stale = false;
        Ok(kernels::softmax(&mut self.weights))
    }

    /// Computes the weights of `items` from their logits, relative to the best.
    fn weigh_items(&mut self) {
        if let Some(best) = self.best() {
            for item in &mut self.items {
                item.weight = weight(item.logit - best.logit);
            }
        }
    }

    /// Keeps the candidates with the logits nearest to `centre`, as few as have at least the probability `share`
    /// together.
    fn keep_leading(&mut self, total: &Total, centre: f64, share: f64) -> Result<()> {
        let least = (share * total.mass as f64).ceil() as u64;
        if let Some(last) = self.leading(total, centre, least)? {
            self.items
                .retain(|item| nearest(centre, item, &last).is_le());
        }
        self.whole = false;
        Ok(())
    }

    /// The candidate with which those nearest to `centre` reach a weight of `least` units (at most the weight of all).
    /// `items` then contains all of them.
    fn leading(&mut self, total: &Total, centre: f64, least: u64) -> Result<Option<Candidate>> {
        let least = least.min(total.mass);
        if self.whole {
            self.list_nearest(total.unit, centre, least)?;
        }
        walk(&self.items, &mut self.room, centre, total.unit, least)
    }

    fn best(&self) -> Option<Candidate> {
        self.items.iter().copied().min_by(rank)
    }

    /// Σ `term(logit, weight)` over the candidates; also over tokens that are no candidates, whose logit is −∞.
    fn sum<T>(&self, term: impl Fn(f32, f32) -> T) -> T
    where
        T: Copy + Default + AddAssign + Sum,
    {
        if self.whole {
            return sum(&self.scores, &self.weights, term);
        }
        let terms = self.items.iter().map(|item| term(item.logit, item.weight));
        terms.sum()
    }

    /// The totals over the candidates; `None` where there are none.
    fn total(&mut self) -> Result<Option<Total>> {
        let (best_logit, best_weight) = if self.whole {
            self.refresh()?;
            (kernels::max(&self.scores), kernels::max(&self.weights))
        } else {
            let best = self.best();
            best.map_or((f32::NEG_INFINITY, 0.0), |best| (best.logit, best.weight))
        };
        if best_logit == f32::NEG_INFINITY {
            return Ok(None);
        }
        let unit = Unit::new(best_weight, self.vocabulary());
        let mass = self.sum(|_, weight| unit.count(weight));
        Ok(Some(Total::new(best_logit, best_weight, unit, mass)))
    }

    /// The entropy, Σ p × −ln p, in nats.
    fn entropy(&self, total: &Total) -> f64 {
        let terms = self.sum(|logit, weight| {
            let nats = total.surprise.of(logit);
            if nats < NEGLIGIBLE {
                f64::from(weight) * nats
            } else {
                0.0
            }
        });
        terms / total.unit.weight(total.mass)
    }
}

/// What to subtract from logits before a division by `temperature`: the best logit where the temperature is so low that
/// quotients would overflow. Logits relative to the best are at most 0, so they cannot overflow upwards.
fn shift(best: f32, temperature: f32) -> f32 {
    if (best / temperature).is_finite() {
        0.0
    } else {
        best
    }
}

/// e^`depth`, where `depth` is a logit relative to the best one.
fn weight(depth: f32) -> f32 {
    if depth > f32::NEG_INFINITY {
        kernels::exp(depth)
    } else {
        0.0
    }
}
