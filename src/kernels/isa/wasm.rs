//! WebAssembly: simd128, with the integer dot product of relaxed SIMD where the module is built for it.

use super::Isa;
use core::arch::wasm32::*;

/// The vectors of WebAssembly.
#[derive(Clone, Copy)]
pub(crate) struct Wasm;

#[inline(always)]
unsafe fn splat4(p: *const u8) -> v128 {
    // SAFETY: the caller's pointer is good for 4 bytes.
    unsafe { v128_load32_splat(p.cast()) }
}

/// Four columns of activations, splatted for each row. With relaxed SIMD they are bytes; without,
/// pairs of i16: columns (0, 2), then (1, 3), as the even and odd bytes of the weights want them.
#[cfg(target_feature = "relaxed-simd")]
mod dots {
    use super::*;

    pub type Unsigned = v128;
    pub type Signed = v128;
    /// Sums with the positive and with the negative part of the activations: relaxed SIMD wants one
    /// operand from 0 to 127, and signed weights leave that to the activations.
    pub type SignedSum = (v128, v128);

    pub const SPREAD: usize = 96;

    pub unsafe fn spread(q: *const i8, out: *mut u8) {
        // SAFETY: `q` is good for 32 bytes, `out` for 96.
        unsafe {
            let zero = i8x16_splat(0);
            for half in [0, 16] {
                let x = v128_load(q.add(half).cast());
                v128_store(out.add(half).cast(), x);
                v128_store(out.add(32 + half).cast(), i8x16_max(x, zero));
                v128_store(out.add(64 + half).cast(), i8x16_max(i8x16_neg(x), zero));
            }
        }
    }

    #[inline(always)]
    pub fn unsigned(bytes: v128) -> Unsigned {
        bytes
    }

    #[inline(always)]
    pub fn signed(bytes: v128) -> Signed {
        bytes
    }

    #[inline(always)]
    pub unsafe fn dot(sum: v128, x: *const u8, group: usize, w: Unsigned) -> v128 {
        // SAFETY: `x` is good for SPREAD bytes.
        let x = unsafe { splat4(x.add(4 * group)) };
        i32x4_relaxed_dot_i8x16_i7x16_add(x, w, sum)
    }

    #[inline(always)]
    pub fn signed_zero() -> SignedSum {
        (i32x4_splat(0), i32x4_splat(0))
    }

    #[inline(always)]
    pub unsafe fn dot_signed(sum: SignedSum, x: *const u8, group: usize, w: Signed) -> SignedSum {
        // SAFETY: `x` is good for SPREAD bytes.
        let (positive, negative) =
            unsafe { (splat4(x.add(32 + 4 * group)), splat4(x.add(64 + 4 * group))) };
        (
            i32x4_relaxed_dot_i8x16_i7x16_add(w, positive, sum.0),
            i32x4_relaxed_dot_i8x16_i7x16_add(w, negative, sum.1),
        )
    }

    #[inline(always)]
    pub fn signed_total(sum: SignedSum) -> v128 {
        i32x4_sub(sum.0, sum.1)
    }
}

#[cfg(not(target_feature = "relaxed-simd"))]
mod dots {
    use super::*;

    /// Even and odd columns as i16.
    pub type Unsigned = (v128, v128);
    pub type Signed = (v128, v128);
    pub type SignedSum = v128;

    pub const SPREAD: usize = 64;

    pub unsafe fn spread(q: *const i8, out: *mut u8) {
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
    pub fn unsigned(bytes: v128) -> Unsigned {
        (v128_and(bytes, u16x8_splat(0xff)), u16x8_shr(bytes, 8))
    }

    #[inline(always)]
    pub fn signed(bytes: v128) -> Signed {
        (i16x8_shr(i16x8_shl(bytes, 8), 8), i16x8_shr(bytes, 8))
    }

    #[inline(always)]
    pub unsafe fn dot(sum: v128, x: *const u8, group: usize, w: Unsigned) -> v128 {
        // SAFETY: `x` is good for SPREAD bytes.
        let (even, odd) = unsafe { (splat4(x.add(8 * group)), splat4(x.add(8 * group + 4))) };
        let pair = i32x4_add(i32x4_dot_i16x8(even, w.0), i32x4_dot_i16x8(odd, w.1));
        i32x4_add(sum, pair)
    }

    #[inline(always)]
    pub fn signed_zero() -> SignedSum {
        i32x4_splat(0)
    }

    #[inline(always)]
    pub unsafe fn dot_signed(sum: v128, x: *const u8, group: usize, w: Signed) -> v128 {
        // SAFETY: as the caller promises.
        unsafe { dot(sum, x, group, w) }
    }

    #[inline(always)]
    pub fn signed_total(sum: SignedSum) -> v128 {
        sum
    }
}

// SAFETY (of every block below): the pointers are good for what the trait says.
impl Isa for Wasm {
    type V = v128;
    type Unsigned = dots::Unsigned;
    type Signed = dots::Signed;
    type SignedSum = dots::SignedSum;

