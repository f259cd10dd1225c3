//! Sums over candidates: total weight, probabilities, surprisal.

use std::ops::AddAssign;

/// How many partial sums are taken side by side, so that an addition need not wait for the one before it.
pub(super) const LANES: usize = 8;

/// Σ `term(a, b)` over two lists of the same length, in a defined order: the n-th term goes to the partial sum
/// n mod [`LANES`], and the partial sums are added up in their order.
pub(super) fn sum<T: Copy + Default + AddAssign>(
    a: &[f32],
    b: &[f32],
    term: impl Fn(f32, f32) -> T,
) -> T {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [T::default(); LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += term(a[lane], b[lane]);
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(a_rest.iter().zip(b_rest)) {
        *lane += term(*a, *b);
    }
    let mut total = T::default();
    lanes.into_iter().for_each(|lane| total += lane);
    total
}

/// The unit in which weights are counted, as fixed-point numbers. Sums of integers are exact, so they do not depend on
/// the order of their terms, and the weight of a part is the total minus the rest.
///
/// The unit is as small, compared with the largest weight, as the number of tokens allows: 2⁻⁴⁶ of it for 49,152
/// tokens. A weight of less than half a unit counts as 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct FixedPoint {
    /// 2⁵² units: adding it to a weight leaves the number of units in the lowest bits of the sum.
    shift: f64,
}

impl FixedPoint {
    /// The unit for `count` weights, none larger than `largest`.
    pub fn new(largest: f32, count: usize) -> Self {
        const MANTISSA: u64 = f64::MANTISSA_DIGITS as u64 - 1;
        // A weight has this many bits; the other bits are for the sum.
        let bits = (62 - u64::from(count.max(1).ilog2())).min(MANTISSA);
        let exponent = f64::from(largest.max(f32::MIN_POSITIVE)).to_bits() >> MANTISSA;
        let shift = f64::from_bits((exponent + 1 + MANTISSA - bits) << MANTISSA);
        FixedPoint { shift }
    }

    /// A weight in units, rounded.
    pub fn count(self, weight: f32) -> u64 {
        let sum = f64::from(weight) + self.shift;
        sum.to_bits().wrapping_sub(self.shift.to_bits())
    }

    /// The weight of `count` units.
    pub fn weight(self, count: u64) -> f64 {
        count as f64 * (self.shift * f64::EPSILON)
    }
}

/// Totals over the current candidates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Total {
    pub best_logit: f32,
    pub best_weight: f32,
    pub unit: FixedPoint,
    /// The sum of all weights, in units.
    pub mass: u64,
    pub surprisal: Surprisal,
}

/// Computes the surprisal of candidates under one distribution.
#[derive(Debug, Clone, Copy)]
pub(super) struct Surprisal {
    best_logit: f64,
    /// The surprisal of the best candidate, in nats.
    pub best_nats: f64,
}

impl Surprisal {
    /// The surprisal, −ln p in nats, of a candidate with this logit.
    pub fn of(&self, logit: f32) -> f64 {
        self.best_nats + (self.best_logit - f64::from(logit))
    }

    /// The logit of a candidate with a surprisal of `nats`.
    pub fn logit(&self, nats: f64) -> f64 {
        self.best_logit + (self.best_nats - nats)
    }
}

impl Total {
    pub fn new(best_logit: f32, best_weight: f32, unit: FixedPoint, mass: u64) -> Self {
        let surprisal = Surprisal {
            best_logit: best_logit.into(),
            best_nats: libm::log(unit.weight(mass) / f64::from(best_weight)),
        };
        Total {
            best_logit,
            best_weight,
            unit,
            mass,
            surprisal,
        }
    }

    /// The probability of a candidate with this weight.
    pub fn probability(&self, weight: f32) -> f32 {
        (f64::from(weight) / self.unit.weight(self.mass)) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_term_is_added_once() {
        for count in [0, 1, 7, 8, 9, 16, 1001] {
            let numbers: Vec<f32> = (1..=count).map(|n| n as f32).collect();
            let total: f64 = sum(&numbers, &numbers, |a, b| f64::from(a + b));
            assert_eq!(total, f64::from(count * (count + 1)));
        }
    }

    #[test]
    fn weights_are_counted_to_the_unit() {
        for (largest, count) in [(1.0f32, 49_152), (0.3, 7), (1e-30, 262_144), (1.0, 1 << 24)] {
            let unit = FixedPoint::new(largest, count);
            let bits = (62 - count.ilog2()).min(52);
            for part in [1.0, 0.7, 1e-3, 2.0f32.powi(-20)] {
                let weight = largest * part;
                let error = unit.weight(unit.count(weight)) - f64::from(weight);
                assert!(error.abs() <= f64::from(largest) * 2f64.powi(-(bits as i32)));
            }
            assert_eq!(unit.count(0.0), 0);
            // The largest sum there can be.
            let largest_sum = u128::from(unit.count(largest)) * count as u128;
            assert!(largest_sum < 1 << 63 && largest_sum > 1 << 58 || count < 1 << 9);
        }
    }
}
