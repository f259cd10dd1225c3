//! The kernels in 128-bit vectors, each written once for every instruction set ([`Isa`]) and, where weights are read,
//! for every [`TileFormat`]. The scalar specification defines what they compute.
//!
//! The functions are unsafe because the machine must have the instructions of `I`; slices are checked
//! by the dispatch in `super`.

use super::activations::{Activations, Block, PACKED_BYTES};
use super::isa::Isa;
use super::scalar::{self, HALF_BIAS};
use super::threads::Output;
use crate::quant::tiles::TILE_ROWS;
use crate::quant::{Matrix, TileFormat};
use core::ops::Range;

/// Runs the body for each four values; the last few, fewer than four, are left to the caller.
macro_rules! for_vectors {
    ($len:expr, |$i:ident| $body:block) => {
        for $i in (0..$len / 4 * 4).step_by(4) $body
    };
}

mod attention;
mod elementwise;
mod exponential;
mod float;
mod quantized;
mod unpack;

pub(super) use attention::{
    quantize_i16, scores, scores_integer, weighted_sum, weighted_sum_integer,
};

use exponential::Exponential;

pub(super) use elementwise::{gelu, gelu_mul, layer_norm, rotate_halves, soft_cap};

/// Prefill: a product of many tokens keeps the sums of this many groups of rows × [`TOKENS`] tokens in registers.
const ROWS: usize = if cfg!(target_feature = "relaxed-simd") {
    4
} else {
    2
};
/// Prefill: the number of tokens whose sums are kept in registers; see [`ROWS`].
const TOKENS: usize = if cfg!(all(
    target_arch = "wasm32",
    not(target_feature = "relaxed-simd")
)) {
    3
} else {
    2
};
/// Prefill: the number of tiles of each group of rows that are unpacked at a time and then multiplied with all tokens.
/// They fit into the first-level cache.
const PANEL: usize = 24;

/// Prefill: up to so many tokens, weights are unpacked anew for each two, in registers, as those of a decode step are:
/// that takes less time than a panel, which pays with more tokens.
const FEW_TOKENS: usize = if cfg!(target_arch = "wasm32") { 2 } else { 6 };
/// The groups of rows that are read side by side then.
const PAIR_STREAMS: usize = 2;

/// Decode: groups of rows that are read side by side, on machines that are faster with few streams of reads.
const FEW_STREAMS: usize = 4;
/// Decode: the same on machines that are faster with many.
const MANY_STREAMS: usize = if cfg!(target_arch = "wasm32") { 16 } else { 8 };

#[inline(always)]
pub(super) unsafe fn linear<I: Isa>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) {
    use quantized::product;
    use unpack::{IQ, IQ4, MXFP4, Q1, Q2, Q3, Q4_0, Q4_1, Q5_0, Q5_1, Q6, Q8_0};
    assert!(groups.end <= matrix.rows().div_ceil(TILE_ROWS));
    // SAFETY: as the caller promises.
    unsafe {
        match matrix.format() {
            TileFormat::F32 => float::product::<I, float::F32>(matrix, groups, x, y),
            TileFormat::F16 => float::product::<I, float::F16>(matrix, groups, x, y),
            TileFormat::BF16 => float::product::<I, float::BF16>(matrix, groups, x, y),
            TileFormat::Q4_0 => product::<I, Q4_0>(matrix, groups, x, y),
            TileFormat::Q4_1 => product::<I, Q4_1>(matrix, groups, x, y),
            TileFormat::Q5_0 => product::<I, Q5_0>(matrix, groups, x, y),
            TileFormat::Q5_1 => product::<I, Q5_1>(matrix, groups, x, y),
            TileFormat::Q6 => product::<I, Q6>(matrix, groups, x, y),
            TileFormat::Q8_0 => product::<I, Q8_0>(matrix, groups, x, y),
            TileFormat::Q2 => product::<I, Q2>(matrix, groups, x, y),
            TileFormat::Q3 => product::<I, Q3>(matrix, groups, x, y),
            TileFormat::IQ4 => product::<I, IQ4>(matrix, groups, x, y),
            TileFormat::MXFP4 => product::<I, MXFP4>(matrix, groups, x, y),
            TileFormat::IQ => product::<I, IQ>(matrix, groups, x, y),
            TileFormat::Q1 => product::<I, Q1>(matrix, groups, x, y),
        }
    }
}

