//! Quantised weights × quantised activations.

use super::{STREAMS, TOKENS, halves, store_rows};
use crate::kernels::Activations;
use crate::kernels::isa::Isa;
use crate::quant::tiles::TILE_ROWS;
use crate::quant::{Matrix, TileFormat};

/// A quantised [`TileFormat`] as a type, so that each gets a kernel of its own.
pub(super) trait Quantized {
    const FORMAT: TileFormat;
}

macro_rules! formats {
    ($($name:ident),*) => {
        $(
            #[allow(non_camel_case_types)]
            pub(super) struct $name;
            impl Quantized for $name {
                const FORMAT: TileFormat = TileFormat::$name;
            }
        )*
    };
}
formats!(Q4_0, Q4_1, Q5_0, Q5_1, Q6, Q8_0);

/// The eight weight vectors of a tile, four columns each.
#[inline(always)]
unsafe fn unpack<I: Isa, F: Quantized>(tile: *const u8) -> [I::V; 8] {
    // SAFETY: a whole tile lies at `tile`.
    unsafe {
        if matches!(F::FORMAT, TileFormat::Q8_0) {
            let mut w = [I::load(tile); 8];
            for (g, w) in w.iter_mut().enumerate() {
                *w = I::load(tile.add(16 * g));
            }
            return w;
        }
        let mask = I::splat_i32(0x0f0f_0f0f);
        let mut w = [mask; 8];
        for i in 0..4 {
            let pair = I::load(tile.add(16 * i));
            w[2 * i] = I::and(pair, mask);
            w[2 * i + 1] = I::and(I::shr_u16::<4>(pair), mask);
        }
        if matches!(F::FORMAT, TileFormat::Q6) {
            let upper = I::splat_i32(0x3030_3030);
            for half in 0..2 {
                let bits = I::load(tile.add(64 + 16 * half));
                let w = &mut w[4 * half..4 * half + 4];
                w[0] = I::or(w[0], I::and(I::shl_u16::<4>(bits), upper));
                w[1] = I::or(w[1], I::and(I::shl_u16::<2>(bits), upper));
                w[2] = I::or(w[2], I::and(bits, upper));
                w[3] = I::or(w[3], I::and(I::shr_u16::<2>(bits), upper));
            }
        }
        if F::FORMAT.weight_bytes() == 80 {
            let bits = I::load(tile.add(64));
            let fifth = I::splat_i32(0x1010_1010);
            w[0] = I::or(w[0], I::and(I::shl_u16::<4>(bits), fifth));
            w[1] = I::or(w[1], I::and(I::shl_u16::<3>(bits), fifth));
            w[2] = I::or(w[2], I::and(I::shl_u16::<2>(bits), fifth));
            w[3] = I::or(w[3], I::and(I::shl_u16::<1>(bits), fifth));
            w[4] = I::or(w[4], I::and(bits, fifth));
            w[5] = I::or(w[5], I::and(I::shr_u16::<1>(bits), fifth));
            w[6] = I::or(w[6], I::and(I::shr_u16::<2>(bits), fifth));
            w[7] = I::or(w[7], I::and(I::shr_u16::<3>(bits), fifth));
        }
        w
    }
}

// Loops, not `map`: a closure would not be compiled for the machine's instructions.
#[inline(always)]
unsafe fn unsigned<I: Isa>(w: [I::V; 8]) -> [I::Unsigned; 8] {
    // SAFETY: as the caller promises.
    unsafe {
        let mut ready = [I::unsigned(w[0]); 8];
        for g in 1..8 {
            ready[g] = I::unsigned(w[g]);
        }
        ready
    }
}

#[inline(always)]
unsafe fn signed<I: Isa>(w: [I::V; 8]) -> [I::Signed; 8] {
    // SAFETY: as the caller promises.
    unsafe {
        let mut ready = [I::signed(w[0]); 8];
        for g in 1..8 {
            ready[g] = I::signed(w[g]);
        }
        ready
    }
}

