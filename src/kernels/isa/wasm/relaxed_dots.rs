//! Dot products of relaxed SIMD: bytes × bytes from 0 to 127, which every engine does exactly.
//!
//! Processors differ in which of the two instructions they do well, so there are kernels of both.

use super::{Dots, splat4};
use core::arch::wasm32::*;

/// Four products at once into 32 bits: one instruction on Arm and on x86 with AVX-VNNI, five without.
#[derive(Clone, Copy)]
pub(crate) struct Fours;
/// Two products at once into 16 bits, of which as many are added as fit: one instruction on every x86.
#[derive(Clone, Copy)]
pub(crate) struct Pairs;

/// What kernels use that take no dot products of bytes.
pub(crate) type Default = Fours;

/// The positive and the negative parts of activations: one operand must be from 0 to 127, and signed
/// weights leave that to the activations.
unsafe fn spread(q: *const i8, out: *mut u8) {
    // SAFETY: `q` is good for 32 bytes, `out` for 64.
    unsafe {
        let zero = i8x16_splat(0);
        for half in [0, 16] {
            let x = v128_load(q.add(half).cast());
            v128_store(out.add(half).cast(), i8x16_max(x, zero));
            v128_store(out.add(32 + half).cast(), i8x16_max(i8x16_neg(x), zero));
        }
    }
}

/// What both have in common: weights stay bytes, and activations of signed ones are spread.
macro_rules! weights_are_bytes {
    () => {
        type Weights = v128;

        const SPREADS_UNSIGNED: bool = false;
        const SPREADS_SIGNED: bool = true;

        #[inline(always)]
        unsafe fn spread(q: *const i8, out: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { spread(q, out) }
        }

        #[inline(always)]
        unsafe fn unsigned(bytes: v128) -> v128 {
            bytes
        }

        #[inline(always)]
        unsafe fn signed(bytes: v128) -> v128 {
            bytes
        }
    };
}

impl Dots for Fours {
    weights_are_bytes!();

    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[v128; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        let mut sums = [[i32x4_splat(0); T]; R];
        for n in first..first + N {
            for (t, x) in x.iter().enumerate() {
                // SAFETY: `x` is good for all, `n` is under 8.
                let x = unsafe { splat4(x.add(4 * n)) };
                for (sums, w) in sums.iter_mut().zip(w[n]) {
                    sums[t] = i32x4_relaxed_dot_i8x16_i7x16_add(x, w, sums[t]);
                }
            }
        }
        sums
    }

    #[inline(always)]
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[v128; R]; 8],
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        let mut plus = [[i32x4_splat(0); T]; R];
        let mut minus = plus;
        for (n, w) in w.iter().enumerate() {
            for (t, x) in x.iter().enumerate() {
                // SAFETY: `x` is good for all, `n` is under 8.
                let (positive, negative) =
                    unsafe { (splat4(x.add(4 * n)), splat4(x.add(32 + 4 * n))) };
                for (r, w) in w.iter().enumerate() {
                    plus[r][t] = i32x4_relaxed_dot_i8x16_i7x16_add(*w, positive, plus[r][t]);
                    minus[r][t] = i32x4_relaxed_dot_i8x16_i7x16_add(*w, negative, minus[r][t]);
                }
            }
        }
        for (plus, minus) in plus.iter_mut().flatten().zip(minus.iter().flatten()) {
            *plus = i32x4_sub(*plus, *minus);
        }
        plus
    }
}

impl Dots for Pairs {
    weights_are_bytes!();

    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[v128; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        // As many sums of two products as 16 bits hold.
        let fit = (32767 / (2 * 127 * MOST)).max(1) as usize;
        let mut total = [[i32x4_splat(0); T]; R];
        let mut sums = total;
        for n in 0..N {
            let ends = n % fit == fit - 1 || n == N - 1;
            for (t, x) in x.iter().enumerate() {
                // SAFETY: `x` is good for all, `first + n` is under 8.
                let x = unsafe { splat4(x.add(4 * (first + n))) };
                for (r, w) in w[first + n].iter().enumerate() {
                    let pairs = i16x8_relaxed_dot_i8x16_i7x16(x, *w);
                    let sum = if n % fit == 0 {
                        pairs
                    } else {
                        i16x8_add(sums[r][t], pairs)
                    };
                    sums[r][t] = sum;
                    if ends {
                        let fours = i32x4_extadd_pairwise_i16x8(sum);
                        total[r][t] = if n < fit {
                            fours
                        } else {
                            i32x4_add(total[r][t], fours)
                        };
                    }
                }
            }
        }
        total
    }

    #[inline(always)]
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[v128; R]; 8],
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        let mut total = [[i32x4_splat(0); T]; R];
        for (n, w) in w.iter().enumerate() {
            for (t, x) in x.iter().enumerate() {
                // SAFETY: `x` is good for all, `n` is under 8.
                let (positive, negative) =
                    unsafe { (splat4(x.add(4 * n)), splat4(x.add(32 + 4 * n))) };
                for (total, w) in total.iter_mut().zip(w) {
                    // Of each column one part is zero, so the difference fits 16 bits again.
                    let plus = i16x8_relaxed_dot_i8x16_i7x16(*w, positive);
                    let minus = i16x8_relaxed_dot_i8x16_i7x16(*w, negative);
                    let fours = i32x4_extadd_pairwise_i16x8(i16x8_sub(plus, minus));
                    total[t] = if n == 0 {
                        fours
                    } else {
                        i32x4_add(total[t], fours)
                    };
                }
            }
        }
        total
    }
}
