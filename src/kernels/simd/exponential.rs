//! e^x in vectors.

use std::array::from_fn;

use crate::kernels::isa::Isa;
use crate::kernels::scalar::exponential::*;

/// The constants of e^x; [`exp`](crate::kernels::scalar::exp) documents their use.
pub(super) struct Exponential<I: Isa> {
    lowest: I::V,
    highest: I::V,
    log2_e: I::V,
    whole: I::V,
    ln2_high: I::V,
    ln2_low: I::V,
    taylor: [I::V; TAYLOR.len()],
}

impl<I: Isa> Exponential<I> {
    /// To be made once, before a loop.
    #[inline(always)]
    pub unsafe fn new() -> Self {
        // SAFETY: as the caller promises.
        unsafe {
            let mut taylor = [opaque_splat::<I>(TAYLOR[0]); TAYLOR.len()];
            for (i, term) in TAYLOR.iter().enumerate() {
                taylor[i] = opaque_splat::<I>(*term);
            }
            Self {
                lowest: opaque_splat::<I>(LOWEST),
                highest: opaque_splat::<I>(HIGHEST),
                log2_e: opaque_splat::<I>(LOG2_E),
                whole: opaque_splat::<I>(WHOLE),
                ln2_high: opaque_splat::<I>(LN2_HIGH),
                ln2_low: opaque_splat::<I>(LN2_LOW),
                taylor,
            }
        }
    }

    /// e^x of `N` vectors side by side.
    #[inline(always)]
    pub unsafe fn of<const N: usize>(&self, x: [I::V; N]) -> [I::V; N] {
        // SAFETY: as the caller promises.
        unsafe {
            let x = x.map(|x| I::min(I::max(x, self.lowest), self.highest));
            // The addition rounds to an integer and leaves it in the low bits, which in WebAssembly is cheaper than to
            // round and to convert.
            let shifted = x.map(|x| I::add(I::mul(x, self.log2_e), self.whole));
            let n = shifted.map(|n| I::sub(n, self.whole));
            let r: [_; N] = from_fn(|i| I::sub(x[i], I::mul(n[i], self.ln2_high)));
            let r: [_; N] = from_fn(|i| I::sub(r[i], I::mul(n[i], self.ln2_low)));
            let mut e = [self.taylor[0]; N];
            for term in &self.taylor[1..] {
                e = from_fn(|i| I::add(I::mul(e[i], r[i]), *term));
            }
            from_fn(|i| {
                let power = I::shl_i32::<23>(I::add_i32(shifted[i], I::splat_i32(127)));
                I::mul(e[i], power)
            })
        }
    }
}

/// A constant in every lane, read in a way that hides from the engine that it is constant. Engines create constants
/// that they know again in every iteration of a loop, in three instructions each.
#[inline(always)]
unsafe fn opaque_splat<I: Isa>(x: f32) -> I::V {
    // SAFETY: `x` can be read; the rest is as the caller promises.
    unsafe { I::splat((&raw const x).read_volatile()) }
}