/// Stores the sums of a group of four rows, or as many of them as the matrix has.
#[inline(always)]
unsafe fn store_rows<I: Isa>(
    sums: I::V,
    matrix: &Matrix,
    group: usize,
    token: usize,
    y: Output<'_>,
) {
    let first = group * TILE_ROWS;
    let rows = TILE_ROWS.min(matrix.rows() - first);
    // SAFETY: these rows are accessed here alone, as the caller promises; `y` holds `rows` floats, `lanes` four.
    unsafe {
        let y = y.part(token, first, rows);
        if rows == TILE_ROWS {
            I::store(y.as_mut_ptr().cast(), sums);
        } else {
            y.copy_from_slice(&lanes::<I>(sums)[..rows]);
        }
    }
}

/// Reads back what [`store_rows`] stored.
#[inline(always)]
unsafe fn load_rows<I: Isa>(matrix: &Matrix, group: usize, token: usize, y: Output<'_>) -> I::V {
    let first = group * TILE_ROWS;
    let rows = TILE_ROWS.min(matrix.rows() - first);
    // SAFETY: these rows are accessed here alone, as the caller promises; `y` holds `rows` floats, `lanes` four.
    unsafe {
        let y = y.part(token, first, rows);
        if rows == TILE_ROWS {
            return I::load(y.as_ptr().cast());
        }
        let mut lanes = [0.0_f32; TILE_ROWS];
        lanes[..rows].copy_from_slice(y);
        I::load(lanes.as_ptr().cast())
    }
}

#[inline(always)]
unsafe fn lanes<I: Isa>(v: I::V) -> [f32; 4] {
    let mut lanes = [0.0; 4];
    // SAFETY: sixteen bytes.
    unsafe { I::store(lanes.as_mut_ptr().cast(), v) };
    lanes
}

/// Four halves → f32, as [`scalar::half`].
#[inline(always)]
unsafe fn halves<I: Isa>(p: *const u8) -> I::V {
    // SAFETY: `p` is good for 8 bytes. Sign extension leaves copies of the sign above it, masked off.
    unsafe {
        let bits = I::shl_i32::<13>(I::load_i16x4(p));
        I::mul(
            I::and(bits, I::splat_i32(0x8fff_ffff_u32 as i32)),
            I::splat(HALF_BIAS),
        )
    }
}

/// See [`scalar::quantize_activations`].
#[inline(always)]
pub(super) unsafe fn quantize_blocks<I: Isa>(values: &[f32], blocks: &mut [Block]) {
    Block::quantize_each(
        values,
        blocks,
        #[inline(always)]
        |x, block| {
            debug_assert!(x.len() == 32);
            // SAFETY: 32 floats are read.
            unsafe { quantize_block::<I>(x, block) }
        },
    );
}

/// Whether the dot products read packed activations, for weights without and with signs.
#[inline(always)]
pub(super) unsafe fn packs<I: Isa>() -> [bool; 2] {
    [I::PACKS_UNSIGNED, I::PACKS_SIGNED]
}

/// Packs the activations of all blocks.
#[inline(always)]
pub(super) unsafe fn pack_blocks<I: Isa>(blocks: &[Block], packed: &mut [[u8; PACKED_BYTES]]) {
    for (block, packed) in blocks.iter().zip(packed) {
        // SAFETY: the lengths are as `Isa::pack` wants them.
        unsafe { I::pack(block.q.as_ptr(), packed.as_mut_ptr()) };
    }
}