/// The exact integer dot product of each row of a tile with 32 activations.
#[inline(always)]
unsafe fn dot_unsigned<I: Isa, F: Quantized>(w: &[I::Unsigned; 8], x: *const u8, sum: i32) -> I::V {
    // SAFETY: `x` is good for 32 spread activations.
    unsafe {
        let mut even = I::splat_i32(-F::FORMAT.offset() * sum);
        let mut odd = I::splat_i32(0);
        for i in 0..4 {
            even = I::dot(even, x, 2 * i, w[2 * i]);
            odd = I::dot(odd, x, 2 * i + 1, w[2 * i + 1]);
        }
        I::add_i32(even, odd)
    }
}

#[inline(always)]
unsafe fn dot_signed<I: Isa>(w: &[I::Signed; 8], x: *const u8) -> I::V {
    // SAFETY: `x` is good for 32 spread activations.
    unsafe {
        let mut sum = I::signed_zero();
        for (group, w) in w.iter().enumerate() {
            sum = I::dot_signed(sum, x, group, *w);
        }
        I::signed_total(sum)
    }
}

/// What scales a tile: four scales, and four minima or the scales of the second half.
#[inline(always)]
unsafe fn scales<I: Isa, F: Quantized>(tile: *const u8) -> (I::V, I::V) {
    // SAFETY: a whole tile lies at `tile`.
    unsafe {
        let at = tile.add(F::FORMAT.weight_bytes());
        let scale = halves::<I>(at);
        (
            scale,
            if F::FORMAT.has_minimum() || matches!(F::FORMAT, TileFormat::Q6) {
                halves::<I>(at.add(8))
            } else {
                scale
            },
        )
    }
}

/// sums += dot × (scale × activation scale) [+ minimum × scaled sum of the activations].
#[inline(always)]
unsafe fn accumulate<I: Isa, F: Quantized>(
    sums: I::V,
    dot: I::V,
    (scale, minimum): (I::V, I::V),
    x: &Activations,
    at: usize,
) -> I::V {
    // SAFETY: `at` is a block of `x`.
    unsafe {
        let scale = I::mul(scale, I::splat(*x.scales.get_unchecked(at)));
        let sums = I::add(sums, I::mul(I::to_f32(dot), scale));
        if !F::FORMAT.has_minimum() {
            return sums;
        }
        let scaled_sum = I::splat(*x.scaled_sums.get_unchecked(at));
        I::add(sums, I::mul(minimum, scaled_sum))
    }
}

/// Adds the product of a tile of unsigned weights and the activations of block and token `at`.
#[inline(always)]
unsafe fn add_unsigned<I: Isa, F: Quantized>(
    sums: I::V,
    w: &[I::Unsigned; 8],
    scales: (I::V, I::V),
    x: &Activations,
    at: usize,
) -> I::V {
    // SAFETY: `at` is a block of `x`.
    unsafe {
        let spread = x.spread.as_ptr().add(at * I::SPREAD);
        let sum = *x.sums.get_unchecked(at);
        if !matches!(F::FORMAT, TileFormat::Q6) {
            let dot = dot_unsigned::<I, F>(w, spread, sum);
            return accumulate::<I, F>(sums, dot, scales, x, at);
        }
        let low_sum = *x.low_sums.get_unchecked(at);
        let mut low = I::splat_i32(-F::FORMAT.offset() * low_sum);
        let mut high = I::splat_i32(-F::FORMAT.offset() * (sum - low_sum));
        for group in 0..4 {
            low = I::dot(low, spread, group, w[group]);
            high = I::dot(high, spread, 4 + group, w[4 + group]);
        }
        let sums = accumulate::<I, F>(sums, low, scales, x, at);
        accumulate::<I, F>(sums, high, (scales.1, scales.1), x, at)
    }
}

