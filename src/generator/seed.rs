//! A random seed for callers that give none.

use crate::Result;
use crate::error::invalid_option;

/// A random seed of 32 bits: short enough to write down, and exact as a JavaScript number.
pub(super) fn random_seed() -> Result<u64> {
    #[cfg(any(not(target_arch = "wasm32"), feature = "wasm"))]
    let drawn = getrandom::u32().ok();
    #[cfg(all(target_arch = "wasm32", not(feature = "wasm")))]
    let drawn: Option<u32> = None;
    drawn.map(u64::from).ok_or_else(|| {
        let allowed = "given, since there is no source of randomness here";
        invalid_option("seed", allowed)
    })
}