    const SPREAD: usize = dots::SPREAD;

    #[inline(always)]
    unsafe fn spread(q: *const i8, out: *mut u8) {
        // SAFETY: see above.
        unsafe { dots::spread(q, out) }
    }
    #[inline(always)]
    unsafe fn unsigned(bytes: v128) -> Self::Unsigned {
        dots::unsigned(bytes)
    }
    #[inline(always)]
    unsafe fn signed(bytes: v128) -> Self::Signed {
        dots::signed(bytes)
    }
    #[inline(always)]
    unsafe fn dot(sum: v128, x: *const u8, group: usize, w: Self::Unsigned) -> v128 {
        // SAFETY: see above.
        unsafe { dots::dot(sum, x, group, w) }
    }
    #[inline(always)]
    unsafe fn signed_zero() -> Self::SignedSum {
        dots::signed_zero()
    }
    #[inline(always)]
    unsafe fn dot_signed(
        sum: Self::SignedSum,
        x: *const u8,
        group: usize,
        w: Self::Signed,
    ) -> Self::SignedSum {
        // SAFETY: see above.
        unsafe { dots::dot_signed(sum, x, group, w) }
    }
    #[inline(always)]
    unsafe fn signed_total(sum: Self::SignedSum) -> v128 {
        dots::signed_total(sum)
    }
    #[inline(always)]
    unsafe fn load(p: *const u8) -> v128 {
        // SAFETY: see above.
        unsafe { v128_load(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut u8, v: v128) {
        // SAFETY: see above.
        unsafe { v128_store(p.cast(), v) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> v128 {
        f32x4_splat(x)
    }
    #[inline(always)]
    unsafe fn splat_i32(x: i32) -> v128 {
        i32x4_splat(x)
    }
    #[inline(always)]
    unsafe fn load_i16x4(p: *const u8) -> v128 {
        // SAFETY: see above.
        unsafe { i32x4_load_extend_i16x4(p.cast()) }
    }
    #[inline(always)]
    unsafe fn load_i8x8(p: *const u8) -> v128 {
        // SAFETY: see above.
        unsafe { i16x8_load_extend_i8x8(p.cast()) }
    }
    #[inline(always)]
    unsafe fn dot_i16(a: v128, b: v128) -> v128 {
        i32x4_dot_i16x8(a, b)
    }
    #[inline(always)]
    unsafe fn to_i16(low: v128, high: v128) -> v128 {
        i16x8_narrow_i32x4(i32x4_trunc_sat_f32x4(low), i32x4_trunc_sat_f32x4(high))
    }
    #[inline(always)]
    unsafe fn and(a: v128, b: v128) -> v128 {
        v128_and(a, b)
    }
    #[inline(always)]
    unsafe fn or(a: v128, b: v128) -> v128 {
        v128_or(a, b)
    }
    #[inline(always)]
    unsafe fn shr_u16<const N: i32>(a: v128) -> v128 {
        u16x8_shr(a, N as u32)
    }
    #[inline(always)]
    unsafe fn shl_u16<const N: i32>(a: v128) -> v128 {
        u16x8_shl(a, N as u32)
    }
    #[inline(always)]
    unsafe fn shl_i32<const N: i32>(a: v128) -> v128 {
        i32x4_shl(a, N as u32)
    }
    #[inline(always)]
    unsafe fn add_i32(a: v128, b: v128) -> v128 {
        i32x4_add(a, b)
    }
    #[inline(always)]
    unsafe fn max_i32(a: v128, b: v128) -> v128 {
        i32x4_max(a, b)
    }
    #[inline(always)]
    unsafe fn to_f32(a: v128) -> v128 {
        f32x4_convert_i32x4(a)
    }
    #[inline(always)]
    unsafe fn to_i32(a: v128) -> v128 {
        i32x4_trunc_sat_f32x4(a)
    }
    #[inline(always)]
    unsafe fn add(a: v128, b: v128) -> v128 {
        f32x4_add(a, b)
    }
    #[inline(always)]
    unsafe fn sub(a: v128, b: v128) -> v128 {
        f32x4_sub(a, b)
    }
    #[inline(always)]
    unsafe fn mul(a: v128, b: v128) -> v128 {
        f32x4_mul(a, b)
    }
    #[inline(always)]
    unsafe fn div(a: v128, b: v128) -> v128 {
        f32x4_div(a, b)
    }
    #[inline(always)]
    unsafe fn max(a: v128, b: v128) -> v128 {
        f32x4_pmax(b, a)
    }
    #[inline(always)]
    unsafe fn min(a: v128, b: v128) -> v128 {
        f32x4_pmin(b, a)
    }
    #[inline(always)]
    unsafe fn nearest(a: v128) -> v128 {
        f32x4_nearest(a)
    }
    #[inline(always)]
    unsafe fn swap_pairs(a: v128) -> v128 {
        i32x4_shuffle::<1, 0, 3, 2>(a, a)
    }
}
