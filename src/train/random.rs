//! Random numbers that are the same on every machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

use super::shape::Tensor;

/// The stream for the initial weights; those of the steps, or of the epochs in fine-tuning, count from 0.
pub(super) const INITIAL: u64 = u64::MAX;

/// The generator for one stream of a seed. Each training step has a stream of its own, so that training can be resumed
/// at any step.
pub(super) fn stream(seed: u64, stream: u64) -> ChaCha12Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    let mut random = ChaCha12Rng::from_seed(key);
    random.set_stream(stream);
    random
}

/// A uniformly distributed integer below `bound`.
pub(super) fn below(bound: usize, random: &mut ChaCha12Rng) -> usize {
    // Not exactly uniform: the bias is below bound / 2⁶⁴.
    ((u128::from(random.next_u64()) * bound as u128) >> 64) as usize
}

/// A sample of the standard normal distribution (Box and Muller 1958).
pub(super) fn normal(random: &mut ChaCha12Rng) -> f32 {
    let unit =
        |random: &mut ChaCha12Rng| ((random.next_u64() >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    let (radius, angle) = (unit(random), unit(random));
    let radius = libm::sqrt(-2.0 * libm::log(radius));
    (radius * libm::cos(std::f64::consts::TAU * angle)) as f32
}

/// Draws the initial weights of `tensors`: normally distributed ones for matrices, 1 for the weights of norms.
pub(super) fn init_weights(tensors: &[Tensor], weights: &mut [f32], random: &mut ChaCha12Rng) {
    for tensor in tensors {
        let weights = &mut weights[tensor.range.clone()];
        match tensor.columns {
            None => weights.fill(1.0),
            Some(columns) => {
                let deviation = tensor.spread / libm::sqrtf(columns as f32);
                weights.fill_with(|| deviation * normal(random));
            }
        }
    }
}
