//! The kernels of attention, for keys and values stored as floats and as integers.

use std::array::from_fn;

use super::lanes;
use crate::kernels::attention_integers::{CHUNK, DIMS, Heads, QUANT_MAX, Stored};
use crate::kernels::isa::Isa;
use crate::kernels::scalar::{self, TINY};

/// See [`scalar::scores`]. The four positions of a tile are four lanes; four tiles at a time hide the latency of the
/// additions.
#[inline(always)]
pub(in crate::kernels) unsafe fn scores<I: Isa>(
    query: &[f32],
    keys: &[f32],
    factor: f32,
    scores: &mut [f32],
) {
    let size = 4 * query.len();
    let tiles = scores.len().div_ceil(4);
    debug_assert!(keys.len() >= tiles * size);
    // SAFETY: `tiles` whole tiles lie in `keys`.
    unsafe {
        let mut tile = 0;
        while tile + 4 <= tiles {
            let sums = dot_tiles::<I, 4>(query, keys.as_ptr().add(tile * size));
            store_scores::<I, 4>(sums, factor, &mut scores[4 * tile..]);
            tile += 4;
        }
        while tile < tiles {
            let sums = dot_tiles::<I, 1>(query, keys.as_ptr().add(tile * size));
            store_scores::<I, 1>(sums, factor, &mut scores[4 * tile..]);
            tile += 1;
        }
    }
}

#[inline(always)]
unsafe fn dot_tiles<I: Isa, const N: usize>(query: &[f32], keys: *const f32) -> [I::V; N] {
    // SAFETY: `keys` is good for N tiles of 4 × query.len() floats.
    unsafe {
        let mut sums = [I::splat(0.0); N];
        for (d, q) in query.iter().enumerate() {
            let q = I::splat(*q);
            for (n, sum) in sums.iter_mut().enumerate() {
                let key = I::load(keys.add(4 * (n * query.len() + d)).cast());
                *sum = I::add(*sum, I::mul(q, key));
            }
        }
        sums
    }
}

#[inline(always)]
unsafe fn store_scores<I: Isa, const N: usize>(sums: [I::V; N], factor: f32, scores: &mut [f32]) {
    // SAFETY: as the caller promises.
    unsafe {
        for (sum, scores) in sums.iter().zip(scores.chunks_mut(4)) {
            let sum = lanes::<I>(I::mul(*sum, I::splat(factor)));
            scores.copy_from_slice(&sum[..scores.len()]);
        }
    }
}

/// See [`scalar::weighted_sum`]. Goes through the values once for every 32 dimensions, whose sums stay in registers.
#[inline(always)]
pub(in crate::kernels) unsafe fn weighted_sum<I: Isa>(
    weights: &[f32],
    values: &[f32],
    out: &mut [f32],
) {
    let width = out.len();
    debug_assert!(values.len() >= weights.len() * width);
    let mut d = 0;
    // SAFETY: `weights.len()` rows of `width` floats lie in `values`; d + 4N stays within a row.
    unsafe {
        while d + 32 <= width {
            weighted_lanes::<I, 8>(weights, values.as_ptr().add(d), width, &mut out[d..d + 32]);
            d += 32;
        }
        while d + 4 <= width {
            weighted_lanes::<I, 1>(weights, values.as_ptr().add(d), width, &mut out[d..d + 4]);
            d += 4;
        }
    }
    for (d, out) in out.iter_mut().enumerate().skip(d) {
        *out = weights
            .iter()
            .zip(values.chunks_exact(width))
            .fold(0.0, |sum, (w, v)| sum + w * v[d]);
    }
}

#[inline(always)]
unsafe fn weighted_lanes<I: Isa, const N: usize>(
    weights: &[f32],
    values: *const f32,
    width: usize,
    out: &mut [f32],
) {
    // SAFETY: as the caller promises.
    unsafe {
        let mut sums = [I::splat(0.0); N];
        for (t, weight) in weights.iter().enumerate() {
            let weight = I::splat(*weight);
            for (n, sum) in sums.iter_mut().enumerate() {
                let value = I::load(values.add(t * width + 4 * n).cast());
                *sum = I::add(*sum, I::mul(weight, value));
            }
        }
        for (sum, out) in sums.iter().zip(out.chunks_exact_mut(4)) {
            I::store(out.as_mut_ptr().cast(), *sum);
        }
    }
}

/// Eight integers as 16-bit lanes.
#[inline(always)]
unsafe fn load_integers<I: Isa, T: Stored>(p: *const T) -> I::V {
    // SAFETY: `p` is good for eight.
    unsafe {
        if size_of::<T>() == 2 {
            I::load(p.cast())
        } else {
            I::load_i8x8(p.cast())
        }
    }
}

