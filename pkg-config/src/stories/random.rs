//! Random numbers that are the same on every machine. They are drawn as the trainer draws its own (`src/train/random.rs`),
//! but not by calling it: the packaging crate must not have to compile the engine before it can start.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;

/// The generator for one stream of a seed.
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

/// One of the elements of a list that is not empty.
pub(super) fn pick<T: Copy>(list: &[T], random: &mut ChaCha12Rng) -> T {
    list[below(list.len(), random)]
}
