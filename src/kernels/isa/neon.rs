//! aarch64: NEON, which every such processor has, and its byte dot product where the machine has it.
//!
//! Tested for equality with the specification under QEMU, as a processor without the dot product
//! (`-cpu cortex-a57`) and with it (`-cpu max`); its speed was never measured.

use super::Isa;
use core::arch::aarch64::*;
use core::arch::asm;
use core::marker::PhantomData;

/// The 128-bit vectors of aarch64; `D` selects the instructions for dot products.
#[derive(Clone, Copy)]
pub(crate) struct Neon<D>(PhantomData<D>);

/// What differs between these instruction sets.
///
/// # Safety
/// As [`Isa`].
pub(crate) trait Dots: Copy + 'static {
    /// See [`Isa::dot`]; weights are signed and `MOST` bounds their size.
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[int8x16_t; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[int32x4_t; T]; R];
    /// See [`Isa::outlined`].
    unsafe fn outlined(work: impl FnOnce());
}

/// NEON alone: products are taken in 16 bits.
#[derive(Clone, Copy)]
pub(crate) struct Widening;

/// NEON with the dot-product instructions of Armv8.2.
#[derive(Clone, Copy)]
pub(crate) struct DotProd;

#[inline(always)]
unsafe fn splat4(x: *const u8, group: usize) -> int8x16_t {
    // SAFETY: `x` is good for 32 bytes, `group` is under 8.
    unsafe { vreinterpretq_s8_s32(vdupq_n_s32(x.add(4 * group).cast::<i32>().read_unaligned())) }
}

impl Dots for Widening {
    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[int8x16_t; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[int32x4_t; T]; R] {
        // How many products can be added up in 16 bits.
        let fit = (32767 / (127 * MOST)).max(1) as usize;
        // SAFETY: the machine has NEON; each of `x` is good for 32 bytes.
        unsafe {
            let mut low = [[vdupq_n_s32(0); T]; R];
            let mut high = low;
            let mut sums = [[(vdupq_n_s16(0), vdupq_n_s16(0)); T]; R];
            for n in 0..N {
                let starts = n % fit == 0;
                let ends = n % fit == fit - 1 || n == N - 1;
                for (t, x) in x.iter().enumerate() {
                    let x = splat4(*x, first + n);
                    for (r, w) in w[first + n].iter().enumerate() {
                        let sum = &mut sums[r][t];
                        *sum = if starts {
                            (
                                vmull_s8(vget_low_s8(*w), vget_low_s8(x)),
                                vmull_high_s8(*w, x),
                            )
                        } else {
                            (
                                vmlal_s8(sum.0, vget_low_s8(*w), vget_low_s8(x)),
                                vmlal_high_s8(sum.1, *w, x),
                            )
                        };
                        if ends {
                            low[r][t] = vpadalq_s16(low[r][t], sum.0);
                            high[r][t] = vpadalq_s16(high[r][t], sum.1);
                        }
                    }
                }
            }
            for (low, high) in low.iter_mut().flatten().zip(high.iter().flatten()) {
                *low = vpaddq_s32(*low, *high);
            }
            low
        }
    }
    #[inline(never)]
    unsafe fn outlined(work: impl FnOnce()) {
        work()
    }
}

/// sum += Σ of four products of signed bytes, in each 32-bit lane. (`vdotq_s32` is not stable yet.)
#[target_feature(enable = "dotprod")]
#[inline]
fn dot_bytes(mut sum: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the function is compiled for the instruction, which touches only its registers.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {a:v}.16b, {b:v}.16b",
            sum = inout(vreg) sum,
            a = in(vreg) a,
            b = in(vreg) b,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    sum
}

impl Dots for DotProd {
    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[int8x16_t; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[int32x4_t; T]; R] {
        // SAFETY: the machine has `sdot`; each of `x` is good for 32 bytes.
        unsafe {
            let mut sums = [[vdupq_n_s32(0); T]; R];
            for n in first..first + N {
                for (t, x) in x.iter().enumerate() {
                    let x = splat4(*x, n);
                    for (sums, w) in sums.iter_mut().zip(w[n]) {
                        sums[t] = dot_bytes(sums[t], w, x);
                    }
                }
            }
            sums
        }
    }
    #[target_feature(enable = "dotprod")]
    #[inline(never)]
    unsafe fn outlined(work: impl FnOnce()) {
        work()
    }
}

#[inline(always)]
fn f(a: int32x4_t) -> float32x4_t {
    // SAFETY: a cast of bits; NEON is part of aarch64.
    unsafe { vreinterpretq_f32_s32(a) }
}

#[inline(always)]
fn i(a: float32x4_t) -> int32x4_t {
    // SAFETY: a cast of bits; NEON is part of aarch64.
    unsafe { vreinterpretq_s32_f32(a) }
}

#[inline(always)]
fn words(a: int32x4_t) -> int16x8_t {
    // SAFETY: a cast of bits; NEON is part of aarch64.
    unsafe { vreinterpretq_s16_s32(a) }
}

#[inline(always)]
fn from_words(a: int16x8_t) -> int32x4_t {
    // SAFETY: a cast of bits; NEON is part of aarch64.
    unsafe { vreinterpretq_s32_s16(a) }
}

