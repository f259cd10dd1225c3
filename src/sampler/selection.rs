//! Which candidates come first: in linear time, since a vocabulary has up to 262,144 tokens.
//!
//! Weights are added up in whole units: a partial sort may leave candidates in an order that differs between
//! platforms.

use super::sums::{LANES, Unit};
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

/// Where the logits and weights of candidates lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    low: f32,
    high: f32,
    least_weight: f32,
}

impl Bounds {
    pub const NONE: Bounds = Bounds {
        low: f32::MIN,
        high: f32::MAX,
        least_weight: 0.0,
    };

    /// At least these, and a little more, so that rounding excludes none.
    pub fn logits(low: f64, high: f64) -> Self {
        Bounds {
            low: (low as f32).next_down().max(f32::MIN),
            high: (high as f32).next_up(),
            ..Self::NONE
        }
    }

    pub fn weight(least_weight: f32) -> Self {
        Bounds {
            least_weight,
            ..Self::NONE
        }
    }

    pub fn hold(&self, logit: f32, weight: f32) -> bool {
        (logit >= self.low) & (logit <= self.high) & (weight >= self.least_weight)
    }

    pub fn hold_any(&self, logits: &[f32; LANES], weights: &[f32; LANES]) -> bool {
        let mut any = false;
        for lane in 0..LANES {
            any |= self.hold(logits[lane], weights[lane]);
        }
        any
    }
}

/// How far a candidate's logit is from `centre`.
pub(super) fn distance(item: &Candidate, centre: f64) -> f32 {
    (centre - f64::from(item.logit)).abs() as f32
}

/// The nearest to `centre` first, equals by [`rank`].
pub(super) fn nearest(centre: f64, a: &Candidate, b: &Candidate) -> Ordering {
    let distances = distance(a, centre).total_cmp(&distance(b, centre));
    distances.then_with(|| rank(a, b))
}

/// Walks through `items` from the [`nearest`] to `centre` on, until they weigh `least` units, and gives the last
/// one taken: `None` where there are none.
///
/// More than a [`FEW`] are not sorted: their weights are added up in buckets, and only the bucket in which
/// the walk ends is looked into. Since sums of units are exact, that is the same. `room` is scratch.
pub(super) fn walk(
    items: &[Candidate],
    room: &mut Vec<Candidate>,
    centre: f64,
    unit: Unit,
    least: u64,
) -> Result<Option<Candidate>> {
    room.clear();
    reserve(room, items.len())?;
    let mut sum = 0;
    if items.len() <= FEW {
        room.extend_from_slice(items);
    } else {
        let distances = items.iter().map(|item| distance(item, centre));
        let (near, far) = distances.fold((f32::MAX, 0.0), |(a, b), d| (d.min(a), d.max(b)));
        let scale = BUCKETS as f32 / (far - near).clamp(f32::MIN_POSITIVE, DEEPEST);
        // Where all are equal this is 0 × ∞, and NaN becomes 0.
        let bucket = |item: &Candidate| {
            (((distance(item, centre) - near) * scale) as usize).min(BUCKETS - 1)
        };
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
    sort(room, &|a, b| nearest(centre, a, b));
    let taken = room.iter().find(|item| {
        sum += unit.count(item.weight);
        sum >= least
    });
    Ok(taken.or(room.last()).copied())
}
