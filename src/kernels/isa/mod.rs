//! 128-bit vectors: the few operations that the kernels are written in, with an implementation for each instruction
//! set.

#[cfg(target_arch = "aarch64")]
pub(super) mod neon;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) mod wasm;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

/// The operations that kernels may use on 128-bit vectors. Every operation is exact or rounds as IEEE 754 demands, so
/// that all implementations give the same bits.
///
/// # Safety
/// All functions may only be called where the machine has the instructions of the implementation; pointers must be
/// valid for the bytes that the function names.
pub(super) trait Isa: Copy + 'static {
    /// Sixteen bytes; the operation decides how they are read.
    type V: Copy;
    /// Four columns × four rows of weights, ready for [`Isa::dot`] or [`Isa::dot_signed`].
    type Weights: Copy;

    /// Whether [`Isa::dot`] reads activations in the form of [`Isa::pack`], or as they are.
    const PACKS_UNSIGNED: bool;
    /// Whether [`Isa::dot_signed`] reads activations in the form of [`Isa::pack`].
    const PACKS_SIGNED: bool;

    /// Writes 32 activations (−127 to 127) in the form that the dot products read: at most
    /// [`PACKED_BYTES`](super::activations::PACKED_BYTES) bytes at `out`.
    unsafe fn pack(q: *const i8, out: *mut u8);
    /// Prepares sixteen bytes of weights from 0 to 127.
    unsafe fn unsigned(bytes: Self::V) -> Self::Weights;
    /// Prepares sixteen signed bytes of weights.
    unsafe fn signed(bytes: Self::V) -> Self::Weights;
    /// The exact dot products of the rows of `R` tiles with `T` tokens: lane r of result `[i][t]` = Σ over the 4 `N`
    /// columns from the column group `first` on of weight (tile i, row r) × activation (token t). `w` has the weights
    /// by column group and tile; no weight exceeds `MOST`. Each of `x` points to 32 activations, packed or not.
    unsafe fn dot<const MOST: i32, const N: usize, const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        first: usize,
        x: [*const u8; T],
    ) -> [[Self::V; T]; R];
    /// Like [`Isa::dot`], for signed weights and all columns.
    unsafe fn dot_signed<const R: usize, const T: usize>(
        w: &[[Self::Weights; R]; 8],
        x: [*const u8; T],
    ) -> [[Self::V; T]; R];

    /// Runs `work` as a separate function, compiled for the machine's instructions. Engines and compilers do badly with
    /// one function that contains all kernels: some run out of registers, others take minutes.
    unsafe fn outlined(work: impl FnOnce());

    /// Reads 16 bytes.
    unsafe fn load(p: *const u8) -> Self::V;
    /// Writes 16 bytes.
    unsafe fn store(p: *mut u8, v: Self::V);
    /// One f32 in four lanes.
    unsafe fn splat(x: f32) -> Self::V;
    /// One i32 in four lanes.
    unsafe fn splat_i32(x: i32) -> Self::V;
    /// Reads four 16-bit values (8 bytes), each sign-extended to 32 bits.
    unsafe fn load_i16x4(p: *const u8) -> Self::V;
    /// Reads eight signed bytes, each extended to 16 bits.
    unsafe fn load_i8x8(p: *const u8) -> Self::V;
    /// lane r = Σ of the two products of the 16-bit lanes 2r and 2r + 1.
    unsafe fn dot_i16(a: Self::V, b: Self::V) -> Self::V;
    /// Four whole numbers as f32 within ±32767, and four more → eight 16-bit lanes.
    unsafe fn to_i16(low: Self::V, high: Self::V) -> Self::V;
    /// Eight 16-bit lanes within ±127, and eight more → sixteen bytes.
    unsafe fn to_i8(low: Self::V, high: Self::V) -> Self::V;
    /// Bitwise and.
    unsafe fn and(a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise or.
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V;
    /// 16-bit lanes shifted right by `N`, shifting in zeros.
    unsafe fn shr_u16<const N: i32>(a: Self::V) -> Self::V;
    /// 16-bit lanes shifted left by `N`.
    unsafe fn shl_u16<const N: i32>(a: Self::V) -> Self::V;
    /// 32-bit lanes shifted left by `N`.
    unsafe fn shl_i32<const N: i32>(a: Self::V) -> Self::V;
    /// The byte of `table` at each of `indices`, 0 to 15.
    unsafe fn look_up(table: Self::V, indices: Self::V) -> Self::V;
    /// Product of 16-bit lanes, of which the lower half is kept.
    unsafe fn mul_i16(a: Self::V, b: Self::V) -> Self::V;
    /// 32-bit integer sum.
    unsafe fn add_i32(a: Self::V, b: Self::V) -> Self::V;
    /// Signed 32-bit maximum.
    unsafe fn max_i32(a: Self::V, b: Self::V) -> Self::V;
    /// i32 → f32, to nearest even.
    unsafe fn to_f32(a: Self::V) -> Self::V;
    /// f32 sum.
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// f32 difference.
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// f32 product.
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// f32 quotient.
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `if a > b { a } else { b }`: a NaN in `a` gives `b`.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// `if a < b { a } else { b }`: a NaN in `a` gives `b`.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// Rounds to the nearest integer, ties to even.
    unsafe fn nearest(a: Self::V) -> Self::V;
    /// Swaps the lanes of each pair: (1, 0, 3, 2).
    unsafe fn swap_pairs(a: Self::V) -> Self::V;
}
