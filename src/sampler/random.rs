//! The random numbers of a step, which depend on nothing but the seed, the number of the step and their purpose.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// What a random number is for. Each purpose has numbers of its own, so that adding or removing a stage does not change
/// those of another.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Sampling the token.
    Draw = 0,
    /// Deciding whether XTC excludes anything.
    Exclude = 1,
}

/// ChaCha12, with one block of its key stream for each step: a step that is rewound and taken again gets the same
/// numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(ChaCha12Rng);

/// 32-bit words in a block of ChaCha.
const BLOCK: u128 = 16;

impl Random {
    /// Uses the seed as the first 64 bits of the key. So the numbers of a seed follow from the definition of ChaCha12,
    /// not from how a crate expands seeds.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Random(ChaCha12Rng::from_seed(key))
    }

    /// A random number in \[0, 1).
    pub fn number(&mut self, step: u64, purpose: Purpose) -> f64 {
        self.0
            .set_word_pos(u128::from(step) * BLOCK + 2 * purpose as u128);
        unit_interval(self.0.next_u64())
    }
}

/// The upper 53 bits as a number in \[0, 1).
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
