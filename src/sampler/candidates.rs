//! The tokens still in play at one step, ranked only as far as someone asks.

use super::{reserve, sane};
use crate::{Result, TokenId, kernels};
use std::cmp::Ordering;

/// A token that may still be drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Candidate {
    pub id: TokenId,
    /// The logit as the stages so far left it; finite.
    pub logit: f32,
    /// Its probability up to a factor common to all candidates.
    pub weight: f32,
}

/// The most probable first, equals by id: a total order, so that partial sorts have one result.
fn rank(a: &Candidate, b: &Candidate) -> Ordering {
    b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id))
}

/// Between two stages the candidates are either all in the order of their ids or all in that of their
/// [`rank`]. A vocabulary has up to 262,144 tokens, so nothing here sorts more of it than a step needs.
#[derive(Debug, Clone, Default)]
pub(super) struct Candidates {
    items: Vec<Candidate>,
    /// How many at the front are the best ones, in order.
    ranked: usize,
    /// Σ weight at the last walk.
    mass: f64,
}

/// How many candidates to rank at first where it is unknown how many are needed.
const FIRST_RANKED: usize = 256;

impl Candidates {
    pub fn items(&self) -> &[Candidate] {
        &self.items
    }

    /// Σ weight, as [`Candidates::pick`] found it.
    pub fn mass(&self) -> f64 {
        self.mass
    }

    pub fn clear(&mut self) {
        self.items.clear();
        self.ranked = 0;
        self.mass = 0.0;
    }

    /// Starts a step: every token with a usable logit, weighing its probability.
    pub fn fill(&mut self, logits: &[f32], probabilities: &[f32]) -> Result<()> {
        self.clear();
        reserve(&mut self.items, logits.len())?;
        let tokens = (0..).zip(logits.iter().zip(probabilities));
        let usable = tokens.map(|(id, (&logit, &weight))| Candidate {
            id,
            // + 0 turns −0 into 0: in the total order of floats they are not equals.
            logit: sane(logit) + 0.0,
            weight,
        });
        self.items
            .extend(usable.filter(|candidate| candidate.logit > f32::NEG_INFINITY));
        Ok(())
    }

    /// Keeps the best `count`.
    pub fn keep_best(&mut self, count: usize) {
        if count < self.items.len() {
            if self.ranked == 0 {
                self.discard_hopeless(count);
            }
            self.rank_first(count);
            self.truncate(count);
        }
    }

    /// Keeps the best `count` and puts them in order.
    pub fn keep_best_in_order(&mut self, count: usize) -> &[Candidate] {
        self.keep_best(count);
        self.rank_first(count);
        &self.items
    }

    /// Keeps the fewest best ones whose share of the mass is at least `share`, and at least one.
    pub fn keep_mass(&mut self, share: f64) {
        let count = self.leading(|sum, mass| sum >= share * mass);
        self.truncate(count);
    }

    /// Keeps those that weigh at least `ratio` of the best one's weight.
    pub fn keep_above(&mut self, ratio: f32) {
        let Some(best) = self.best() else { return };
        let least = best.weight * ratio.min(1.0);
        self.items.retain(|candidate| candidate.weight >= least);
        self.ranked = self.ranked.min(self.items.len());
    }

    /// Divides every logit by `temperature` (above 0) and weighs anew, relative to the best.
    pub fn scale(&mut self, temperature: f32) {
        let Some(best) = self.best() else { return };
        for candidate in &mut self.items {
            // Relative to the best before the division: no temperature makes this overflow upwards.
            candidate.logit = (candidate.logit - best.logit) / temperature;
            candidate.weight = if candidate.logit > f32::NEG_INFINITY {
                kernels::exp(candidate.logit)
            } else {
                0.0
            };
        }
    }

    /// The candidate at `point` in [0, 1) of the mass, walking from the best, and its probability.
    pub fn pick(&mut self, point: f64) -> Option<(TokenId, f32)> {
        let count = self.leading(|sum, mass| sum > point * mass);
        // Rounding could leave the point beyond the sum, and thus on a candidate of no weight.
        let picked = self.items[..count].iter().rev().find(|c| c.weight > 0.0)?;
        Some((picked.id, (f64::from(picked.weight) / self.mass) as f32))
    }

    fn best(&self) -> Option<Candidate> {
        if self.ranked > 0 {
            return self.items.first().copied();
        }
        self.items.iter().copied().min_by(rank)
    }

    /// How many of the best it takes until `enough(sum of their weights, mass)`; all where it never is.
    /// Ranks as many as that needs.
    fn leading(&mut self, enough: impl Fn(f64, f64) -> bool) -> usize {
        // Before any ranking, whose leftovers have no defined order.
        let mass: f64 = self.items.iter().map(|one| f64::from(one.weight)).sum();
        self.mass = mass;
        let mut sum = 0.0;
        let mut count = 0;
        while count < self.items.len() {
            if count == self.ranked {
                self.rank_first((count * 4).max(FIRST_RANKED));
            }
            sum += f64::from(self.items[count].weight);
            count += 1;
            if enough(sum, mass) {
                break;
            }
        }
        count
    }

    /// Puts the best `count` in order at the front.
    fn rank_first(&mut self, count: usize) {
        let count = count.min(self.items.len());
        if count <= self.ranked {
            return;
        }
        let rest = &mut self.items[self.ranked..];
        let wanted = count - self.ranked;
        if wanted < rest.len() {
            rest.select_nth_unstable_by(wanted - 1, rank);
        }
        rest[..wanted].sort_unstable_by(rank);
        self.ranked = count;
    }

    /// One pass that drops most of those outside the best `count`: it gathers twice as many at the front,
    /// and from then on lets in only what beats the worst that could still be among them.
    fn discard_hopeless(&mut self, count: usize) {
        let room = count.saturating_mul(2).max(64);
        if count == 0 || room >= self.items.len() {
            return;
        }
        let mut kept = 0;
        let mut bar: Option<Candidate> = None;
        for index in 0..self.items.len() {
            let candidate = self.items[index];
            if bar.is_some_and(|bar| rank(&candidate, &bar) == Ordering::Greater) {
                continue;
            }
            self.items[kept] = candidate;
            kept += 1;
            if kept == room {
                let (_, worst, _) = self.items[..kept].select_nth_unstable_by(count - 1, rank);
                bar = Some(*worst);
                kept = count;
            }
        }
        self.items.truncate(kept);
    }

    /// Drops all after the first `count`, but never the best.
    fn truncate(&mut self, count: usize) {
        self.items.truncate(count.max(1));
        self.ranked = self.ranked.min(self.items.len());
    }
}