/// Quantises 32 values; see [`scalar::quantize_block`].
#[inline(always)]
unsafe fn quantize_block<I: Isa>(x: &[f32], block: &mut Block) -> f32 {
    // SAFETY: 32 floats are read, 32 integers written.
    unsafe {
        let x = x.as_ptr();
        let mask = I::splat_i32(0x7fff_ffff);
        let mut most = I::and(I::load(x.cast()), mask);
        for i in 1..8 {
            most = I::max_i32(most, I::and(I::load(x.add(4 * i).cast()), mask));
        }
        let [a, b, c, d] = lanes::<I>(most).map(f32::to_bits);
        let largest = f32::from_bits(a.max(b).max(c.max(d)));
        if largest < scalar::TINY {
            *block = Block::default();
            return 0.0;
        }
        let inverse = I::splat(127.0 / largest);
        let (low, high) = (I::splat(-127.0), I::splat(127.0));
        let mut sums = [0; 2];
        for (half, sum) in sums.iter_mut().enumerate() {
            let mut words = [low; 4];
            for (i, word) in words.iter_mut().enumerate() {
                let x = I::load(x.add(16 * half + 4 * i).cast());
                let rounded = I::nearest(I::mul(x, inverse));
                *word = I::max(I::min(rounded, high), low);
            }
            let first = I::to_i16(words[0], words[1]);
            let second = I::to_i16(words[2], words[3]);
            I::store(
                block.q.as_mut_ptr().add(16 * half).cast(),
                I::to_i8(first, second),
            );
            let ones = I::splat_i32(0x0001_0001);
            let total = I::add_i32(I::dot_i16(first, ones), I::dot_i16(second, ones));
            *sum = lanes::<I>(total)
                .iter()
                .map(|lane| lane.to_bits() as i32)
                .sum();
        }
        (block.low_sum, block.sum) = (sums[0], sums[0] + sums[1]);
        largest / 127.0
    }
}

