//! Matrix products of quantised weights and quantised activations.

// Rows of tiles and tokens are indexed side by side everywhere, which loops over indices show best.
#![allow(clippy::needless_range_loop)]

use super::unpack::{self, Quantized, Scales};
use core::mem::MaybeUninit;
use core::ops::Range;

use super::{
    FEW_STREAMS, FEW_TOKENS, MANY_STREAMS, PAIR_STREAMS, PANEL, ROWS, TOKENS, load_rows, store_rows,
};
use crate::kernels::activations::{Activations, Block};
use crate::kernels::isa::Isa;
use crate::kernels::threads::Output;
use crate::kernels::tune;
use crate::quant::tiles::TILE_COLS;
use crate::quant::{Matrix, TileFormat};

/// The exact integer dot products of the rows of `R` tiles with the columns 4 `first` to 4 (`first` + `N`) of `T`
/// tokens. `sums` are the sums of the activations in these columns, which the offset of the weights is multiplied by.
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
            TileFormat::Q4_0 | TileFormat::Q4_1 | TileFormat::Q1 => {
                I::dot::<15, N, R, T>(w, first, x)
            }
            TileFormat::Q5_0 | TileFormat::Q5_1 => I::dot::<31, N, R, T>(w, first, x),
            _ => I::dot::<63, N, R, T>(w, first, x),
        };
        if F::FORMAT.zero_point() > 0 {
            for (t, sum) in sums.iter().enumerate() {
                let zero_point = I::splat_i32(-F::FORMAT.zero_point() * sum);
                for dots in &mut dots {
                    dots[t] = I::add_i32(dots[t], zero_point);
                }
            }
        }
        dots
    }
}

/// The same block of `R` tiles, unpacked.
#[derive(Clone, Copy)]
struct Unpacked<I: Isa, const R: usize> {
    weights: [[I::Weights; R]; 8],
    scales: [Scales<I>; R],
}

