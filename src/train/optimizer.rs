//! The optimizer AdamW (Loshchilov and Hutter 2019), and gradient clipping.

use super::Schedule;
use super::network::zeros;
use super::shape::Tensor;
use crate::{Error, Result};

/// The decay rates β₁ and β₂ of the moving averages of the gradient and of its square.
const BETA: (f32, f32) = (0.9, 0.95);
const EPSILON: f32 = 1e-8;

/// The state of the optimizer: the first and second moment, moving averages of the gradient and of its square.
pub(super) struct AdamW {
    pub first: Vec<f32>,
    pub second: Vec<f32>,
}

impl AdamW {
    /// The initial state for `weights` weights.
    ///
    /// # Errors
    /// [`crate::Error::OutOfMemory`].
    pub fn new(weights: usize) -> Result<Self> {
        Ok(Self {
            first: zeros(1, weights)?,
            second: zeros(1, weights)?,
        })
    }

    /// Updates `weights` by one step; `step` counts from 0. Weight decay applies to matrices only, not to norms.
    pub fn update(
        &mut self,
        schedule: &Schedule,
        tensors: &[Tensor],
        step: u64,
        gradient: &[f32],
        weights: &mut [f32],
    ) {
        let rate = schedule.rate(step);
        let steps = step as f64 + 1.0;
        let unbias = |beta: f32| (1.0 - libm::pow(f64::from(beta), steps)) as f32;
        let (unbias_first, unbias_second) = (unbias(BETA.0), unbias(BETA.1));
        for tensor in tensors {
            let decay = match tensor.columns {
                Some(_) => 1.0 - rate * schedule.weight_decay,
                None => 1.0,
            };
            let at = || tensor.range.clone();
            let moments = self.first[at()].iter_mut().zip(&mut self.second[at()]);
            let values = weights[at()].iter_mut().zip(&gradient[at()]);
            for ((weight, &slope), (first, second)) in values.zip(moments) {
                *first = BETA.0 * *first + (1.0 - BETA.0) * slope;
                *second = BETA.1 * *second + (1.0 - BETA.1) * slope * slope;
                let root = (*second / unbias_second).sqrt() + EPSILON;
                *weight = *weight * decay - rate * (*first / unbias_first) / root;
            }
        }
    }
}

/// Scales the gradient of `loss` down to a Euclidean norm of at most `longest`, and returns its norm before that (Pascanu
/// et al. 2013).
///
/// # Errors
/// [`Error::NotFinite`] where the loss or its gradient is not: training has diverged.
pub(super) fn clip(loss: f64, gradient: &mut [f32], longest: f32) -> Result<f64> {
    let squares: f64 = gradient.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
    let length = squares.sqrt();
    if !(loss.is_finite() && length.is_finite()) {
        return Err(Error::NotFinite);
    }
    if length > f64::from(longest) {
        let factor = (f64::from(longest) / length) as f32;
        for slope in gradient {
            *slope *= factor;
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_long_gradients_are_clipped() {
        let mut short = [0.3, 0.4];
        assert!((clip(1.0, &mut short, 1.0).unwrap() - 0.5).abs() < 1e-6);
        assert_eq!(short, [0.3, 0.4]);
        let mut long = [3.0, 4.0];
        assert!((clip(1.0, &mut long, 1.0).unwrap() - 5.0).abs() < 1e-6);
        assert!((long[0] - 0.6).abs() < 1e-6 && (long[1] - 0.8).abs() < 1e-6);
    }

    /// The first step of Adam moves each weight by one learning rate against the sign of its gradient, whatever its
    /// size.
    #[test]
    fn the_first_step_follows_the_sign() {
        let schedule = Schedule {
            steps: 100,
            warmup_steps: 0,
            learning_rate: 0.01,
            weight_decay: 0.5,
            validate_every: 10,
        };
        let tensor = |range, columns| Tensor {
            name: String::new(),
            range,
            columns,
            spread: 1.0,
        };
        let tensors = [tensor(0..2, Some(1)), tensor(2..3, None)];
        let mut weights = [1.0, 1.0, 1.0];
        let mut adam = AdamW::new(3).unwrap();
        adam.update(&schedule, &tensors, 0, &[1e-3, -20.0, 5.0], &mut weights);
        for (weight, expected) in weights.iter().zip([0.985, 1.005, 0.99]) {
            assert!((weight - expected).abs() < 1e-5, "{weights:?}");
        }
    }
}