/// y = matrix × x for every token of x.
#[inline(always)]
pub(super) unsafe fn product<I: Isa, F: Quantized>(
    matrix: &Matrix,
    x: &Activations,
    y: &mut [f32],
) {
    let blocks = matrix.tiles_per_group();
    assert!(x.sums.len() == blocks * x.tokens && x.spread.len() == x.sums.len() * I::SPREAD);
    let groups = matrix.rows().div_ceil(TILE_ROWS);
    // SAFETY: groups below `groups` lie in the matrix; `x` was checked above.
    unsafe {
        if x.tokens == 1 {
            let span = groups / STREAMS;
            for group in 0..span {
                one_token::<I, F, STREAMS>(matrix, group, span, x, y);
            }
            for group in span * STREAMS..groups {
                one_token::<I, F, 1>(matrix, group, 0, x, y);
            }
        } else {
            for group in 0..groups {
                for first in (0..x.tokens).step_by(TOKENS) {
                    many_tokens::<I, F>(matrix, group, x, first, y);
                }
            }
        }
    }
}

/// Decode: the sums of four rows stay in a register. `N` groups of rows, `span` apart, are read side by
/// side: processors fetch ahead within a page of memory, so several streams wait less than one.
#[inline(always)]
unsafe fn one_token<I: Isa, F: Quantized, const N: usize>(
    matrix: &Matrix,
    first: usize,
    span: usize,
    x: &Activations,
    y: &mut [f32],
) {
    // SAFETY: as `product` checked.
    unsafe {
        let stride = span * matrix.tiles_per_group() * F::FORMAT.tile_bytes();
        let mut tiles = matrix.group(first).as_ptr();
        let mut sums = [I::splat(0.0); N];
        for block in 0..matrix.tiles_per_group() {
            let spread = x.spread.as_ptr().add(block * I::SPREAD);
            macro_rules! stream {
                ($($n:literal),*) => {$(
                    if $n < N {
                        let tile = tiles.add($n * stride);
                        let w = unpack::<I, F>(tile);
                        let scales = scales::<I, F>(tile);
                        sums[$n] = if matches!(F::FORMAT, TileFormat::Q8_0) {
                            let dot = dot_signed::<I>(&signed::<I>(w), spread);
                            accumulate::<I, F>(sums[$n], dot, scales, x, block)
                        } else {
                            add_unsigned::<I, F>(sums[$n], &unsigned::<I>(w), scales, x, block)
                        };
                    }
                )*};
            }
            // Written out: as a loop, engines keep the sums in memory.
            stream!(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            tiles = tiles.add(F::FORMAT.tile_bytes());
        }
        for (n, sums) in sums.iter().enumerate() {
            store_rows::<I>(*sums, matrix, first + n * span, 0, y);
        }
    }
}

/// Prefill: a tile is unpacked once and meets up to [`TOKENS`] tokens.
#[inline(always)]
unsafe fn many_tokens<I: Isa, F: Quantized>(
    matrix: &Matrix,
    group: usize,
    x: &Activations,
    first: usize,
    y: &mut [f32],
) {
    // SAFETY: as `product` checked.
    unsafe {
        let tiles = matrix.group(group).as_ptr();
        let mut sums = [I::splat(0.0); TOKENS];
        let sums = &mut sums[..TOKENS.min(x.tokens - first)];
        for block in 0..matrix.tiles_per_group() {
            let tile = tiles.add(block * F::FORMAT.tile_bytes());
            let at = block * x.tokens + first;
            let spread = x.spread.as_ptr().add(at * I::SPREAD);
            let scales = scales::<I, F>(tile);
            let w = unpack::<I, F>(tile);
            if matches!(F::FORMAT, TileFormat::Q8_0) {
                let w = signed::<I>(w);
                for (t, sums) in sums.iter_mut().enumerate() {
                    let dot = dot_signed::<I>(&w, spread.add(t * I::SPREAD));
                    *sums = accumulate::<I, F>(*sums, dot, scales, x, at + t);
                }
            } else {
                let w = unsigned::<I>(w);
                for (t, sums) in sums.iter_mut().enumerate() {
                    *sums = add_unsigned::<I, F>(*sums, &w, scales, x, at + t);
                }
            }
        }
        for (t, sums) in sums.iter().enumerate() {
            store_rows::<I>(*sums, matrix, group, first + t, y);
        }
    }
}
