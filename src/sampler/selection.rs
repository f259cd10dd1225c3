//! Selects the best candidates in linear time, because a vocabulary has up to 262,144 tokens.
//!
//! Weights are added up as integers, exactly, because a partial sort may leave candidates in an order that differs
//! between platforms, and sums of floats depend on the order.

use super::sanitize_logit;
use super::sums::{FixedPoint, LANES};
use crate::allocation::reserve_exact;
use crate::{Result, TokenId};
use std::cmp::Ordering;

/// A token that may still be sampled.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct TokenData {
    pub id: TokenId,
    /// The logit after the stages so far; finite.
    pub logit: f32,
    /// Its probability times a factor common to all candidates.
    pub weight: f32,
}

/// Orders candidates by logit, the largest first, equal ones by id: a total order.
pub(super) fn rank(a: &TokenData, b: &TokenData) -> Ordering {
    b.logit.total_cmp(&a.logit).then(a.id.cmp(&b.id))
}

/// Up to this many candidates are simply sorted.
pub(super) const SORT_LIMIT: usize = 1024;

/// Writes the best `count` of `logits` to `found`, best first and without weights. One pass: it collects up to twice as
/// many, keeps the best `count` of these, and from then on takes only logits larger than the worst of those.
pub(super) fn best_of(logits: &[f32], count: usize, found: &mut Vec<TokenData>) -> Result<()> {
    found.clear();
    let room = count.saturating_mul(2).max(8).min(logits.len());
    reserve_exact(found, room)?;
    if count == 0 {
        return Ok(());
    }
    // The comparison excludes NaN and −∞, and later logits equal to `bar`, which rank behind it.
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
            let (logit, weight) = (sanitize_logit(logit), 0.0);
            found.push(TokenData { id, logit, weight });
        }
    }
    keep_first(found, count);
    sort(found, &rank);
    Ok(())
}

/// Sorts a few candidates. All orders share one instance of the sort, because each adds kilobytes of WebAssembly.
pub(super) fn sort(items: &mut [TokenData], order: &dyn Fn(&TokenData, &TokenData) -> Ordering) {
    items.sort_unstable_by(order);
}

/// Keeps the best `count`: the worst of them is last, the others are in any order.
pub(super) fn keep_first(items: &mut Vec<TokenData>, count: usize) {
    if count < items.len() {
        items.select_nth_unstable_by(count - 1, rank);
        items.truncate(count);
    }
}

/// The number of buckets of [`nearest_until_mass`], and the largest distance at which the last one begins.
/// Probabilities at a larger distance are e⁻³² and less.
const BUCKETS: usize = 1024;
const DEEPEST: f32 = 32.0;

/// Bounds on the logits and weights of candidates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    low: f32,
    high: f32,
    min_weight: f32,
}

impl Bounds {
    pub const NONE: Bounds = Bounds {
        low: f32::MIN,
        high: f32::MAX,
        min_weight: 0.0,
    };

    /// Logits from `low` to `high`, and slightly more, so that rounding excludes none.
    pub fn logits(low: f64, high: f64) -> Self {
        Bounds {
            low: (low as f32).next_down().max(f32::MIN),
            high: (high as f32).next_up(),
            ..Self::NONE
        }
    }

    pub fn weight(min_weight: f32) -> Self {
        Bounds {
            min_weight,
            ..Self::NONE
        }
    }

    pub fn hold(&self, logit: f32, weight: f32) -> bool {
        (logit >= self.low) & (logit <= self.high) & (weight >= self.min_weight)
    }

    pub fn hold_any(&self, logits: &[f32; LANES], weights: &[f32; LANES]) -> bool {
        let mut any = false;
        for lane in 0..LANES {
            any |= self.hold(logits[lane], weights[lane]);
        }
        any
    }
}

/// The distance of a candidate's logit from `centre`.
pub(super) fn distance(item: &TokenData, centre: f64) -> f32 {
    (centre - f64::from(item.logit)).abs() as f32
}

/// Orders candidates by their distance from `centre`, the nearest first, equal ones by [`rank`].
pub(super) fn nearest(centre: f64, a: &TokenData, b: &TokenData) -> Ordering {
    let distances = distance(a, centre).total_cmp(&distance(b, centre));
    distances.then_with(|| rank(a, b))
}

/// Takes `items` in the order of [`nearest`] to `centre` until they weigh at least `min_mass` units together, and returns
/// the last one taken and the units that all of them weigh; `None` where there are no items.
///
/// More than [`SORT_LIMIT`] are not sorted as a whole: their weights are added up in buckets, and only the bucket in
/// which `min_mass` is reached is sorted. As sums of units are exact, the result is the same. `scratch` is reused memory.
pub(super) fn nearest_until_mass(
    items: &[TokenData],
    scratch: &mut Vec<TokenData>,
    centre: f64,
    unit: FixedPoint,
    min_mass: u64,
) -> Result<Option<(TokenData, u64)>> {
    scratch.clear();
    reserve_exact(scratch, items.len())?;
    let mut sum = 0;
    if items.len() <= SORT_LIMIT {
        scratch.extend_from_slice(items);
    } else {
        let distances = items.iter().map(|item| distance(item, centre));
        let (near, far) = distances.fold((f32::MAX, 0.0), |(a, b), d| (d.min(a), d.max(b)));
        let scale = BUCKETS as f32 / (far - near).clamp(f32::MIN_POSITIVE, DEEPEST);
        // Where all distances are equal this is 0 × ∞ = NaN, which becomes 0 as an integer.
        let bucket = |item: &TokenData| {
            (((distance(item, centre) - near) * scale) as usize).min(BUCKETS - 1)
        };
        let mut masses = [0; BUCKETS];
        for item in items {
            masses[bucket(item)] += unit.count(item.weight);
        }
        let last = masses.iter().position(|mass| {
            sum += mass;
            sum >= min_mass
        });
        let last = last.unwrap_or(BUCKETS - 1);
        sum -= masses[last];
        scratch.extend(items.iter().filter(|item| bucket(item) == last));
    }
    sort(scratch, &|a, b| nearest(centre, a, b));
    let taken = scratch.iter().find(|item| {
        sum += unit.count(item.weight);
        sum >= min_mass
    });
    Ok(taken.or(scratch.last()).map(|&last| (last, sum)))
}
