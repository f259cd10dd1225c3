//! The tokens still in play at one step, listed only once a stage leaves few of them or asks for each.

use super::selection::{
    Bounds, Candidate, FEW, best_of, distance, keep_first, nearest, rank, sort, walk,
};
use super::sums::{LANES, Surprise, Total, Unit, sum};
use super::table::Table;
use super::{Mask, reserve, sane};
use crate::{Error, Result, TokenId, kernels};
use std::iter::Sum;
use std::ops::AddAssign;

/// Beyond this surprisal (nats) a token adds nothing to an entropy.
const NEGLIGIBLE: f64 = 80.0;

/// How far from its beginning a walk through the whole vocabulary is expected to end: nats.
const REACHES: [f32; 2] = [4.0, 16.0];

/// Between two stages the candidates are in the order of their ids, or of their rank where [`FEW`] were
/// selected: either way in a defined one, so that sums of floats over them are defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    /// The logits by id, as the stages left them while no token was cut; −∞ where it may not be chosen.
    scores: Vec<f32>,
    /// The softmax of `scores` up to a factor, unless it is `stale`.
    weights: Vec<f32>,
    stale: bool,
    /// Nothing was cut: `scores` says it all, and `items` is not filled.
    whole: bool,
    items: Vec<Candidate>,
    room: Vec<Candidate>,
}

impl Candidates {
    /// Starts a step: every token with a usable logit. Returns ln Σ e^logit, which is not finite where there
    /// is none.
    pub fn begin(&mut self, logits: &[f32]) -> Result<f32> {
        self.scores.clear();
        reserve(&mut self.scores, logits.len())?;
        self.scores.extend(logits.iter().map(|&logit| sane(logit)));
        self.whole = true;
        self.items.clear();
        self.weigh_all()
    }

    /// Takes all tokens but the `allowed` out of play; before any is cut.
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

    /// How many tokens there are, in play or not.
    pub fn vocabulary(&self) -> usize {
        self.scores.len()
    }

    /// How many tokens are in play.
    pub fn len(&self) -> usize {
        self.sum(|logit, _| usize::from(logit > f32::NEG_INFINITY))
    }

    /// Changes the logits of the tokens that have a number in `table`.
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

    /// Takes the tokens that have a number in `table` out of play.
    pub fn remove(&mut self, table: &Table) {
        if self.whole {
            for id in table.ids() {
                self.scores[id as usize] = f32::NEG_INFINITY;
            }
            self.stale = true;
        } else {
            self.items.retain(|item| table.get(item.id) == 0);
            // The best may be gone, beside which the others weighed next to nothing.
            self.weigh_items();
        }
    }

    /// Whether a token in play has no number in `table`.
    pub fn any_outside(&self, table: &Table) -> bool {
        let outside = |id| table.get(id) == 0;
        if self.whole {
            let mut scores = (0..).zip(&self.scores);
            scores.any(|(id, &score)| score > f32::NEG_INFINITY && outside(id))
        } else {
            self.items.iter().any(|item| outside(item.id))
        }
    }

