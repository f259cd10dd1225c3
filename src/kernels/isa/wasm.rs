//! WebAssembly: simd128, with the byte dot products of relaxed SIMD where the module is built for it.

use super::Isa;
use core::arch::wasm32::*;
use core::marker::PhantomData;

#[cfg(not(target_feature = "relaxed-simd"))]
mod dots;
#[cfg(target_feature = "relaxed-simd")]
#[path = "wasm/relaxed_dots.rs"]
mod dots;

pub(crate) use dots::*;

/// The vectors of WebAssembly; `D` selects the instructions for dot products.
#[derive(Clone, Copy)]
pub(crate) struct Wasm<D>(PhantomData<D>);

/// The dot products of [`Isa`].
///
/// # Safety
/// As [`Isa`].
pub(crate) trait Dots: Copy + 'static {
    type Weights: Copy;
    const PACKS_UNSIGNED: bool;
    const PACKS_SIGNED: bool;
    unsafe fn pack(q: *const i8, out: *mut u8);
    unsafe fn unsigned(bytes: v128) -> Self::Weights;
    unsafe fn signed(bytes: v128) -> Self::Weights;
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R];
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        x: [*const u8; T],
    ) -> [[v128; T]; R];
}

#[inline(always)]
unsafe fn splat4(p: *const u8) -> v128 {
    // SAFETY: the caller's pointer is good for 4 bytes.
    unsafe { v128_load32_splat(p.cast()) }
}

/// Returns `count`, but hides its value from the compiler where more than two sums are taken at once. Otherwise the compiler
/// would unroll the loop and reorder its instructions, and the engine would run out of registers.
#[inline(always)]
fn steps<const R: usize, const T: usize>(count: usize) -> usize {
    static NONE: usize = 0;
    if R * T <= 2 {
        return count;
    }
    // SAFETY: a static can be read.
    count + unsafe { (&raw const NONE).read_volatile() }
}

// SAFETY (of every block below): the pointers are good for what the trait says.
impl<D: Dots> Isa for Wasm<D> {
    type V = v128;
    type Weights = D::Weights;

    const PACKS_UNSIGNED: bool = D::PACKS_UNSIGNED;
    const PACKS_SIGNED: bool = D::PACKS_SIGNED;

    #[inline(always)]
    unsafe fn pack(q: *const i8, out: *mut u8) {
        // SAFETY: see above.
        unsafe { D::pack(q, out) }
    }
    #[inline(always)]
    unsafe fn unsigned(bytes: v128) -> Self::Weights {
        // SAFETY: see above.
        unsafe { D::unsigned(bytes) }
    }
    #[inline(always)]
    unsafe fn signed(bytes: v128) -> Self::Weights {
        // SAFETY: see above.
        unsafe { D::signed(bytes) }
    }
    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        // SAFETY: see above.
        unsafe { D::dot::<MOST, N, R, T>(w, first, x) }
    }
    #[inline(always)]
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        x: [*const u8; T],
    ) -> [[v128; T]; R] {
        // SAFETY: see above.
        unsafe { D::dot_signed::<R, T>(w, x) }
    }
    #[inline(never)]
    unsafe fn outlined(work: impl FnOnce()) {
        work()
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
    unsafe fn to_i8(low: v128, high: v128) -> v128 {
        i8x16_narrow_i16x8(low, high)
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
    unsafe fn look_up(table: v128, indices: v128) -> v128 {
        // All engines give the same result for indices up to 15.
        #[cfg(target_feature = "relaxed-simd")]
        return i8x16_relaxed_swizzle(table, indices);
        #[cfg(not(target_feature = "relaxed-simd"))]
        i8x16_swizzle(table, indices)
    }
    #[inline(always)]
    unsafe fn mul_i16(a: v128, b: v128) -> v128 {
        i16x8_mul(a, b)
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
