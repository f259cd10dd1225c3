//! Which candidates come first: in linear time, since a vocabulary has up to 262,144 tokens.
//!
//! Weights are added up in whole units: a partial sort may leave candidates in an order that differs between
//! platforms.

use super::sums::Unit;
use super::{reserve, sane};
use crate::{Result, TokenId};
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

/// The most probable first, equals by id: a total order.
pub(super) fn rank(a: &Candidate, b: &Candidate) -> Ordering {
    b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id))
}

/// Up to how many candidates are sorted without a thought.
pub(super) const FEW: usize = 1024;

/// The best `count` of `logits`, best first and without weights, into `found`: one pass that gathers twice
/// as many, and from then on lets in only what beats the worst that could still be among them.
pub(super) fn best_of(logits: &[f32], count: usize, found: &mut Vec<Candidate>) -> Result<()> {
    found.clear();
    let room = count.saturating_mul(2).max(8).min(logits.len());
    reserve(found, room)?;
    if count == 0 {
        return Ok(());
    }
    // NaN and −∞ are not greater; nor is a later equal of the bar, which ranks behind it.
    let mut bar = f32::NEG_INFINITY;
    for (id, &logit) in (0..).zip(logits) {
        if logit > bar {
            if found.len() == room {
                keep_first(found, count);
                bar = found[count - 1].logit;
                if logit <= bar {
                    continue;
                }
            }
            let (logit, weight) = (sane(logit), 0.0);
            found.push(Candidate { id, logit, weight });
        }
    }
    keep_first(found, count);
    sort(found, &rank);
    Ok(())
}

/// Sorts a few, by one instance of the sort for all orders: each weighs kilobytes of WebAssembly.
pub(super) fn sort(items: &mut [Candidate], order: &dyn Fn(&Candidate, &Candidate) -> Ordering) {
    items.sort_unstable_by(order);
}

/// Keeps the best `count`, the worst of them last and the others in any order.
pub(super) fn keep_first(items: &mut Vec<Candidate>, count: usize) {
    if count < items.len() {
        items.select_nth_unstable_by(count - 1, rank);
        items.truncate(count);
    }
}

/// Buckets of a [`walk`], and how far the last of them begins at most: probabilities beyond are e⁻³² and
/// less.
const BUCKETS: usize = 1024;
const DEEPEST: f32 = 32.0;

/// Walks through `items` in the order of `key`, a function of the logit (equals by [`rank`]), until they weigh
/// `least` units, and gives the last one taken: `None` where there are none.
///
/// More than a [`FEW`] are not sorted: their weights are added up in buckets, and only the bucket in which
/// the walk ends is looked into. Since sums of units are exact, that is the same. `room` is scratch.
pub(super) fn walk(
    items: &[Candidate],
    room: &mut Vec<Candidate>,
    key: impl Fn(f32) -> f32,
    unit: Unit,
    least: u64,
) -> Result<Option<Candidate>> {
    room.clear();
    reserve(room, items.len())?;
    let mut sum = 0;
    if items.len() <= FEW {
        room.extend_from_slice(items);
    } else {
        let keys = items.iter().map(|item| key(item.logit));
        let (near, far) = keys.fold((f32::MAX, f32::MIN), |(a, b), k| (a.min(k), b.max(k)));
        let scale = BUCKETS as f32 / (far - near).clamp(f32::MIN_POSITIVE, DEEPEST);
        // Where all keys are equal this is 0 × ∞, and NaN becomes 0.
        let bucket =
            |item: &Candidate| (((key(item.logit) - near) * scale) as usize).min(BUCKETS - 1);
        let mut masses = [0; BUCKETS];
        for item in items {
            masses[bucket(item)] += unit.count(item.weight);
        }
        let last = masses.iter().position(|mass| {
            sum += mass;
            sum >= least
        });
        let last = last.unwrap_or(BUCKETS - 1);
        sum -= masses[last];
        room.extend(items.iter().filter(|item| bucket(item) == last));
    }
    let keyed = |item: &Candidate| key(item.logit);
    sort(room, &|a, b| {
        keyed(a).total_cmp(&keyed(b)).then_with(|| rank(a, b))
    });
    let taken = room.iter().find(|item| {
        sum += unit.count(item.weight);
        sum >= least
    });
    Ok(taken.or(room.last()).copied())
}
