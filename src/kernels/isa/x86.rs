//! x86-64 with AVX2, and with the byte dot product of AVX-VNNI or AVX-512 VNNI where the machine has it.

use super::Isa;
use core::arch::x86_64::*;
use core::marker::PhantomData;

/// The 128-bit vectors of x86-64; `D` selects the instructions for dot products.
#[derive(Clone, Copy)]
pub(crate) struct X86<D>(PhantomData<D>);

/// What differs between these instruction sets.
///
/// # Safety
/// As [`Isa`].
pub(crate) trait Dots: Copy + 'static {
    /// sum += Σ of four products of an unsigned and a signed byte, in each 32-bit lane. Exact while the
    /// unsigned bytes are at most 128 and the signed −127 to 127.
    unsafe fn dot_bytes(sum: __m128i, unsigned: __m128i, signed: __m128i) -> __m128i;
    /// See [`Isa::outlined`].
    unsafe fn outlined(work: impl FnOnce());
}

/// AVX2 alone.
#[derive(Clone, Copy)]
pub(crate) struct Avx2;

/// AVX2 with AVX-VNNI.
#[derive(Clone, Copy)]
pub(crate) struct AvxVnni;

/// AVX2 with AVX-512 VNNI and VL: the same instruction in 128 bits, and 32 registers instead of 16.
#[derive(Clone, Copy)]
pub(crate) struct Avx512Vnni;

impl Dots for Avx2 {
    #[inline(always)]
    unsafe fn dot_bytes(sum: __m128i, unsigned: __m128i, signed: __m128i) -> __m128i {
        // SAFETY: the machine has AVX2. No pair of products leaves 16 bits.
        unsafe {
            let pairs = _mm_maddubs_epi16(unsigned, signed);
            _mm_add_epi32(sum, _mm_madd_epi16(pairs, _mm_set1_epi16(1)))
        }
    }
    #[target_feature(enable = "avx2")]
    #[inline(never)]
    unsafe fn outlined(work: impl FnOnce()) {
        work()
    }
}

impl Dots for AvxVnni {
    #[inline(always)]
    unsafe fn dot_bytes(sum: __m128i, unsigned: __m128i, signed: __m128i) -> __m128i {
        // SAFETY: the machine has AVX-VNNI.
        unsafe { _mm_dpbusd_avx_epi32(sum, unsigned, signed) }
    }
    #[target_feature(enable = "avx2,avxvnni")]
    #[inline(never)]
    unsafe fn outlined(work: impl FnOnce()) {
        work()
    }
}

impl Dots for Avx512Vnni {
    #[inline(always)]
    unsafe fn dot_bytes(sum: __m128i, unsigned: __m128i, signed: __m128i) -> __m128i {
        // SAFETY: the machine has AVX-512 VNNI and VL.
        unsafe { _mm_dpbusd_epi32(sum, unsigned, signed) }
    }
    #[target_feature(enable = "avx2,avx512vnni,avx512vl")]
    #[inline(never)]
    unsafe fn outlined(work: impl FnOnce()) {
        work()
    }
}

#[inline(always)]
unsafe fn splat4(x: *const u8, group: usize) -> __m128i {
    // SAFETY: `x` is good for 32 bytes, `group` is under 8.
    unsafe { _mm_set1_epi32(x.add(4 * group).cast::<i32>().read_unaligned()) }
}

#[inline(always)]
fn f(a: __m128i) -> __m128 {
    // SAFETY: a cast of bits; SSE2 is part of x86-64.
    unsafe { _mm_castsi128_ps(a) }
}

#[inline(always)]
fn i(a: __m128) -> __m128i {
    // SAFETY: a cast of bits; SSE2 is part of x86-64.
    unsafe { _mm_castps_si128(a) }
}

// SAFETY (of every block below): the machine has AVX2 and the instructions of `D`; the pointers are
// good for what the trait says.
impl<D: Dots> Isa for X86<D> {
    type V = __m128i;
    type Weights = __m128i;

    const PACKS_UNSIGNED: bool = false;
    const PACKS_SIGNED: bool = false;

