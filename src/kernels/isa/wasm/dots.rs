//! Dot products of simd128: bytes are widened to 16 bits, multiplied, and added in pairs.

#![allow(
    clippy::needless_range_loop,
    reason = "as `relaxed_dots`, so that they compare"
)]

use super::{Dots, splat4, steps};
use core::arch::wasm32::*;

/// Weights with even and odd columns apart, which a mask and a shift separate.
#[derive(Clone, Copy)]
pub(crate) struct Widened;

/// The dot products that the backend uses.
pub(crate) type Default = Widened;

impl Dots for Widened {
    /// Even and odd columns as i16.
    type Weights = (v128, v128);

    // Activations are packed as pairs of i16: of every four columns (0, 2), then (1, 3).
    const PACKS_UNSIGNED: bool = true;
    const PACKS_SIGNED: bool = true;

    #[inline(always)]
    unsafe fn pack(q: *const i8, out: *mut u8) {
        // SAFETY: `q` is good for 32 bytes, `out` for 64.
        unsafe {
            for half in [0, 1] {
                let x = v128_load(q.add(16 * half).cast());
                let x = i8x16_shuffle::<0, 2, 1, 3, 4, 6, 5, 7, 8, 10, 9, 11, 12, 14, 13, 15>(x, x);
                let out = out.add(32 * half);
                v128_store(out.cast(), i16x8_extend_low_i8x16(x));
                v128_store(out.add(16).cast(), i16x8_extend_high_i8x16(x));
            }
        }
    }

    #[inline(always)]
    unsafe fn unsigned(bytes: v128) -> Self::Weights {
        (v128_and(bytes, u16x8_splat(0xff)), u16x8_shr(bytes, 8))
    }

    #[inline(always)]
    unsafe fn signed(bytes: v128) -> Self::Weights {
        (i16x8_shr(i16x8_shl(bytes, 8), 8), i16x8_shr(bytes, 8))
    }

    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        let mut sums = [[i32x4_splat(0); T]; R];
        for n in first..first + steps::<R, T>(N) {
            // SAFETY: `n` is under 8, `x` is good for 8 bytes a group.
            unsafe {
                let w = w.get_unchecked(n);
                let x = x.map(|x| (splat4(x.add(8 * n)), splat4(x.add(8 * n + 4))));
                for (sums, (even, odd)) in sums.iter_mut().zip(w) {
                    for (sum, (x_even, x_odd)) in sums.iter_mut().zip(x) {
                        let four =
                            i32x4_add(i32x4_dot_i16x8(x_even, *even), i32x4_dot_i16x8(x_odd, *odd));
                        *sum = i32x4_add(*sum, four);
                    }
                }
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        // SAFETY: as the caller promises.
        unsafe { Self::dot::<127, 8, R, T>(w, 0, x) }
    }
}