impl<I: Isa, const R: usize> Unpacked<I, R> {
    #[inline(always)]
    unsafe fn new<F: Quantized>(tiles: [*const u8; R], block: usize) -> Self {
        // SAFETY: a whole tile lies at each of `tiles`, which have the block. These are loops and not `map`, because a
        // closure would not be compiled for the machine's instructions.
        unsafe {
            let zero = I::splat_i32(0);
            let mut all = Self {
                weights: [[I::unsigned(zero); R]; 8],
                scales: [Scales::<I> {
                    scale: zero,
                    other: zero,
                    min_multipliers: zero,
                }; R],
            };
            for (r, tile) in tiles.iter().enumerate() {
                let mut weights = unpack::weights::<I, F>(*tile, block);
                all.scales[r] = unpack::scales::<I, F>(*tile, block, &mut weights);
                for (group, bytes) in weights.into_iter().enumerate() {
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

    /// Adds the products with the blocks `at` of the activations to `sums`.
    #[inline(always)]
    unsafe fn add<F: Quantized, const T: usize>(
        &self,
        x: &Activations,
        at: [usize; T],
        sums: &mut [[I::V; T]; R],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            let packs = if F::FORMAT.is_signed() {
                I::PACKS_SIGNED
            } else {
                I::PACKS_UNSIGNED
            };
            let blocks = at.map(|at| x.blocks.as_ptr().add(at));
            let mut q = [core::ptr::null(); T];
            let (mut all, mut low, mut high) = ([0; T], [0; T], [0; T]);
            for t in 0..T {
                let block = &*blocks[t];
                q[t] = if packs {
                    x.packed.as_ptr().add(at[t]).cast()
                } else {
                    block.q.as_ptr().cast()
                };
                (all[t], low[t]) = (block.sum, block.low_sum);
                high[t] = block.sum - block.low_sum;
            }
            if F::FORMAT == TileFormat::IQ {
                let [low, high] = self.dot_halves(q);
                self.accumulate::<F, T>(low, |scales| scales.scale, blocks, sums);
                self.accumulate::<F, T>(high, |scales| scales.other, blocks, sums);
                return;
            }
            if F::FORMAT.has_half_scales() {
                let low = dot_unsigned::<I, F, 4, R, T>(&self.weights, 0, q, low);
                self.accumulate::<F, T>(low, |scales| scales.scale, blocks, sums);
                let high = dot_unsigned::<I, F, 4, R, T>(&self.weights, 4, q, high);
                self.accumulate::<F, T>(high, |scales| scales.other, blocks, sums);
                return;
            }
            let dots = if F::FORMAT.is_signed() {
                I::dot_signed::<R, T>(&self.weights, q)
            } else {
                dot_unsigned::<I, F, 8, R, T>(&self.weights, 0, q, all)
            };
            self.accumulate::<F, T>(dots, |scales| scales.scale, blocks, sums);
        }
    }

    /// The exact dot products of the halves of the columns, for signed weights: those of all columns, with zeros in place
    /// of the weights of the other half.
    #[inline(always)]
    unsafe fn dot_halves<const T: usize>(&self, x: [*const u8; T]) -> [[[I::V; T]; R]; 2] {
        // SAFETY: as the caller promises.
        unsafe {
            let mut halves = [self.weights; 2];
            for n in 0..4 {
                halves[0][4 + n] = [I::signed(I::splat_i32(0)); R];
                halves[1][n] = [I::signed(I::splat_i32(0)); R];
            }
            [
                I::dot_signed::<R, T>(&halves[0], x),
                I::dot_signed::<R, T>(&halves[1], x),
            ]
        }
    }

    /// sums += dot × (scale × activation scale) [+ minimum × scaled sum of the activations].
    #[inline(always)]
    unsafe fn accumulate<F: Quantized, const T: usize>(
        &self,
        dots: [[I::V; T]; R],
        scale: impl Fn(&Scales<I>) -> I::V,
        blocks: [*const Block; T],
        sums: &mut [[I::V; T]; R],
    ) {
        // SAFETY: as the caller promises.
        unsafe {
            for t in 0..T {
                let x = &*blocks[t];
                // Both sums fit 16 bits.
                let halves = I::splat_i32((x.low_sum & 0xffff) | ((x.sum - x.low_sum) << 16));
                for r in 0..R {
                    let scales = &self.scales[r];
                    let scaled = I::mul(scale(scales), I::splat(x.scale));
                    let mut sum = I::add(sums[r][t], I::mul(I::to_f32(dots[r][t]), scaled));
                    if F::FORMAT.has_minimum() {
                        sum = I::add(sum, I::mul(scales.other, I::splat(x.scaled_sum)));
                    }
                    if F::FORMAT == TileFormat::Q2 {
                        let multiplied = I::to_f32(I::dot_i16(scales.min_multipliers, halves));
                        let minimum = I::mul(scales.other, I::splat(x.scale));
                        sum = I::add(sum, I::mul(multiplied, minimum));
                    }
                    sums[r][t] = sum;
                }
            }
        }
    }
}

/// y = matrix × x for every token of x, in the rows of some `groups`.
#[inline(always)]
pub(super) unsafe fn product<I: Isa, F: Quantized>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) {
    let blocks = matrix.cols() / TILE_COLS;
    assert!(x.blocks.len() == blocks * x.tokens);
    let packs = if F::FORMAT.is_signed() {
        I::PACKS_SIGNED
    } else {
        I::PACKS_UNSIGNED
    };
    assert!(!packs || x.packed.len() == x.blocks.len());
    // SAFETY: `x` was checked above.
    unsafe {
        if x.tokens == 1 {
            return decode::<I, F>(matrix, groups, x, y);
        }
        let mut rest = groups;
        if F::HAS_PAIRS && x.tokens <= FEW_TOKENS {
            rest.start = pairs::<I, F>(matrix, rest.clone(), x, y);
        }
        prefill::<I, F>(matrix, rest, x, y);
    }
}

#[inline(always)]
unsafe fn decode<I: Isa, F: Quantized>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) {
    // SAFETY: as `product` checked.
    unsafe {
        if F::COMMON && tune::use_many_streams() {
            decode_streams::<I, F, MANY_STREAMS>(matrix, groups, x, y);
        } else {
            decode_streams::<I, F, FEW_STREAMS>(matrix, groups, x, y);
        }
    }
}

#[inline(always)]
unsafe fn decode_streams<I: Isa, F: Quantized, const N: usize>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) {
    let span = groups.len() / N;
    // SAFETY: as `product` checked; the groups lie in the matrix.
    unsafe {
        I::outlined(
            #[inline(always)]
            || {
                for group in groups.start..groups.start + span {
                    few_tokens::<I, F, N, 1>(matrix, group, span, x, 0, y);
                }
                for group in groups.start + span * N..groups.end {
                    few_tokens::<I, F, 1, 1>(matrix, group, 0, x, 0, y);
                }
            },
        );
    }
}

