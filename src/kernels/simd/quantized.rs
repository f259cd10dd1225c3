//! Quantised weights × quantised activations.

// The tile's rows and the tokens are two indices everywhere: loops over them say it best.
#![allow(clippy::needless_range_loop)]

use core::mem::MaybeUninit;

use super::{FEW_STREAMS, MANY_STREAMS, PANEL, ROWS, TOKENS, halves, load_rows, store_rows};
use crate::kernels::activations::{Activations, Block};
use crate::kernels::isa::Isa;
use crate::kernels::tune;
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

/// The exact integer dot products of `R` tiles' rows with the columns 4 `first` to 4 (`first` + `N`) of
/// `T` tokens, whose sums are `sums`.
#[inline(always)]
unsafe fn dot_unsigned<I: Isa, F: Quantized, const N: usize, const R: usize, const T: usize>(
    w: &[[I::Weights; R]; 8],
    first: usize,
    x: [*const u8; T],
    sums: [i32; T],
) -> [[I::V; T]; R] {
    // SAFETY: as the caller promises.
    unsafe {
        let mut dots = match F::FORMAT {
            TileFormat::Q4_0 | TileFormat::Q4_1 => I::dot::<15, N, R, T>(w, first, x),
            TileFormat::Q5_0 | TileFormat::Q5_1 => I::dot::<31, N, R, T>(w, first, x),
            _ => I::dot::<63, N, R, T>(w, first, x),
        };
        if F::FORMAT.offset() > 0 {
            for (t, sum) in sums.iter().enumerate() {
                let offset = I::splat_i32(-F::FORMAT.offset() * sum);
                for dots in &mut dots {
                    dots[t] = I::add_i32(dots[t], offset);
                }
            }
        }
        dots
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

/// `R` tiles side by side, unpacked.
#[derive(Clone, Copy)]
struct Unpacked<I: Isa, const R: usize> {
    weights: [[I::Weights; R]; 8],
    scales: [(I::V, I::V); R],
}

impl<I: Isa, const R: usize> Unpacked<I, R> {
    #[inline(always)]
    unsafe fn new<F: Quantized>(tiles: [*const u8; R]) -> Self {
        // SAFETY: a whole tile lies at each of `tiles`. Loops, not `map`: a closure would not be compiled
        // for the machine's instructions.
        unsafe {
            let zero = I::splat_i32(0);
            let mut all = Self {
                weights: [[I::unsigned(zero); R]; 8],
                scales: [(zero, zero); R],
            };
            for (r, tile) in tiles.iter().enumerate() {
                all.scales[r] = scales::<I, F>(*tile);
                for (group, bytes) in unpack::<I, F>(*tile).into_iter().enumerate() {
                    all.weights[group][r] = if F::FORMAT.is_signed() {
                        I::signed(bytes)
                    } else {
                        I::unsigned(bytes)
                    };
                }
            }
            all
        }
    }

    /// Adds the products with the blocks `at` … `at + T` of activations.
    #[inline(always)]
    unsafe fn add<F: Quantized, const T: usize>(
        &self,
        x: &Activations,
        at: usize,
        sums: &mut [[I::V; T]; R],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            let spreads = if F::FORMAT.is_signed() {
                I::SPREADS_SIGNED
            } else {
                I::SPREADS_UNSIGNED
            };
            let blocks = x.blocks.as_ptr().add(at);
            let mut q = [core::ptr::null(); T];
            let (mut all, mut low, mut high) = ([0; T], [0; T], [0; T]);
            for t in 0..T {
                let block = &*blocks.add(t);
                q[t] = if spreads {
                    x.spread.as_ptr().add(at + t).cast()
                } else {
                    block.q.as_ptr().cast()
                };
                (all[t], low[t]) = (block.sum, block.low_sum);
                high[t] = block.sum - block.low_sum;
            }
            if F::FORMAT == TileFormat::Q6 {
                // Each half of the columns has scales of its own.
                let low = dot_unsigned::<I, F, 4, R, T>(&self.weights, 0, q, low);
                self.accumulate::<F, T>(low, |scales| (scales.0, scales.0), blocks, sums);
                let high = dot_unsigned::<I, F, 4, R, T>(&self.weights, 4, q, high);
                self.accumulate::<F, T>(high, |scales| (scales.1, scales.1), blocks, sums);
                return;
            }
            let dots = if F::FORMAT.is_signed() {
                I::dot_signed::<R, T>(&self.weights, q)
            } else {
                dot_unsigned::<I, F, 8, R, T>(&self.weights, 0, q, all)
            };
            self.accumulate::<F, T>(dots, |scales| scales, blocks, sums);
        }
    }

    /// sums += dot × (scale × activation scale) [+ minimum × scaled sum of the activations].
    #[inline(always)]
    unsafe fn accumulate<F: Quantized, const T: usize>(
        &self,
        dots: [[I::V; T]; R],
        choose: impl Fn((I::V, I::V)) -> (I::V, I::V),
        blocks: *const Block,
        sums: &mut [[I::V; T]; R],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            for t in 0..T {
                let x = &*blocks.add(t);
                for r in 0..R {
                    let (scale, minimum) = choose(self.scales[r]);
                    let scale = I::mul(scale, I::splat(x.scale));
                    let mut sum = I::add(sums[r][t], I::mul(I::to_f32(dots[r][t]), scale));
                    if F::FORMAT.has_minimum() {
                        sum = I::add(sum, I::mul(minimum, I::splat(x.scaled_sum)));
                    }
                    sums[r][t] = sum;
                }
            }
        }
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
    assert!(x.blocks.len() == blocks * x.tokens);
    let spreads = if F::FORMAT.is_signed() {
        I::SPREADS_SIGNED
    } else {
        I::SPREADS_UNSIGNED
    };
    assert!(!spreads || x.spread.len() == x.blocks.len());
    // SAFETY: `x` was checked above.
    unsafe {
        match x.tokens {
            1 => decode::<I, F>(matrix, x, y),
            _ => prefill::<I, F>(matrix, x, y),
        }
    }
}

#[inline(always)]
unsafe fn decode<I: Isa, F: Quantized>(matrix: &Matrix, x: &Activations, y: &mut [f32]) {
    // SAFETY: as `product` checked.
    unsafe {
        if tune::use_many_streams() {
            decode_streams::<I, F, MANY_STREAMS>(matrix, x, y);
        } else {
            decode_streams::<I, F, FEW_STREAMS>(matrix, x, y);
        }
    }
}

#[inline(always)]
unsafe fn decode_streams<I: Isa, F: Quantized, const N: usize>(
    matrix: &Matrix,
    x: &Activations,
    y: &mut [f32],
) {
    let groups = matrix.rows().div_ceil(TILE_ROWS);
    let span = groups / N;
    // SAFETY: as `product` checked; groups below `groups` lie in the matrix.
    unsafe {
        I::isolate(
            #[inline(always)]
            || {
                for group in 0..span {
                    one_token::<I, F, N>(matrix, group, span, x, y);
                }
                for group in span * N..groups {
                    one_token::<I, F, 1>(matrix, group, 0, x, y);
                }
            },
        );
    }
}

#[inline(always)]
unsafe fn prefill<I: Isa, F: Quantized>(matrix: &Matrix, x: &Activations, y: &mut [f32]) {
    let groups = matrix.rows().div_ceil(TILE_ROWS);
    let paired = groups / ROWS * ROWS;
    // SAFETY: as `product` checked; groups below `groups` lie in the matrix.
    unsafe {
        I::isolate(
            #[inline(always)]
            || {
                for group in (0..paired).step_by(ROWS) {
                    panels::<I, F, ROWS, TOKENS>(matrix, group, x, y);
                }
            },
        );
        I::isolate(
            #[inline(always)]
            || {
                for group in paired..groups {
                    panels::<I, F, 1, 1>(matrix, group, x, y);
                }
            },
        );
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
            macro_rules! stream {
                ($($n:literal),*) => {$(
                    if $n < N {
                        let tile = Unpacked::<I, 1>::new::<F>([tiles.add($n * stride)]);
                        let mut sum = [[sums[$n]]];
                        tile.add::<F, 1>(x, block, &mut sum);
                        sums[$n] = sum[0][0];
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

/// Prefill: `R` groups of rows × all tokens. A panel of tiles is unpacked once and meets every token, `T`
/// at a time, whose sums stay in registers meanwhile.
#[inline(always)]
unsafe fn panels<I: Isa, F: Quantized, const R: usize, const T: usize>(
    matrix: &Matrix,
    group: usize,
    x: &Activations,
    y: &mut [f32],
) {
    let blocks = matrix.tiles_per_group();
    let mut panel = [MaybeUninit::<Unpacked<I, R>>::uninit(); PANEL];
    for start in (0..blocks).step_by(PANEL) {
        let len = PANEL.min(blocks - start);
        // SAFETY: as `product` checked; `len` tiles are unpacked before they are read.
        unsafe {
            for (i, unpacked) in panel[..len].iter_mut().enumerate() {
                let mut tiles = [core::ptr::null(); R];
                for (r, tile) in tiles.iter_mut().enumerate() {
                    let at = (start + i) * F::FORMAT.tile_bytes();
                    *tile = matrix.group(group + r).as_ptr().add(at);
                }
                unpacked.write(Unpacked::new::<F>(tiles));
            }
            let panel = &*(&raw const panel[..len] as *const [Unpacked<I, R>]);
            let whole = x.tokens / T * T;
            for token in (0..whole).step_by(T) {
                meet::<I, F, R, T>(panel, matrix, group, start, x, token, y);
            }
            for token in whole..x.tokens {
                meet::<I, F, R, 1>(panel, matrix, group, start, x, token, y);
            }
        }
    }
}

/// Adds the products of a panel and `T` tokens to their sums in `y`.
#[inline(always)]
unsafe fn meet<I: Isa, F: Quantized, const R: usize, const T: usize>(
    panel: &[Unpacked<I, R>],
    matrix: &Matrix,
    group: usize,
    start: usize,
    x: &Activations,
    token: usize,
    y: &mut [f32],
) {
    // SAFETY: as `product` checked.
    unsafe {
        let mut sums = [[I::splat(0.0); T]; R];
        if start > 0 {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (t, sum) in sums.iter_mut().enumerate() {
                    *sum = load_rows::<I>(matrix, group + r, token + t, y);
                }
            }
        }
        for (i, tiles) in panel.iter().enumerate() {
            tiles.add::<F, T>(x, (start + i) * x.tokens + token, &mut sums);
        }
        for (r, sums) in sums.iter().enumerate() {
            for (t, sum) in sums.iter().enumerate() {
                store_rows::<I>(*sum, matrix, group + r, token + t, y);
            }
        }
    }
}
