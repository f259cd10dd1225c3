//! The tokens still in play at one step, listed only once a stage leaves few of them or asks for each.

use super::selection::{Candidate, FEW, best_of, keep_first, rank, sort, walk};
use super::table::Table;
use super::{Mask, reserve, sane};
use crate::{Result, TokenId, kernels};

/// Leaves room for rounding where a bound must hold.
const ALMOST_ONE: f64 = 1.0 - 1e-6;

/// Beyond this surprisal (nats) a token adds nothing to an entropy.
const NEGLIGIBLE: f64 = 80.0;

/// Between two stages the candidates are in the order of their ids, or of their rank where [`FEW`] were
/// selected: either way in a defined one, so that sums over them are defined.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    /// The logits by id, as the stages left them while no token was cut; −∞ where it may not be chosen.
    scores: Vec<f32>,
    /// The softmax of `scores`, unless it is `stale`.
    weights: Vec<f32>,
    stale: bool,
    /// Nothing was cut: `scores` says it all, and `items` is not filled.
    whole: bool,
    items: Vec<Candidate>,
    room: Vec<Candidate>,
}

/// What it takes to tell a candidate's surprisal under the distribution of a moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surprise {
    best_logit: f64,
    /// The surprisal of the best.
    least: f64,
}

impl Surprise {
    /// −ln of the candidate's probability.
    pub fn of(&self, candidate: &Candidate) -> f64 {
        self.least + (self.best_logit - f64::from(candidate.logit))
    }
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
        if self.whole {
            let usable = |score: &&f32| **score > f32::NEG_INFINITY;
            self.scores.iter().filter(usable).count()
        } else {
            self.items.len()
        }
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
        self.list()?;
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
        let mass = self.list_leading(share)?;
        self.whole = false;
        let Some(best) = self.best() else {
            return Ok(());
        };
        self.keep_leading(|item| best.logit - item.logit, share * mass)
    }

    /// Keeps the fewest ones whose share of the mass is at least `share` and whose surprisal is nearest to
    /// the entropy.
    pub fn keep_typical(&mut self, share: f64) -> Result<()> {
        self.list()?;
        let Some(surprise) = self.surprise() else {
            return Ok(());
        };
        let entropy = self.entropy(&surprise);
        let distance = |item: &Candidate| (surprise.of(item) - entropy).abs() as f32;
        self.keep_leading(distance, share * self.mass())
    }

    /// Keeps those that weigh at least `ratio` of the best one's weight.
    pub fn keep_above(&mut self, ratio: f32) -> Result<()> {
        let ratio = ratio.min(1.0);
        if self.whole {
            self.refresh()?;
            let largest = self.weights.iter().copied().fold(0.0, f32::max);
            return self.list_if(|_, weight| weight >= largest * ratio);
        }
        if let Some(best) = self.best() {
            self.items.retain(|item| item.weight >= best.weight * ratio);
        }
        Ok(())
    }

    /// Keeps those whose logit is at most `n` standard deviations of all logits under the largest.
    pub fn keep_within_deviations(&mut self, n: f32) -> Result<()> {
        let n = f64::from(n);
        if self.whole {
            self.refresh()?;
            let usable = self
                .scores
                .iter()
                .copied()
                .filter(|&score| score > f32::NEG_INFINITY);
            let least = largest_less_deviations(usable, n);
            return self.list_if(|score, _| f64::from(score) >= least);
        }
        let least = largest_less_deviations(self.items.iter().map(|item| item.logit), n);
        self.items.retain(|item| f64::from(item.logit) >= least);
        Ok(())
    }

    /// Of those whose probability is at least `threshold`, removes all but the least probable.
    pub fn exclude_top(&mut self, threshold: f32) -> Result<()> {
        self.list()?;
        let least = f64::from(threshold) * self.mass();
        let top = |item: &Candidate| f64::from(item.weight) >= least;
        let last = self.items.iter().copied().filter(top).max_by(rank);
        if let Some(last) = last {
            self.items.retain(|item| !top(item) || item.id == last.id);
        }
        Ok(())
    }

    /// Keeps those whose surprisal is at most `most` nats, and the best in any case.
    pub fn keep_unsurprising(&mut self, most: f64) -> Result<Option<Surprise>> {
        self.list()?;
        let (surprise, best) = (self.surprise(), self.best());
        if let (Some(surprise), Some(best)) = (surprise, best) {
            let keep = |item: &Candidate| surprise.of(item) <= most || item.id == best.id;
            self.items.retain(keep);
        }
        Ok(surprise)
    }

    /// The entropy in nats, and the entropy that as many candidates have at most.
    pub fn entropy_and_most(&mut self) -> Result<(f64, f64)> {
        self.list()?;
        let most = libm::log(self.items.len().max(1) as f64);
        let surprise = self.surprise();
        Ok((surprise.map_or(0.0, |s| self.entropy(&s)), most))
    }

    /// Divides every logit by `temperature` (above 0) and weighs anew, relative to the best.
    pub fn scale(&mut self, temperature: f32) -> Result<()> {
        if self.whole {
            let best = self
                .scores
                .iter()
                .copied()
                .fold(f32::NEG_INFINITY, f32::max);
            let shift = shift(best, temperature);
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
        let mass = self.list_leading(point)?;
        let Some(best) = self.best() else {
            return Ok(None);
        };
        let depth = |item: &Candidate| best.logit - item.logit;
        let picked = walk(&self.items, &mut self.room, depth, |sum| sum > point * mass)?;
        // Rounding could leave the point beyond the sum.
        let picked = picked.unwrap_or(best);
        if self.whole {
            self.items.clear();
        }
        Ok(Some((picked, (f64::from(picked.weight) / mass) as f32)))
    }

    /// Hands each token in play and its probability to `take`; changes nothing.
    pub fn each(&mut self, mut take: impl FnMut(TokenId, f32)) -> Result<()> {
        if self.whole {
            self.refresh()?;
        }
        let mass = self.mass();
        if self.whole {
            let all = (0..).zip(self.scores.iter().zip(&self.weights));
            for (id, (&score, &weight)) in all {
                if score > f32::NEG_INFINITY {
                    take(id, (f64::from(weight) / mass) as f32);
                }
            }
        } else {
            for item in &self.items {
                take(item.id, (f64::from(item.weight) / mass) as f32);
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

    /// Makes `items` hold the tokens in play.
    fn list(&mut self) -> Result<()> {
        if !self.whole {
            return Ok(());
        }
        self.refresh()?;
        self.list_if(|_, _| true)
    }

    /// Cuts the whole down to the tokens whose score and weight, which is up to date, `keep` accepts.
    fn list_if(&mut self, keep: impl Fn(f32, f32) -> bool) -> Result<()> {
        self.whole = false;
        self.items.clear();
        reserve(&mut self.items, self.scores.len())?;
        let all = (0..).zip(self.scores.iter().zip(&self.weights));
        for (id, (&logit, &weight)) in all {
            if logit > f32::NEG_INFINITY && keep(logit, weight) {
                self.items.push(Candidate { id, logit, weight });
            }
        }
        Ok(())
    }

    /// Makes `items` hold at least the best tokens that it takes to exceed a `share` under 1 of the mass, and
    /// gives the mass of all. The whole stays the whole.
    ///
    /// Tokens of less than (1 − share) / vocabulary together have less than 1 − share.
    fn list_leading(&mut self, share: f64) -> Result<f64> {
        if !self.whole {
            return Ok(self.mass());
        }
        self.refresh()?;
        let mass = self.mass();
        let least = (1.0 - share) * mass / self.scores.len() as f64 * ALMOST_ONE;
        self.list_if(|_, weight| f64::from(weight) >= least)?;
        self.whole = true;
        Ok(mass)
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

    /// Keeps the first in the order of `key` until they weigh `least`.
    fn keep_leading(&mut self, key: impl Fn(&Candidate) -> f32, least: f64) -> Result<()> {
        let last = walk(&self.items, &mut self.room, &key, |sum| sum >= least)?;
        if let Some(last) = last {
            let order = |item: &Candidate| key(item).total_cmp(&key(&last));
            self.items
                .retain(|item| order(item).then_with(|| rank(item, &last)).is_le());
        }
        Ok(())
    }

    fn best(&self) -> Option<Candidate> {
        self.items.iter().copied().min_by(rank)
    }

    /// The sum of all weights, which are up to date.
    fn mass(&self) -> f64 {
        if self.whole {
            let all = self.scores.iter().zip(&self.weights);
            let usable = all.filter(|(score, _)| **score > f32::NEG_INFINITY);
            usable.map(|(_, &weight)| f64::from(weight)).sum()
        } else {
            self.items.iter().map(|item| f64::from(item.weight)).sum()
        }
    }

    fn surprise(&self) -> Option<Surprise> {
        let best = self.best()?;
        Some(Surprise {
            best_logit: f64::from(best.logit),
            least: libm::log(self.mass() / f64::from(best.weight)),
        })
    }

    /// Σ p × −ln p.
    fn entropy(&self, surprise: &Surprise) -> f64 {
        let terms = self.items.iter().map(|item| {
            let nats = surprise.of(item);
            if nats < NEGLIGIBLE {
                f64::from(item.weight) * nats
            } else {
                0.0
            }
        });
        terms.sum::<f64>() / self.mass()
    }
}

/// The largest of the logits less `n` standard deviations of them all.
fn largest_less_deviations(logits: impl Iterator<Item = f32> + Clone, n: f64) -> f64 {
    let numbers = || logits.clone().map(f64::from);
    let (count, sum, largest) = numbers().fold((0.0, 0.0, f64::MIN), |(count, sum, most), l| {
        (count + 1.0, sum + l, l.max(most))
    });
    let mean = sum / count;
    let variance = numbers().map(|l| (l - mean) * (l - mean)).sum::<f64>() / count;
    largest - n * variance.sqrt()
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