/// The product for few tokens, two at a time, in as many of the `groups` as can be read side by side. Returns the first of
/// those that are left.
#[inline(always)]
unsafe fn pairs<I: Isa, F: Quantized>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) -> usize {
    let span = groups.len() / PAIR_STREAMS;
    // SAFETY: as `product` checked; the groups lie in the matrix.
    unsafe {
        I::outlined(
            #[inline(always)]
            || {
                for group in groups.start..groups.start + span {
                    for token in (0..x.tokens).step_by(2) {
                        few_tokens::<I, F, PAIR_STREAMS, 2>(matrix, group, span, x, token, y);
                    }
                }
            },
        );
    }
    groups.start + span * PAIR_STREAMS
}

#[inline(always)]
unsafe fn prefill<I: Isa, F: Quantized>(
    matrix: &Matrix,
    groups: Range<usize>,
    x: &Activations,
    y: Output<'_>,
) {
    // SAFETY: as `product` checked; the groups lie in the matrix.
    unsafe {
        for group in groups.clone().step_by(ROWS) {
            panels::<I, F, ROWS, TOKENS>(matrix, side_by_side(group, groups.end), x, y);
        }
    }
}

/// `N` indices from `first` on, all below `end`. Where they run out, the last is repeated: computing the same sum again
/// costs less than separate kernels for the remainder.
#[inline(always)]
fn side_by_side<const N: usize>(first: usize, end: usize) -> [usize; N] {
    let mut indices = [first; N];
    for (i, index) in indices.iter_mut().enumerate() {
        *index = (first + i).min(end - 1);
    }
    indices
}

/// Bytes of the tiles of one group of rows: what [`Matrix`] computes for any format, with constants.
#[inline(always)]
fn group_bytes<F: Quantized>(matrix: &Matrix) -> usize {
    matrix.cols() / F::FORMAT.tile_cols() * F::FORMAT.tile_bytes()
}

/// Where the tiles of the group of this index begin.
#[inline(always)]
fn group<F: Quantized>(matrix: &Matrix, index: usize) -> *const u8 {
    let bytes = group_bytes::<F>(matrix);
    matrix.tiles()[index * bytes..][..bytes].as_ptr()
}