    /// Keeps the best `count`, and at least one.
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
            reserve(&mut self.room, self.items.len())?;
            self.room.extend_from_slice(&self.items);
            keep_first(&mut self.room, count);
            let worst = self.room[count - 1];
            self.items.retain(|item| rank(item, &worst).is_le());
        }
        Ok(())
    }

    /// Keeps the fewest best ones whose share of the mass is at least `share`, and at least one.
    pub fn keep_mass(&mut self, share: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        self.keep_leading(&total, total.best_logit.into(), share)
    }

    /// Keeps the fewest ones whose share of the mass is at least `share` and whose surprisal is nearest to
    /// the entropy.
    pub fn keep_typical(&mut self, share: f64) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let expected = total.surprise.logit(self.entropy(&total));
        self.keep_leading(&total, expected, share)
    }

    /// Keeps those that weigh at least `ratio` of the best one's weight.
    pub fn keep_above(&mut self, ratio: f32) -> Result<()> {
        let Some(total) = self.total()? else {
            return Ok(());
        };
        let least = total.best_weight * ratio.min(1.0);
        self.keep_if(Bounds::weight(least), |item| item.weight >= least)
    }

    /// Keeps those whose logit is at most `n` standard deviations of all logits under the largest.
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

    /// Of those whose probability is at least `threshold`, removes all but the least probable.
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
        // It may weigh nothing beside what goes.
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

    /// Keeps those whose surprisal is at most `most` nats, and the best in any case.
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

    /// The entropy in nats, and the entropy that as many candidates have at most.
    pub fn entropy_and_most(&mut self) -> Result<(f64, f64)> {
        let most = libm::log(self.len().max(1) as f64);
        let total = self.total()?;
        Ok((total.map_or(0.0, |total| self.entropy(&total)), most))
    }

    /// Divides every logit by `temperature` (above 0) and weighs anew, relative to the best.
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

    /// The candidate at `point` in [0, 1) of the mass, walking from the best, and its probability.
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

    /// Hands each token in play and its probability to `take`; changes nothing.
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

    /// Where its buffers lie.
    #[cfg(test)]
    pub fn addresses(&self) -> [*const u8; 4] {
        let (scores, weights) = (self.scores.as_ptr(), self.weights.as_ptr());
        let (items, room) = (self.items.as_ptr(), self.room.as_ptr());
        [scores.cast(), weights.cast(), items.cast(), room.cast()]
    }

    /// Cuts down to those that `keep` accepts; they lie within `bounds`.
    fn keep_if(&mut self, bounds: Bounds, keep: impl Fn(&Candidate) -> bool) -> Result<()> {
        if self.whole {
            self.list(bounds)?;
            self.whole = false;
        }
        self.items.retain(keep);
        Ok(())
    }

    /// Makes `items` hold those of the whole vocabulary within `bounds`.
    fn list(&mut self, bounds: Bounds) -> Result<()> {
        self.refresh()?;
        self.items.clear();
        let count = self.scores.len();
        for first in (0..count).step_by(LANES) {
            let end = count.min(first + LANES);
            let (scores, weights) = (&self.scores[first..end], &self.weights[first..end]);
            let any = match (scores.as_array(), weights.as_array()) {
                // Most have none, which the processor tells at once.
                (Some(scores), Some(weights)) => bounds.hold_any(scores, weights),
                _ => true,
            };
            if any {
                let room = self.items.try_reserve(LANES);
                room.map_err(|_| Error::OutOfMemory(LANES * size_of::<Candidate>()))?;
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

    /// Makes `items` hold the tokens of the whole vocabulary whose logits are nearest to `centre`, at least as many
    /// as weigh `least`.
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

    /// Makes `weights` those of `scores`.
    fn refresh(&mut self) -> Result<()> {
        if self.stale {
            self.weigh_all()?;
        }
        Ok(())
    }

    /// `weights` from `scores`; returns ln Σ e^score.
    fn weigh_all(&mut self) -> Result<f32> {
        self.weights.clear();
        reserve(&mut self.weights, self.scores.len())?;
        self.weights.extend_from_slice(&self.scores);
        self.stale = false;
        Ok(kernels::softmax(&mut self.weights))
    }

    /// The weights of `items` from their logits, relative to the best.
    fn weigh_items(&mut self) {
        if let Some(best) = self.best() {
            for item in &mut self.items {
                item.weight = weight(item.logit - best.logit);
            }
        }
    }

    /// Keeps those with the logits nearest to `centre` until they are at least `share` of the mass.
    fn keep_leading(&mut self, total: &Total, centre: f64, share: f64) -> Result<()> {
        let least = (share * total.mass as f64).ceil() as u64;
        if let Some(last) = self.leading(total, centre, least)? {
            self.items
                .retain(|item| nearest(centre, item, &last).is_le());
        }
        self.whole = false;
        Ok(())
    }

    /// The one with which those nearer to `centre` weigh at least `least` (in units, at most all there are);
    /// `items` holds them all.
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

    /// Σ of a term of the logit and the weight of each candidate; of tokens out of play the logit is −∞.
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

    /// Weighs the candidates; `None` where there are none.
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

    /// Σ p × −ln p.
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

/// What to subtract from logits before a division by `temperature`: the best one, where the temperature is
/// so low that quotients would overflow. Relative to the best they do not, upwards.
fn shift(best: f32, temperature: f32) -> f32 {
    if (best / temperature).is_finite() {
        0.0
    } else {
        best
    }
}

/// e^`depth`, for a logit relative to the best one's.
fn weight(depth: f32) -> f32 {
    if depth > f32::NEG_INFINITY {
        kernels::exp(depth)
    } else {
        0.0
    }
}
