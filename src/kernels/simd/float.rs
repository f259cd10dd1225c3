//! Matrix products of weights stored as floats and activations that are not quantised.

use super::{halves, store_rows};
use crate::kernels::Activations;
use crate::kernels::isa::Isa;
use crate::kernels::threads::Output;
use crate::quant::Matrix;
use core::ops::Range;

/// A float format: how four weights of one column are read.
pub(super) trait Float {
    /// Bytes of four weights.
    const BYTES: usize;
    unsafe fn read<I: Isa>(p: *const u8) -> I::V;
}

pub(super) struct F32;
pub(super) struct F16;
pub(super) struct BF16;

impl Float for F32 {
    const BYTES: usize = 16;
    #[inline(always)]
    unsafe fn read<I: Isa>(p: *const u8) -> I::V {
        // SAFETY: `p` is good for BYTES.
        unsafe { I::load(p) }
    }
}

impl Float for F16 {
    const BYTES: usize = 8;
    #[inline(always)]
    unsafe fn read<I: Isa>(p: *const u8) -> I::V {
        // SAFETY: `p` is good for BYTES.
        unsafe { halves::<I>(p) }
    }
}

impl Float for BF16 {
    const BYTES: usize = 8;
    #[inline(always)]
    unsafe fn read<I: Isa>(p: *const u8) -> I::V {
        // SAFETY: `p` is good for BYTES.
        unsafe { I::shl_i32::<16>(I::load_i16x4(p)) }
    }
}

/// Runs four groups of rows at a time, so that four sums hide each other's latency.
#[inline(always)]
pub(super) unsafe fn product<I: Isa, F: Float>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) {
    for first in groups.clone().step_by(4) {
        for token in 0..x.tokens {
            // SAFETY: the groups exist.
            unsafe {
                if first + 4 <= groups.end {
                    rows::<I, F, 4>(matrix, first, token, x, y);
                } else {
                    for group in first..groups.end {
                        rows::<I, F, 1>(matrix, group, token, x, y);
                    }
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn rows<I: Isa, F: Float, const N: usize>(
    matrix: &Matrix,
    first: usize,
    token: usize,
    x: &Activations,
    y: Output<'_>,
) {
    let stride = matrix.cols() * F::BYTES;
    let tiles = matrix.tiles()[first * stride..][..N * stride].as_ptr();
    // SAFETY: N groups of `cols` tiles lie at `tiles`; the row of activations has `cols` values.
    unsafe {
        let mut sums = [I::splat(0.0); N];
        for (column, x) in x.values(token)[..matrix.cols()].iter().enumerate() {
            let x = I::splat(*x);
            for (n, sum) in sums.iter_mut().enumerate() {
                let w = F::read::<I>(tiles.add(n * stride + column * F::BYTES));
                *sum = I::add(*sum, I::mul(w, x));
            }
        }
        for (n, sum) in sums.iter().enumerate() {
            store_rows::<I>(*sum, matrix, first + n, token, y);
        }
    }
}
