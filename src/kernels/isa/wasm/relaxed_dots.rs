//! Dot products of relaxed SIMD: bytes × bytes from 0 to 127, for which every engine gives the exact result.
//!
//! Processors differ in which of the two instructions is faster, so there are kernels with each.

use super::{Dots, splat4, steps};
use core::arch::wasm32::*;

/// Four products at once into 32 bits: one instruction on Arm and on x86 with AVX-VNNI, five without.
#[derive(Clone, Copy)]
pub(crate) struct Dot4;
/// Two products at once into 16 bits, where as many sums are added up as fit: one instruction on every x86.
#[derive(Clone, Copy)]
pub(crate) struct Dot2;

/// The dot products that the backend uses unless [`Dot2`] are measured to be faster.
pub(crate) type Default = Dot4;

/// Where the masks and the correction of packed activations lie; the magnitudes come first.
const MASKS: usize = 32;
const CORRECTION: usize = 64;

/// Writes the magnitudes of activations, masks with ones where they are negative, and a correction. One operand of the
/// instruction must be from 0 to 127; with signed weights w, that must be the activations x. So where x is negative,
/// the mask turns w into `!w` = −w − 1, and the product is |x| × `!w` = x × w + x. What is missing then is −x for every
/// negative x; their sum is the correction.
unsafe fn pack(q: *const i8, out: *mut u8) {
    // SAFETY: `q` is good for 32 bytes, `out` for `PACKED_BYTES`.
    unsafe {
        let mut missing = i16x8_splat(0);
        for half in [0, 16] {
            let x = v128_load(q.add(half).cast());
            let magnitudes = i8x16_abs(x);
            let masks = i8x16_shr(x, 7);
            v128_store(out.add(half).cast(), magnitudes);
            v128_store(out.add(MASKS + half).cast(), masks);
            let negative = u16x8_extadd_pairwise_u8x16(v128_and(magnitudes, masks));
            missing = i16x8_add(missing, negative);
        }
        let missing = i32x4_dot_i16x8(missing, i16x8_splat(1));
        let missing = i32x4_add(missing, i32x4_shuffle::<2, 3, 0, 1>(missing, missing));
        let missing = i32x4_add(missing, i32x4_shuffle::<1, 0, 3, 2>(missing, missing));
        v128_store(out.add(CORRECTION).cast(), missing);
    }
}

/// What both have in common: weights stay bytes, and activations are packed for signed weights only.
macro_rules! weights_are_bytes {
    () => {
        type Weights = v128;

        const PACKS_UNSIGNED: bool = false;
        const PACKS_SIGNED: bool = true;

        #[inline(always)]
        unsafe fn pack(q: *const i8, out: *mut u8) {
            // SAFETY: as the caller promises.
            unsafe { pack(q, out) }
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

impl Dots for Dot4 {
    weights_are_bytes!();

    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[v128; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        let mut sums = [[i32x4_splat(0); T]; R];
        for n in first..first + steps::<R, T>(N) {
            // SAFETY: `n` is under 8, `x` is good for all groups.
            unsafe {
                let w = w.get_unchecked(n);
                let x = x.map(|x| splat4(x.add(4 * n)));
                for (sums, w) in sums.iter_mut().zip(w) {
                    for (sum, x) in sums.iter_mut().zip(x) {
                        *sum = i32x4_relaxed_dot_i8x16_i7x16_add(x, *w, *sum);
                    }
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
        // SAFETY: `n` is under 8, `x` is good for what is packed.
        unsafe {
            let mut sums = [x.map(|x| v128_load(x.add(CORRECTION).cast())); R];
            for n in 0..steps::<R, T>(8) {
                let w = w.get_unchecked(n);
                let x = x.map(|x| (splat4(x.add(4 * n)), splat4(x.add(MASKS + 4 * n))));
                for (sums, w) in sums.iter_mut().zip(w) {
                    for (sum, (x, mask)) in sums.iter_mut().zip(x) {
                        let flipped = v128_xor(*w, mask);
                        *sum = i32x4_relaxed_dot_i8x16_i7x16_add(flipped, x, *sum);
                    }
                }
            }
            sums
        }
    }
}

#[repr(align(16))]
struct Ones(#[allow(dead_code, reason = "read as a vector")] [i16; 8]);

/// Ones that the engine keeps in a register. Ones that it knows to be constant, like those of
/// `i32x4_extadd_pairwise_i16x8`, it creates again every time, in two or three instructions.
#[inline(always)]
fn ones() -> v128 {
    static ONES: Ones = Ones([1; 8]);
    // SAFETY: sixteen bytes of any value.
    unsafe { (&raw const ONES).cast::<v128>().read_volatile() }
}

impl Dots for Dot2 {
    weights_are_bytes!();

    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[v128; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        // As many sums of two products as 16 bits can hold: all of them, or at least two.
        let fit = 32767 / (2 * 127 * MOST) as usize;
        let step = if fit >= N { 1 } else { 2 };
        let (mut sums, ones) = ([[i32x4_splat(0); T]; R], ones());
        for n in 0..steps::<R, T>(N / step) {
            let n = first + step * n;
            // SAFETY: `n` is under 8, and odd numbers follow even ones; `x` is good for all groups.
            unsafe {
                let x = x.map(|x| x.add(4 * n));
                let (w, next) = (w.get_unchecked(n), w.get_unchecked(n + step - 1));
                let [x, x_next] = [0, step - 1].map(|n| x.map(|x| splat4(x.add(4 * n))));
                for r in 0..R {
                    for t in 0..T {
                        let pairs = i16x8_relaxed_dot_i8x16_i7x16(x[t], w[r]);
                        sums[r][t] = if step == 1 {
                            i16x8_add(sums[r][t], pairs)
                        } else {
                            let more = i16x8_relaxed_dot_i8x16_i7x16(x_next[t], next[r]);
                            i32x4_add(sums[r][t], i32x4_dot_i16x8(i16x8_add(pairs, more), ones))
                        };
                    }
                }
            }
        }
        if step == 1 {
            for sums in &mut sums {
                for sum in sums {
                    *sum = i32x4_dot_i16x8(*sum, ones);
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
        // SAFETY: `n` is under 8, `x` is good for what is packed.
        unsafe {
            let mut sums = [x.map(|x| v128_load(x.add(CORRECTION).cast())); R];
            let ones = ones();
            for n in 0..steps::<R, T>(8) {
                let w = w.get_unchecked(n);
                let x = x.map(|x| (splat4(x.add(4 * n)), splat4(x.add(MASKS + 4 * n))));
                for (sums, w) in sums.iter_mut().zip(w) {
                    for (sum, (x, mask)) in sums.iter_mut().zip(x) {
                        // Two products of at most 127 × 128 fit 16 bits.
                        let pairs = i16x8_relaxed_dot_i8x16_i7x16(v128_xor(*w, mask), x);
                        *sum = i32x4_add(*sum, i32x4_dot_i16x8(pairs, ones));
                    }
                }
            }
            sums
        }
    }
}
