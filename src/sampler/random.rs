//! The random numbers of a step: a function of the seed, the step and the purpose alone.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// What a random number is for. Each has its own, so that one stage more or less moves no other's.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Drawing the token.
    Draw = 0,
    /// Deciding whether XTC excludes anything.
    Exclude = 1,
}

/// ChaCha12, one block of its key stream for each step: whoever goes back to a step finds the same numbers.
#[derive(Debug, Clone)]
pub(super) struct Random(ChaCha12Rng);

/// 32-bit words in a block of ChaCha.
const BLOCK: u128 = 16;

impl Random {
    /// The seed's 64 bits are the first of the key, so what a seed gives depends on the definition of
    /// ChaCha12 alone.
    pub fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Random(ChaCha12Rng::from_seed(key))
    }

    /// A number in [0, 1).
    pub fn number(&mut self, step: u64, purpose: Purpose) -> f64 {
        self.0
            .set_word_pos(u128::from(step) * BLOCK + 2 * purpose as u128);
        unit_interval(self.0.next_u64())
    }
}

/// 53 random bits as a number in [0, 1).
fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}
