//! 128-bit vectors: the few operations the kernels are written in, one implementation a machine.

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
pub(super) mod wasm;
#[cfg(target_arch = "x86_64")]
pub(super) mod x86;

/// What a kernel may do with a 128-bit vector. Every operation is exact or rounds as IEEE 754 says,
/// so that two implementations give the same bits.
///
/// # Safety
/// All functions may only be called where the machine has the instructions of the implementation;
/// pointers must be good for the bytes that the function names.
pub(super) trait Isa: Copy + 'static {
    /// Sixteen bytes, read as the operation says.
    type V: Copy;
    /// Four columns × four rows of unsigned weights (0 to 127), ready for [`Isa::dot`].
    type Unsigned: Copy;
    /// The same of signed weights, ready for [`Isa::dot_signed`].
    type Signed: Copy;
    /// The running sums of [`Isa::dot_signed`].
    type SignedSum: Copy;

    /// Bytes in which [`Isa::spread`] keeps 32 activations.
    const SPREAD: usize;

    /// 32 activations (−127 to 127) → the form the dot products read: `SPREAD` bytes at `out`.
    unsafe fn spread(q: *const i8, out: *mut u8);
    /// Prepares sixteen bytes of weights from 0 to 127.
    unsafe fn unsigned(bytes: Self::V) -> Self::Unsigned;
    /// Prepares sixteen signed bytes of weights.
    unsafe fn signed(bytes: Self::V) -> Self::Signed;
    /// lane r of `sum` += Σ over 4 columns of weight (row r) × activation; `x` are spread activations,
    /// `group` (0 to 7) tells which four columns.
    unsafe fn dot(sum: Self::V, x: *const u8, group: usize, w: Self::Unsigned) -> Self::V;
    /// Signed sums of zero.
    unsafe fn signed_zero() -> Self::SignedSum;
    /// As [`Isa::dot`] for signed weights.
    unsafe fn dot_signed(
        sum: Self::SignedSum,
        x: *const u8,
        group: usize,
        w: Self::Signed,
    ) -> Self::SignedSum;
    /// The four 32-bit sums.
    unsafe fn signed_total(sum: Self::SignedSum) -> Self::V;

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
    /// lane r = Σ of the products of the pair r of 16-bit lanes.
    unsafe fn dot_i16(a: Self::V, b: Self::V) -> Self::V;
    /// Four f32, whole and within ±32767, and four more → eight 16-bit lanes.
    unsafe fn to_i16(low: Self::V, high: Self::V) -> Self::V;
    /// Bitwise and.
    unsafe fn and(a: Self::V, b: Self::V) -> Self::V;
    /// Bitwise or.
    unsafe fn or(a: Self::V, b: Self::V) -> Self::V;
    /// 16-bit lanes shifted right by `N`, zeros in.
    unsafe fn shr_u16<const N: i32>(a: Self::V) -> Self::V;
    /// 16-bit lanes shifted left by `N`.
    unsafe fn shl_u16<const N: i32>(a: Self::V) -> Self::V;
    /// 32-bit lanes shifted left by `N`.
    unsafe fn shl_i32<const N: i32>(a: Self::V) -> Self::V;
    /// 32-bit integer sum.
    unsafe fn add_i32(a: Self::V, b: Self::V) -> Self::V;
    /// Signed 32-bit maximum.
    unsafe fn max_i32(a: Self::V, b: Self::V) -> Self::V;
    /// i32 → f32, to nearest even.
    unsafe fn to_f32(a: Self::V) -> Self::V;
    /// f32 → i32 of values that are whole and within ±2³¹.
    unsafe fn to_i32(a: Self::V) -> Self::V;
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
    /// Whole number nearest, ties to even.
    unsafe fn nearest(a: Self::V) -> Self::V;
    /// Swaps the lanes of each pair: (1, 0, 3, 2).
    unsafe fn swap_pairs(a: Self::V) -> Self::V;
}