    #[inline(always)]
    unsafe fn pack(_: *const i8, _: *mut u8) {}
    #[inline(always)]
    unsafe fn unsigned(bytes: __m128i) -> __m128i {
        bytes
    }
    #[inline(always)]
    unsafe fn signed(bytes: __m128i) -> __m128i {
        bytes
    }
    #[inline(always)]
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[__m128i; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[__m128i; T]; R] {
        // SAFETY: see above.
        unsafe {
            let mut sums = [[_mm_setzero_si128(); T]; R];
            for n in first..first + N {
                for (t, x) in x.iter().enumerate() {
                    let x = splat4(*x, n);
                    for (sums, w) in sums.iter_mut().zip(w[n]) {
                        sums[t] = D::dot_bytes(sums[t], w, x);
                    }
                }
            }
            sums
        }
    }
    #[inline(always)]
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[__m128i; R]; 8],
        x: [*const u8; T],
    ) -> [[__m128i; T]; R] {
        // SAFETY: see above. |w| × (x with the sign of w) = w × x.
        unsafe {
            let mut sums = [[_mm_setzero_si128(); T]; R];
            for (n, w) in w.iter().enumerate() {
                for (t, x) in x.iter().enumerate() {
                    let x = splat4(*x, n);
                    for (sums, w) in sums.iter_mut().zip(*w) {
                        let x = _mm_sign_epi8(x, w);
                        sums[t] = D::dot_bytes(sums[t], _mm_abs_epi8(w), x);
                    }
                }
            }
            sums
        }
    }
    #[inline(always)]
    unsafe fn outlined(work: impl FnOnce()) {
        // SAFETY: see above.
        unsafe { D::outlined(work) }
    }
    #[inline(always)]
    unsafe fn load(p: *const u8) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_loadu_si128(p.cast()) }
    }
    #[inline(always)]
    unsafe fn store(p: *mut u8, v: __m128i) {
        // SAFETY: see above.
        unsafe { _mm_storeu_si128(p.cast(), v) }
    }
    #[inline(always)]
    unsafe fn splat(x: f32) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_set1_ps(x)) }
    }
    #[inline(always)]
    unsafe fn splat_i32(x: i32) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_set1_epi32(x) }
    }
    #[inline(always)]
    unsafe fn load_i16x4(p: *const u8) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_cvtepi16_epi32(_mm_loadl_epi64(p.cast())) }
    }
    #[inline(always)]
    unsafe fn load_i8x8(p: *const u8) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_cvtepi8_epi16(_mm_loadl_epi64(p.cast())) }
    }
    #[inline(always)]
    unsafe fn dot_i16(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_madd_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn to_i16(low: __m128i, high: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_packs_epi32(_mm_cvttps_epi32(f(low)), _mm_cvttps_epi32(f(high))) }
    }
    #[inline(always)]
    unsafe fn to_i8(low: __m128i, high: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_packs_epi16(low, high) }
    }
    #[inline(always)]
    unsafe fn and(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_and_si128(a, b) }
    }
    #[inline(always)]
    unsafe fn or(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_or_si128(a, b) }
    }
    #[inline(always)]
    unsafe fn shr_u16<const N: i32>(a: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_srli_epi16::<N>(a) }
    }
    #[inline(always)]
    unsafe fn shl_u16<const N: i32>(a: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_slli_epi16::<N>(a) }
    }
    #[inline(always)]
    unsafe fn shl_i32<const N: i32>(a: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_slli_epi32::<N>(a) }
    }
    #[inline(always)]
    unsafe fn look_up(table: __m128i, indices: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_shuffle_epi8(table, indices) }
    }
    #[inline(always)]
    unsafe fn mul_i16(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_mullo_epi16(a, b) }
    }
    #[inline(always)]
    unsafe fn add_i32(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_add_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn max_i32(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_max_epi32(a, b) }
    }
    #[inline(always)]
    unsafe fn to_f32(a: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_cvtepi32_ps(a)) }
    }
    #[inline(always)]
    unsafe fn add(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_add_ps(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn sub(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_sub_ps(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn mul(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_mul_ps(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn div(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_div_ps(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn max(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_max_ps(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn min(a: __m128i, b: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { i(_mm_min_ps(f(a), f(b))) }
    }
    #[inline(always)]
    unsafe fn nearest(a: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe {
            i(_mm_round_ps::<
                { _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC },
            >(f(a)))
        }
    }
    #[inline(always)]
    unsafe fn swap_pairs(a: __m128i) -> __m128i {
        // SAFETY: see above.
        unsafe { _mm_shuffle_epi32::<0b10_11_00_01>(a) }
    }
}