/// See [`scalar::quantize_i16`].
#[inline(always)]
pub(in crate::kernels) unsafe fn quantize_i16<I: Isa>(x: &[f32], q: &mut [i16]) -> f32 {
    debug_assert!(x.len() == q.len());
    let whole = x.len() / 8 * 8;
    // SAFETY: eight values at a time, within slices of one length.
    unsafe {
        let mask = I::splat_i32(0x7fff_ffff);
        let mut most = I::splat_i32(0);
        for i in (0..whole).step_by(4) {
            most = I::max_i32(most, I::and(I::load(x.as_ptr().add(i).cast()), mask));
        }
        let mut largest = scalar::largest_magnitude(&x[whole..]);
        for lane in lanes::<I>(most) {
            largest = f32::from_bits(largest.to_bits().max(lane.to_bits()));
        }
        if largest < TINY {
            q.fill(0);
            return 0.0;
        }
        let inverse = QUANT_MAX / largest;
        let (low, high) = (I::splat(-QUANT_MAX), I::splat(QUANT_MAX));
        for i in (0..whole).step_by(8) {
            let mut halves = [low; 2];
            for (half, rounded) in halves.iter_mut().enumerate() {
                let x = I::load(x.as_ptr().add(i + 4 * half).cast());
                let nearest = I::nearest(I::mul(x, I::splat(inverse)));
                *rounded = I::max(I::min(nearest, high), low);
            }
            let q8 = I::to_i16(halves[0], halves[1]);
            I::store(q.as_mut_ptr().add(i).cast(), q8);
        }
        scalar::round_i16(&x[whole..], inverse, &mut q[whole..]);
        largest / QUANT_MAX
    }
}

/// See [`scalar::scores_integer`]. Each vector of keys that is read serves two heads at once, and each tile serves
/// every head before the next tiles are read.
#[inline(always)]
pub(in crate::kernels) unsafe fn scores_integer<I: Isa, T: Stored>(
    heads: &Heads,
    keys: &[T],
    scales: &[f32],
    scores: &mut [f32],
) {
    let tiles = heads.positions.div_ceil(4);
    let (size, blocks) = (4 * heads.padded, heads.padded.div_ceil(DIMS));
    assert!(keys.len() >= tiles * size && scales.len() >= 4 * tiles * blocks);
    assert!(heads.queries.len() / heads.padded == heads.factors.len() / blocks);
    // Whole tiles first, as four streams that are read side by side, like the weights of matrix products.
    let span = heads.positions / 4 / 4;
    // SAFETY: `tiles` whole tiles lie in `keys`, as many scales in `scales`.
    unsafe {
        for tile in 0..span {
            all_heads::<I, T, 4>(heads, keys.as_ptr(), scales, tile, span, scores);
        }
        for tile in 4 * span..tiles {
            all_heads::<I, T, 1>(heads, keys.as_ptr(), scales, tile, 0, scores);
        }
    }
}

/// The scores of every head at `N` tiles of four positions, `span` apart.
#[inline(always)]
unsafe fn all_heads<I: Isa, T: Stored, const N: usize>(
    heads: &Heads,
    keys: *const T,
    scales: &[f32],
    first: usize,
    span: usize,
    scores: &mut [f32],
) {
    let count = heads.queries.len() / heads.padded;
    // SAFETY: as the caller checked.
    unsafe {
        for head in (1..count).step_by(2) {
            score_heads::<I, T, 2, N>(heads, head - 1, keys, scales, first, span, scores);
        }
        if count % 2 == 1 {
            score_heads::<I, T, 1, N>(heads, count - 1, keys, scales, first, span, scores);
        }
    }
}