// SAFETY (of every block below): NEON is part of aarch64, and the machine has the instructions of `D`;
// the pointers are good for what the trait says.
impl<D: Dots> Isa for Neon<D> {
    type V = int32x4_t;
    type Weights = int8x16_t;

    const PACKS_UNSIGNED: bool = false;
    const PACKS_SIGNED: bool = false;

    #[inline(always)]
    unsafe fn pack(_: *const i8, _: *mut u8) {}
    #[inline(always)]
    unsafe fn unsigned(bytes: int32x4_t) -> int8x16_t {
        // SAFETY: see above.
        unsafe { vreinterpretq_s8_s32(bytes) }
    }
    #[inline(always)]
    unsafe fn signed(bytes: int32x4_t) -> int8x16_t {
        // SAFETY: see above.
        unsafe { vreinterpretq_s8_s32(bytes) }
    }
    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[int8x16_t; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[int32x4_t; T]; R] {
        // SAFETY: see above.
        unsafe { D::dot::<MOST, N, R, T>(w, first, x) }
    }
    #[inline(always)]
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[int8x16_t; R]; 8],
        x: [*const u8; T],
    ) -> [[int32x4_t; T]; R] {
        // SAFETY: see above.
        unsafe { D::dot::<128, 8, R, T>(w, 0, x) }
    }
    #[inline(always)]
    unsafe fn outlined(work: impl FnOnce()) {
        // SAFETY: see above.
        unsafe { D::outlined(work) }
    }
    #[inline(always)]
    unsafe fn load(p: *const u8) -> int32x4_t {
        // SAFETY: see above.
        unsafe { p.cast::<int32x4_t>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(p: *mut u8, v: int32x4_t) {
        // SAFETY: see above.
        unsafe { p.cast::<int32x4_t>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vdupq_n_f32(x)) }
    }
    #[inline(always)]
    unsafe fn splat_i32(x: i32) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vdupq_n_s32(x) }
    }
    #[inline(always)]
    unsafe fn load_i16x4(p: *const u8) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vmovl_s16(p.cast::<int16x4_t>().read_unaligned()) }
    }
    #[inline(always)]
    unsafe fn load_i8x8(p: *const u8) -> int32x4_t {
        // SAFETY: see above.
        unsafe { from_words(vmovl_s8(p.cast::<int8x8_t>().read_unaligned())) }
    }
    #[inline(always)]
    unsafe fn dot_i16(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        let (a, b) = (words(a), words(b));
        // SAFETY: see above.
        unsafe {
            let low = vmull_s16(vget_low_s16(a), vget_low_s16(b));
            vpaddq_s32(low, vmull_high_s16(a, b))
        }
    }
    #[inline(always)]
    unsafe fn to_i16(low: int32x4_t, high: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe {
            let low = vqmovn_s32(vcvtq_s32_f32(f(low)));
            from_words(vqmovn_high_s32(low, vcvtq_s32_f32(f(high))))
        }
    }
    #[inline(always)]
    unsafe fn to_i8(low: int32x4_t, high: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe {
            let low = vqmovn_s16(words(low));
            vreinterpretq_s32_s8(vqmovn_high_s16(low, words(high)))
        }
    }
    #[inline(always)]
    unsafe fn and(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vandq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn or(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vorrq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn shr_u16<const N: i32>(a: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vreinterpretq_s32_u16(vshrq_n_u16::<N>(vreinterpretq_u16_s32(a))) }
    }
    #[inline(always)]
    unsafe fn shl_u16<const N: i32>(a: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { from_words(vshlq_n_s16::<N>(words(a))) }
    }
    #[inline(always)]
    unsafe fn shl_i32<const N: i32>(a: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vshlq_n_s32::<N>(a) }
    }
    #[inline(always)]
    unsafe fn look_up(table: int32x4_t, indices: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe {
            let bytes = vqtbl1q_u8(vreinterpretq_u8_s32(table), vreinterpretq_u8_s32(indices));
            vreinterpretq_s32_u8(bytes)
        }
    }
    #[inline(always)]
    unsafe fn mul_i16(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { from_words(vmulq_s16(words(a), words(b))) }
    }
    #[inline(always)]
    unsafe fn add_i32(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vaddq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn max_i32(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vmaxq_s32(a, b) }
    }
    #[inline(always)]
    unsafe fn to_f32(a: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vcvtq_f32_s32(a)) }
    }
    #[inline(always)]
    unsafe fn add(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vaddq_f32(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn sub(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vsubq_f32(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn mul(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vmulq_f32(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn div(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vdivq_f32(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn max(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vbslq_s32(vcgtq_f32(f(a), f(b)), a, b) }
    }
    #[inline(always)]
    unsafe fn min(a: int32x4_t, b: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vbslq_s32(vcltq_f32(f(a), f(b)), a, b) }
    }
    #[inline(always)]
    unsafe fn nearest(a: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { i(vrndnq_f32(f(a))) }
    }
    #[inline(always)]
    unsafe fn swap_pairs(a: int32x4_t) -> int32x4_t {
        // SAFETY: see above.
        unsafe { vrev64q_s32(a) }
    }
}