/// Decode, and prefill of few tokens, `T` from `token` on: the sums of four rows and a token stay in a register. `N`
/// groups of rows, `span` apart, are read side by side: processors prefetch only within a page of memory, so several
/// streams wait less than one.
#[inline(always)]
unsafe fn few_tokens<I: Isa, F: Quantized, const N: usize, const T: usize>(
    matrix: &Matrix,
    first: usize,
    span: usize,
    x: &Activations,
    token: usize,
    y: Output<'_>,
) {
    // SAFETY: as `product` checked.
    unsafe {
        let blocks = matrix.cols() / TILE_COLS;
        let stride = span * group_bytes::<F>(matrix);
        let mut tiles = group::<F>(matrix, first);
        let tokens: [usize; T] = side_by_side(token, x.tokens);
        let mut sums = [[I::splat(0.0); T]; N];
        for block in 0..blocks {
            macro_rules! stream {
                ($($n:literal),*) => {$(
                    if $n < N {
                        let tile = Unpacked::<I, 1>::new::<F>([tiles.add($n * stride)], block % F::FORMAT.blocks());
                        let mut sum = [sums[$n]];
                        tile.add::<F, T>(x, tokens.map(|token| token * blocks + block), &mut sum);
                        sums[$n] = sum[0];
                    }
                )*};
            }
            // Unrolled by hand: in a loop, engines keep the sums in memory.
            stream!(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
            if (block + 1).is_multiple_of(F::FORMAT.blocks()) {
                tiles = tiles.add(F::FORMAT.tile_bytes());
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (token, sum) in tokens.iter().zip(sums) {
                store_rows::<I>(*sum, matrix, first + n * span, *token, y);
            }
        }
    }
}

/// Prefill: `R` groups of rows × all tokens. A panel of blocks is unpacked once and multiplied with every token, `T`
/// tokens at a time, whose sums stay in registers meanwhile.
#[inline(always)]
unsafe fn panels<I: Isa, F: Quantized, const R: usize, const T: usize>(
    matrix: &Matrix,
    groups: [usize; R],
    x: &Activations,
    y: Output<'_>,
) {
    let blocks = matrix.cols() / TILE_COLS;
    let mut panel = [MaybeUninit::<Unpacked<I, R>>::uninit(); PANEL];
    for start in (0..blocks).step_by(PANEL) {
        let panel = &mut panel[..PANEL.min(blocks - start)];
        // SAFETY: as `product` checked; all of `panel` is unpacked before it is read.
        unsafe {
            unpack_panel::<I, F, R>(matrix, groups, start, panel);
            let panel = &*(&raw const *panel as *const [Unpacked<I, R>]);
            multiply_panel::<I, F::Like, R, T>(panel, matrix, groups, start, x, y);
        }
    }
}

/// Unpacks the blocks from `start` on, as many as the panel has room for.
#[inline(always)]
unsafe fn unpack_panel<I: Isa, F: Quantized, const R: usize>(
    matrix: &Matrix,
    groups: [usize; R],
    start: usize,
    panel: &mut [MaybeUninit<Unpacked<I, R>>],
) {
    // SAFETY: as `product` checked.
    unsafe {
        I::outlined(
            #[inline(always)]
            || {
                let groups = groups.map(|index| group::<F>(matrix, index));
                for (i, unpacked) in panel.iter_mut().enumerate() {
                    let block = start + i;
                    let at = block / F::FORMAT.blocks() * F::FORMAT.tile_bytes();
                    let tiles = groups.map(|group| group.add(at));
                    unpacked.write(Unpacked::new::<F>(tiles, block % F::FORMAT.blocks()));
                }
            },
        );
    }
}

/// Adds the products of a panel and all tokens to their sums in `y`.
#[inline(always)]
unsafe fn multiply_panel<I: Isa, F: Quantized, const R: usize, const T: usize>(
    panel: &[Unpacked<I, R>],
    matrix: &Matrix,
    groups: [usize; R],
    start: usize,
    x: &Activations,
    y: Output<'_>,
) {
    // SAFETY: as `product` checked.
    unsafe {
        I::outlined(
            #[inline(always)]
            || {
                for token in (0..x.tokens).step_by(T) {
                    let tokens = side_by_side(token, x.tokens);
                    multiply_tokens::<I, F, R, T>(panel, matrix, groups, start, x, tokens, y);
                }
            },
        );
    }
}

/// Adds the products of a panel and `T` tokens to their sums in `y`.
#[inline(always)]
unsafe fn multiply_tokens<I: Isa, F: Quantized, const R: usize, const T: usize>(
    panel: &[Unpacked<I, R>],
    matrix: &Matrix,
    groups: [usize; R],
    start: usize,
    x: &Activations,
    tokens: [usize; T],
    y: Output<'_>,
) {
    // SAFETY: as `product` checked.
    unsafe {
        let mut sums = [[I::splat(0.0); T]; R];
        if start > 0 {
            for (r, sums) in sums.iter_mut().enumerate() {
                for (t, sum) in sums.iter_mut().enumerate() {
                    *sum = load_rows::<I>(matrix, groups[r], tokens[t], y);
                }
            }
        }
        let first = tokens.map(|token| token * (matrix.cols() / TILE_COLS) + start);
        for (i, tiles) in panel.iter().enumerate() {
            tiles.add::<F, T>(x, first.map(|first| first + i), &mut sums);
        }
        for (r, sums) in sums.iter().enumerate() {
            for (t, sum) in sums.iter().enumerate() {
                store_rows::<I>(*sum, matrix, groups[r], tokens[t], y);
            }
        }
    }
}