/// The scores of `H` heads from `head` on.
#[inline(always)]
unsafe fn score_heads<I: Isa, T: Stored, const H: usize, const N: usize>(
    heads: &Heads,
    head: usize,
    keys: *const T,
    scales: &[f32],
    first: usize,
    span: usize,
    scores: &mut [f32],
) {
    let (padded, positions) = (heads.padded, heads.positions);
    let blocks = padded.div_ceil(DIMS);
    // SAFETY: as the caller checked.
    unsafe {
        let keys = keys.add(4 * padded * first);
        let queries: [_; H] = from_fn(|h| heads.queries.as_ptr().add((head + h) * padded));
        let mut sums = [[I::splat(0.0); H]; N];
        for block in 0..blocks {
            let mut dots = [[I::splat_i32(0); H]; N];
            for d in (block * DIMS..padded.min((block + 1) * DIMS)).step_by(2) {
                let q = queries.map(|q| I::splat_i32(q.add(d).cast::<i32>().read_unaligned()));
                for (n, dots) in dots.iter_mut().enumerate() {
                    let key = load_integers::<I, T>(keys.add(4 * (n * span * padded + d)));
                    for (dot, q) in dots.iter_mut().zip(q) {
                        *dot = I::add_i32(*dot, I::dot_i16(q, key));
                    }
                }
            }
            for (n, (sums, dots)) in sums.iter_mut().zip(dots).enumerate() {
                let at = 4 * ((first + n * span) * blocks + block);
                let scale = I::load(scales.as_ptr().add(at).cast());
                for (h, (sum, dot)) in sums.iter_mut().zip(dots).enumerate() {
                    let factor = heads.factors[(head + h) * blocks + block];
                    let scale = I::mul(scale, I::splat(factor));
                    *sum = I::add(*sum, I::mul(I::to_f32(dot), scale));
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            let at = 4 * (first + n * span);
            let count = 4.min(positions - at);
            for (h, sum) in sums.iter().enumerate() {
                let scores = &mut scores[(head + h) * positions + at..][..count];
                if count == 4 {
                    I::store(scores.as_mut_ptr().cast(), *sum);
                } else {
                    scores.copy_from_slice(&lanes::<I>(*sum)[..count]);
                }
            }
        }
    }
}

/// See [`scalar::weighted_sum_integer`]. Each vector of values that is read serves two heads at once, and each chunk of
/// positions serves every head before the next is read.
#[inline(always)]
pub(in crate::kernels) unsafe fn weighted_sum_integer<I: Isa, T: Stored>(
    weights: &[f32],
    values: &[T],
    scales: &[f32],
    positions: usize,
    out: &mut [f32],
    padded: usize,
) {
    assert!(values.len() >= positions.next_multiple_of(2) * padded && scales.len() >= positions);
    assert!(weights.len() / positions == out.len() / padded);
    out.fill(0.0);
    for start in (0..positions).step_by(CHUNK) {
        let count = CHUNK.min(positions - start);
        let scales = &scales[start..][..count];
        let values = values[start * padded..].as_ptr();
        let rows = weights.chunks(2 * positions);
        for (weights, out) in rows.zip(out.chunks_mut(2 * padded)) {
            let weights = &weights[start..];
            // SAFETY: pairs of positions were checked above.
            unsafe {
                if out.len() == 2 * padded {
                    chunk::<I, T, 2, 4>(weights, positions, values, scales, out, padded);
                } else {
                    chunk::<I, T, 1, 8>(weights, positions, values, scales, out, padded);
                }
            }
        }
    }
}

/// Adds the weighted values of a chunk of positions to the outputs of `H` heads, 4 `N` dimensions at a time.
#[inline(always)]
unsafe fn chunk<I: Isa, T: Stored, const H: usize, const N: usize>(
    weights: &[f32],
    positions: usize,
    values: *const T,
    scales: &[f32],
    out: &mut [f32],
    padded: usize,
) {
    let mut q = [[0; CHUNK]; H];
    let mut steps = [0.0; H];
    for (h, (q, step)) in q.iter_mut().zip(&mut steps).enumerate() {
        let mut scaled = [0.0; CHUNK];
        let weights = &weights[h * positions..][..scales.len()];
        for ((s, w), scale) in scaled.iter_mut().zip(weights).zip(scales) {
            *s = w * scale;
        }
        // SAFETY: as the caller promises.
        *step = unsafe { quantize_i16::<I>(&scaled, q) };
    }
    let pairs = scales.len().div_ceil(2);
    let mut d = 0;
    // SAFETY: as the caller checked; `N` vectors end within the dimensions of a head.
    unsafe {
        while d + 4 * N <= padded {
            weighted_dims::<I, T, H, N>(
                &q,
                pairs,
                values.add(2 * d),
                padded,
                &steps,
                &mut out[d..],
            );
            d += 4 * N;
        }
        while d < padded {
            weighted_dims::<I, T, H, 1>(
                &q,
                pairs,
                values.add(2 * d),
                padded,
                &steps,
                &mut out[d..],
            );
            d += 4;
        }
    }
}

/// out\[head\]\[4 N dimensions\] += Σ over pairs of positions.
#[inline(always)]
unsafe fn weighted_dims<I: Isa, T: Stored, const H: usize, const N: usize>(
    q: &[[i16; CHUNK]; H],
    pairs: usize,
    values: *const T,
    padded: usize,
    steps: &[f32; H],
    out: &mut [f32],
) {
    debug_assert!(out.len() >= (H - 1) * padded + 4 * N);
    // SAFETY: as the caller checked.
    unsafe {
        let mut sums = [[I::splat_i32(0); H]; N];
        for pair in 0..pairs {
            let weight: [_; H] =
                from_fn(|h| I::splat_i32(q[h].as_ptr().cast::<i32>().add(pair).read_unaligned()));
            for (n, sums) in sums.iter_mut().enumerate() {
                let value = load_integers::<I, T>(values.add(2 * padded * pair + 8 * n));
                for (sum, weight) in sums.iter_mut().zip(weight) {
                    *sum = I::add_i32(*sum, I::dot_i16(weight, value));
                }
            }
        }
        for (n, sums) in sums.iter().enumerate() {
            for (h, (sum, step)) in sums.iter().zip(steps).enumerate() {
                let p = out.as_mut_ptr().add(h * padded + 4 * n);
                let scaled = I::mul(I::to_f32(*sum), I::splat(*step));
                I::store(p.cast(), I::add(I::load(p.cast()), scaled));
            }
        }
    }
}