#[inline(always)]
pub(super) unsafe fn sum_of_squares<I: Isa>(x: &[f32]) -> f32 {
    // SAFETY: four floats at a time, within `x`.
    unsafe {
        let mut sums = I::splat(0.0);
        for_vectors!(x.len(), |i| {
            let x = I::load(x.as_ptr().add(i).cast());
            sums = I::add(sums, I::mul(x, x));
        });
        let mut lanes = lanes::<I>(sums);
        for (lane, x) in lanes.iter_mut().zip(x.chunks_exact(4).remainder()) {
            *lane += x * x;
        }
        (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
    }
}

#[inline(always)]
pub(super) unsafe fn scale_by<I: Isa>(x: &[f32], factor: f32, weight: &[f32], out: &mut [f32]) {
    debug_assert!(x.len() == out.len() && weight.len() == out.len());
    // SAFETY: four floats at a time, within slices of one length.
    unsafe {
        let factors = I::splat(factor);
        for_vectors!(out.len(), |i| {
            let x = I::mul(I::load(x.as_ptr().add(i).cast()), factors);
            let y = I::mul(x, I::load(weight.as_ptr().add(i).cast()));
            I::store(out.as_mut_ptr().add(i).cast(), y);
        });
    }
    let rest = out.len() / 4 * 4;
    scalar::scale_by(&x[rest..], factor, &weight[rest..], &mut out[rest..]);
}

#[inline(always)]
pub(super) unsafe fn add<I: Isa>(x: &mut [f32], y: &[f32]) {
    debug_assert!(x.len() == y.len());
    // SAFETY: four floats at a time, within slices of one length.
    unsafe {
        for_vectors!(x.len(), |i| {
            let p = x.as_mut_ptr().add(i);
            I::store(
                p.cast(),
                I::add(I::load(p.cast()), I::load(y.as_ptr().add(i).cast())),
            );
        });
    }
    let rest = x.len() / 4 * 4;
    scalar::add(&mut x[rest..], &y[rest..]);
}

#[inline(always)]
pub(super) unsafe fn silu_mul<I: Isa>(gate: &mut [f32], up: &[f32]) {
    debug_assert!(gate.len() == up.len());
    // SAFETY: four floats at a time, within slices of one length.
    unsafe {
        let (zero, one, exp) = (I::splat(0.0), I::splat(1.0), Exponential::<I>::new());
        for_vectors!(gate.len(), |i| {
            let p = gate.as_mut_ptr().add(i);
            let g = I::load(p.cast());
            let silu = I::div(g, I::add(one, exp.of([I::sub(zero, g)])[0]));
            I::store(p.cast(), I::mul(silu, I::load(up.as_ptr().add(i).cast())));
        });
    }
    let rest = gate.len() / 4 * 4;
    scalar::silu_mul(&mut gate[rest..], &up[rest..]);
}

#[inline(always)]
pub(super) unsafe fn rotate_pairs<I: Isa>(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    debug_assert!(x.len() <= cos.len() && x.len() <= sin.len());
    // SAFETY: four floats at a time, within `x`, which is the shortest.
    unsafe {
        for_vectors!(x.len(), |i| {
            let p = x.as_mut_ptr().add(i);
            let v = I::load(p.cast());
            let straight = I::mul(v, I::load(cos.as_ptr().add(i).cast()));
            let crossed = I::mul(I::swap_pairs(v), I::load(sin.as_ptr().add(i).cast()));
            I::store(p.cast(), I::add(straight, crossed));
        });
    }
    let rest = x.len() / 4 * 4;
    scalar::rotate_pairs(&mut x[rest..], &cos[rest..], &sin[rest..]);
}

#[inline(always)]
pub(super) unsafe fn exp_sub_sum<I: Isa>(values: &mut [f32], largest: f32) -> f32 {
    // SAFETY: eight and four floats at a time, within `values`.
    unsafe {
        let exp = Exponential::<I>::new();
        let most = I::splat(largest);
        let mut sums = I::splat(0.0);
        let pairs = values.len() / 8 * 8;
        for i in (0..pairs).step_by(8) {
            let p = values.as_mut_ptr().add(i);
            let x = [I::load(p.cast()), I::load(p.add(4).cast())];
            let e = exp.of(x.map(|x| I::sub(x, most)));
            I::store(p.cast(), e[0]);
            I::store(p.add(4).cast(), e[1]);
            sums = I::add(I::add(sums, e[0]), e[1]);
        }
        if pairs + 4 <= values.len() {
            let p = values.as_mut_ptr().add(pairs);
            let [e] = exp.of([I::sub(I::load(p.cast()), most)]);
            I::store(p.cast(), e);
            sums = I::add(sums, e);
        }
        let mut lanes = lanes::<I>(sums);
        for (lane, value) in lanes
            .iter_mut()
            .zip(values.chunks_exact_mut(4).into_remainder())
        {
            *value = scalar::exp(*value - largest);
            *lane += *value;
        }
        (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
    }
}

#[inline(always)]
pub(super) unsafe fn largest<I: Isa>(values: &[f32]) -> f32 {
    // SAFETY: four floats at a time, within `values`.
    unsafe {
        // Four maxima side by side, so that none waits for the one before it.
        let mut mosts = [I::splat(f32::NEG_INFINITY); 4];
        let fours = values.len() / 16 * 16;
        for i in (0..fours).step_by(16) {
            for (n, most) in mosts.iter_mut().enumerate() {
                *most = I::max(I::load(values.as_ptr().add(i + 4 * n).cast()), *most);
            }
        }
        let [a, b, c, d] = mosts;
        let mut most = I::max(I::max(a, b), I::max(c, d));
        for i in (fours..values.len() / 4 * 4).step_by(4) {
            most = I::max(I::load(values.as_ptr().add(i).cast()), most);
        }
        let rest = scalar::largest(values.chunks_exact(4).remainder());
        scalar::largest(&lanes::<I>(most)).max(rest)
    }
}

#[inline(always)]
pub(super) unsafe fn scale<I: Isa>(x: &mut [f32], factor: f32) {
    // SAFETY: four floats at a time, within `x`.
    unsafe {
        let factors = I::splat(factor);
        for_vectors!(x.len(), |i| {
            let p = x.as_mut_ptr().add(i);
            I::store(p.cast(), I::mul(I::load(p.cast()), factors));
        });
    }
    let rest = x.len() / 4 * 4;
    scalar::scale(&mut x[rest..], factor);
}
