//! The specification: every kernel as plain loops. The SIMD kernels must give the same bits, so the order of every
//! floating-point sum here must not change.

use super::activations::{Activations, Block, PACKED_BYTES};
use super::attention_integers::{CHUNK, DIMS, Heads, QUANT_MAX, Stored};
use super::threads::Output;
use crate::quant::tiles::{
    TILE_COLS, TILE_ROWS, tile_f16_bits, tile_min_multiplier, tile_scale, tile_weight,
};
use crate::quant::{Matrix, TileFormat};
use std::ops::Range;

/// IEEE half → f32. Exact for every finite half; infinities and NaNs, which no sane model contains, become large finite
/// numbers.
pub(super) fn half(bits: u16) -> f32 {
    let magnitude = f32::from_bits(u32::from(bits & 0x7fff) << 13) * HALF_BIAS;
    f32::from_bits(magnitude.to_bits() | (u32::from(bits & 0x8000) << 16))
}

/// 2¹¹²: the factor that makes up for the difference between the exponent biases of f32 and half.
pub(super) const HALF_BIAS: f32 = f32::from_bits((127 + 112) << 23);

/// `if a > b { a } else { b }`, as the vector instruction does it: a NaN in `a` gives `b`.
fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

fn min(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}

/// Blocks whose largest magnitude is below this are quantised to zeros: 127 over a smaller number could overflow.
pub(super) const TINY: f32 = 1e-30;

/// Quantises every block with [`quantize_block`].
pub(super) fn quantize_blocks(values: &[f32], blocks: &mut [Block]) {
    Block::quantize_each(values, blocks, |x, block| {
        let scale = quantize_block(x, &mut block.q);
        let total = |q: &[i8]| q.iter().map(|q| i32::from(*q)).sum();
        (block.sum, block.low_sum) = (total(&block.q), total(&block.q[..TILE_COLS / 2]));
        scale
    });
}

/// The scalar kernels read the blocks as they are.
pub(super) fn packs() -> [bool; 2] {
    [false; 2]
}

pub(super) fn pack_blocks(_: &[Block], _: &mut [[u8; PACKED_BYTES]]) {}

/// Quantises 32 values: scale = max |x| / 127, q = x / scale rounded to nearest even. Returns the scale.
pub(super) fn quantize_block(x: &[f32], q: &mut [i8]) -> f32 {
    let largest = largest_magnitude(x);
    if largest < TINY {
        q.fill(0);
        return 0.0;
    }
    let inverse = 127.0 / largest;
    for (x, q) in x.iter().zip(q) {
        *q = max(min((x * inverse).round_ties_even(), 127.0), -127.0) as i8;
    }
    largest / 127.0
}

/// y\[token\]\[row\] = Σ over columns of weight × activation.
///
/// Quantised weights go block by block: the integer dot product of a block is exact, then
/// `y += dot × (scale × activation scale)`, then `y += minimum × (activation scale × Σ activations)`. `Q6`, `Q3` and `IQ`
/// go by half blocks, because these have scales of their own. The minimum of `Q2` is added to each half of a block as many
/// times as [`tile_min_multiplier`] says, which is counted in integers:
/// `y += (Σ over halves of multiplier × Σ activations) × (minimum × activation scale)`. Float weights go column by
/// column.
pub(super) fn linear(matrix: &Matrix, groups: Range<usize>, x: &Activations, y: Output<'_>) {
    for token in 0..x.tokens() {
        for group in groups.clone() {
            let sums = if matrix.format().is_quantized() {
                quantized_group(matrix, group, x, token)
            } else {
                float_group(matrix, group, x.values(token))
            };
            let rows = TILE_ROWS.min(matrix.rows() - group * TILE_ROWS);
            // SAFETY: these rows are written here alone, as the caller promises.
            let y = unsafe { y.part(token, group * TILE_ROWS, rows) };
            y.copy_from_slice(&sums[..rows]);
        }
    }
}

/// The weights of one row of a block, as integers: [`tile_weight`] minus the offset.
fn block_weights(format: TileFormat, tile: &[u8], row: usize, first: usize) -> [i32; TILE_COLS] {
    // Each arm names its format as a constant, so that what depends on it is decided once and not for each weight.
    macro_rules! of {
        ($($format:ident),*) => {
            match format {
                $(TileFormat::$format => {
                    let format = TileFormat::$format;
                    std::array::from_fn(|c| tile_weight(format, tile, row, first + c) - format.zero_point())
                })*
                TileFormat::F32 | TileFormat::F16 | TileFormat::BF16 => [0; TILE_COLS],
            }
        };
    }
    of!(Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2, Q3, Q6, IQ4, Q1, MXFP4, IQ)
}

fn quantized_group(
    matrix: &Matrix,
    group: usize,
    x: &Activations,
    token: usize,
) -> [f32; TILE_ROWS] {
    let format = matrix.format();
    let mut sums = [0.0f32; TILE_ROWS];
    let blocks = matrix.cols() / TILE_COLS;
    for block in 0..blocks {
        let (tile, block_in_tile) = (block / format.blocks(), block % format.blocks());
        let tile = &matrix.group(group)[tile * format.tile_bytes()..][..format.tile_bytes()];
        let (first, parts) = (TILE_COLS * block_in_tile, 2 * block_in_tile);
        let x = &x.blocks[token * blocks + block];
        for (row, sum) in sums.iter_mut().enumerate() {
            let weights = block_weights(format, tile, row, first);
            let dot = |columns: std::ops::Range<usize>| -> i32 {
                let weights = weights[columns.clone()].iter();
                let products = weights.zip(&x.q[columns]).map(|(w, q)| w * i32::from(*q));
                products.sum()
            };
            let scale = |part| tile_scale(format, tile, row, parts + part, half) * x.scale;
            if format.has_half_scales() {
                *sum += dot(0..TILE_COLS / 2) as f32 * scale(0);
                *sum += dot(TILE_COLS / 2..TILE_COLS) as f32 * scale(1);
                continue;
            }
            *sum += dot(0..TILE_COLS) as f32 * scale(0);
            let minimum = || half(tile_f16_bits(format, tile, TILE_ROWS + row));
            if format.has_minimum() {
                *sum += minimum() * x.scaled_sum;
            }
            if format == TileFormat::Q2 {
                let multiplier = |part| tile_min_multiplier(format, tile, row, parts + part);
                let multiplied = multiplier(0) * x.low_sum + multiplier(1) * (x.sum - x.low_sum);
                *sum += multiplied as f32 * (minimum() * x.scale);
            }
        }
    }
    sums
}

fn float_group(matrix: &Matrix, group: usize, x: &[f32]) -> [f32; TILE_ROWS] {
    let format = matrix.format();
    let mut sums = [0.0f32; TILE_ROWS];
    for (tile, x) in matrix.group(group).chunks_exact(format.tile_bytes()).zip(x) {
        for (row, sum) in sums.iter_mut().enumerate() {
            let u16_at = || u16::from_le_bytes([tile[2 * row], tile[2 * row + 1]]);
            let weight = match format {
                TileFormat::F16 => half(u16_at()),
                TileFormat::BF16 => f32::from_bits(u32::from(u16_at()) << 16),
                _ => f32::from_le_bytes([0, 1, 2, 3].map(|i| tile[4 * row + i])),
            };
            *sum += weight * x;
        }
    }
    sums
}

/// Σ x² in four lanes: lane `j` sums columns `j, j + 4, …`; the lanes are added as (0 + 1) + (2 + 3).
pub(super) fn sum_of_squares(x: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 4];
    for (i, x) in x.iter().enumerate() {
        lanes[i % 4] += x * x;
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// out = (x × factor) × weight.
pub(super) fn scale_by(x: &[f32], factor: f32, weight: &[f32], out: &mut [f32]) {
    for ((out, x), weight) in out.iter_mut().zip(x).zip(weight) {
        *out = (x * factor) * weight;
    }
}

/// x += y.
pub(super) fn add(x: &mut [f32], y: &[f32]) {
    for (x, y) in x.iter_mut().zip(y) {
        *x += y;
    }
}

/// gate = gate × σ(gate) × up.
pub(super) fn silu_mul(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = (*gate / (1.0 + exp(0.0 - *gate))) * up;
    }
}

/// Rotates each pair (x₀, x₁) by its angle: `cos` holds c, c and `sin` −s, s for each pair.
pub(super) fn rotate_pairs(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let angles = cos.chunks_exact(2).zip(sin.chunks_exact(2));
    for (x, (cos, sin)) in x.chunks_exact_mut(2).zip(angles) {
        (x[0], x[1]) = (x[0] * cos[0] + x[1] * sin[0], x[1] * cos[1] + x[0] * sin[1]);
    }
}

/// Rotates each pair (x\[i\], x\[i + half\]) by its angle.
pub(super) fn rotate_halves(x: &mut [f32], cos: &[f32], sin: &[f32]) {
    let (low, high) = x.split_at_mut(x.len() / 2);
    let pairs = low.iter_mut().zip(high);
    for ((low, high), (cos, sin)) in pairs.zip(cos.iter().zip(sin)) {
        (*low, *high) = (*low * cos - *high * sin, *high * cos + *low * sin);
    }
}

/// out = ((x − mean) × factor) × weight, factor = 1 / √(mean((x − mean)²) + epsilon); sums in lanes as in
/// [`sum_of_squares`].
pub(super) fn layer_norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let mut lanes = [0.0f32; 4];
    for (i, x) in x.iter().enumerate() {
        lanes[i % 4] += x;
    }
    let mean = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) / x.len() as f32;
    for (out, x) in out.iter_mut().zip(x) {
        *out = x - mean;
    }
    let variance = sum_of_squares(out) / x.len() as f32;
    let factor = 1.0 / (variance + epsilon).sqrt();
    for (out, weight) in out.iter_mut().zip(weight) {
        *out = (*out * factor) * weight;
    }
}

/// The constants of [`gelu`]: −2 √(2/π), and that times 0.044715.
pub(super) const GELU: [f32; 2] = [-1.595_769_2, -0.071_354_814];
/// Above this bound gelu(x) is x, and below its negative gelu(x) is 0.
pub(super) const GELU_BOUND: f32 = 10.0;
/// The factor that splits off the upper eleven bits of a single (Veltkamp): 2¹³ + 1.
pub(super) const SPLITTER: f32 = 8193.0;

/// x rounded to the eleven significant bits of a half.
fn eleven_bits(x: f32) -> f32 {
    let large = x * SPLITTER;
    large - (large - x)
}

/// x = x × σ(2u) with u = √(2/π) × (x + 0.044715 x³), since (1 + tanh u) / 2 = σ(2u). Input and output are rounded to
/// eleven bits, because llama.cpp reads this function from a table of halves, and the quantised product after it is
/// sensitive to the difference.
pub(super) fn gelu(x: &mut [f32]) {
    for x in x {
        let near = eleven_bits(max(min(*x, GELU_BOUND), -GELU_BOUND));
        let exponent = near * (GELU[0] + GELU[1] * (near * near));
        let y = eleven_bits(near / (1.0 + exp(exponent)));
        // The second term is 0 up to the bound. With the operands in this order, a NaN stays one.
        *x = y + max(0.0, *x - GELU_BOUND);
    }
}

/// x × Φ(x), where Φ is the distribution of the standard normal. Its tail beyond |x| is erfc(|x| / √2) / 2, by the
/// formula 7.1.26 of Abramowitz and Stegun (1964). Plain arithmetic: the compiler may do several at once, and no bit
/// changes.
#[inline(always)]
pub(super) fn gelu_erf(x: f32) -> f32 {
    const P: f32 = 0.327_591_1;
    const A: [f32; 5] = [
        1.061_405_4,
        -1.453_152,
        1.421_413_7,
        -0.284_496_74,
        0.254_829_6,
    ];
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + P * z);
    let polynomial = A.iter().fold(0.0, |sum, a| sum * t + a) * t;
    let tail = 0.5 * polynomial * exp(-(z * z));
    x * if x < 0.0 { tail } else { 1.0 - tail }
}

/// gate = gelu(gate) × up.
pub(super) fn gelu_mul(gate: &mut [f32], up: &[f32]) {
    gelu(gate);
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate *= up;
    }
}

/// x = cap × (1 − 2 / (1 + e^(x × (2 / cap)))), where the second factor is tanh(x / cap).
pub(super) fn soft_cap(x: &mut [f32], cap: f32) {
    let factor = 2.0 / cap;
    for x in x {
        *x = cap * (1.0 - 2.0 / (1.0 + exp(*x * factor)));
    }
}

/// The constants of [`exp`].
pub(super) mod exponential {
    /// Below this bound e^x is no longer a normal number; x counts as the bound there.
    pub const LOWEST: f32 = -87.0;
    /// Above this bound e^x overflows f32; x counts as the bound there.
    pub const HIGHEST: f32 = 88.0;
    pub const LOG2_E: f32 = std::f32::consts::LOG2_E;
    /// Added to a number below 2²², it rounds the number to an integer, because it leaves no bits for a fraction.
    pub const WHOLE: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first short enough that n × `LN2_HIGH` is exact (Cody and Waite).
    pub const LN2_HIGH: f32 = 0.693_359_4;
    pub const LN2_LOW: f32 = -2.121_944_4e-4;
    /// e^r ≈ Σ rⁱ / i! up to i = 7, highest first, for |r| ≤ ln 2 / 2.
    pub const TAYLOR: [f32; 8] = [
        1.0 / 5040.0,
        1.0 / 720.0,
        1.0 / 120.0,
        1.0 / 24.0,
        1.0 / 6.0,
        0.5,
        1.0,
        1.0,
    ];
}

/// e^x = 2ⁿ × e^r with n the integer nearest to x / ln 2 (Cody and Waite's reduction, then a Taylor polynomial).
pub(super) fn exp(x: f32) -> f32 {
    use exponential::*;
    let x = min(max(x, LOWEST), HIGHEST);
    let n = (x * LOG2_E).round_ties_even();
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let mut e = TAYLOR[0];
    for term in &TAYLOR[1..] {
        e = e * r + term;
    }
    e * f32::from_bits(((n as i32 + 127) as u32) << 23)
}

/// values = e^(value − largest); returns their sum, in lanes as in [`sum_of_squares`].
pub(super) fn exp_sub_sum(values: &mut [f32], largest: f32) -> f32 {
    let mut lanes = [0.0f32; 4];
    for (i, value) in values.iter_mut().enumerate() {
        *value = exp(*value - largest);
        lanes[i % 4] += *value;
    }
    (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])
}

/// The largest value, ignoring NaNs; −∞ where there is none.
pub(super) fn largest(values: &[f32]) -> f32 {
    values.iter().fold(f32::NEG_INFINITY, |a, &b| max(b, a))
}

/// x ×= factor.
pub(super) fn scale(x: &mut [f32], factor: f32) {
    for x in x {
        *x *= factor;
    }
}

/// score\[t\] = (Σ over d, in order, of query\[d\] × key\[t\]\[d\]) × factor, for `scores.len()` positions.
/// Keys lie in tiles of four positions: `keys[tile][d][position]`.
pub(super) fn scores(query: &[f32], keys: &[f32], factor: f32, scores: &mut [f32]) {
    for (t, score) in scores.iter_mut().enumerate() {
        let tile = &keys[t / 4 * 4 * query.len()..];
        let mut sum = 0.0;
        for (d, q) in query.iter().enumerate() {
            sum += q * tile[4 * d + t % 4];
        }
        *score = sum * factor;
    }
}

/// out\[d\] = Σ over t, in order, of weight\[t\] × value\[t\]\[d\].
pub(super) fn weighted_sum(weights: &[f32], values: &[f32], out: &mut [f32]) {
    out.fill(0.0);
    for (weight, value) in weights.iter().zip(values.chunks_exact(out.len())) {
        for (out, value) in out.iter_mut().zip(value) {
            *out += weight * value;
        }
    }
}

/// The largest |x|; a NaN counts as larger than everything.
pub(super) fn largest_magnitude(x: &[f32]) -> f32 {
    let largest = x.iter().map(|x| x.to_bits() & 0x7fff_ffff).max();
    f32::from_bits(largest.unwrap_or(0))
}

/// Quantises to ±[`QUANT_MAX`]: scale = max |x| / `QUANT_MAX`, q = x / scale rounded to nearest even. Returns the scale.
pub(super) fn quantize_i16(x: &[f32], q: &mut [i16]) -> f32 {
    let largest = largest_magnitude(x);
    if largest < TINY {
        q.fill(0);
        return 0.0;
    }
    round_i16(x, QUANT_MAX / largest, q);
    largest / QUANT_MAX
}

pub(super) fn round_i16(x: &[f32], inverse: f32, q: &mut [i16]) {
    for (x, q) in x.iter().zip(q) {
        *q = max(min((x * inverse).round_ties_even(), QUANT_MAX), -QUANT_MAX) as i16;
    }
}

/// For each head, score\[t\] = Σ over blocks of [`DIMS`] dimensions, in order, of the block's exact integer dot product
/// × (scale of the key's block × factor of the query's block). Keys lie in tiles of four positions:
/// `keys[tile][pair of dimensions][position][2]`.
pub(super) fn scores_integer<T: Stored>(
    heads: &Heads,
    keys: &[T],
    scales: &[f32],
    scores: &mut [f32],
) {
    let rows = scores.chunks_exact_mut(heads.positions);
    let queries = heads.queries.chunks_exact(heads.padded);
    let blocks = heads.padded.div_ceil(DIMS);
    let factors = heads.factors.chunks_exact(blocks);
    for ((query, factors), scores) in queries.zip(factors).zip(rows) {
        for (t, score) in scores.iter_mut().enumerate() {
            let tile = &keys[t / 4 * 4 * heads.padded..];
            let mut sum = 0.0;
            for (block, query) in query.chunks(DIMS).enumerate() {
                let dot = |(i, q): (usize, &i16)| {
                    let d = block * DIMS + i;
                    let key: i16 = tile[8 * (d / 2) + 2 * (t % 4) + d % 2].into();
                    i32::from(*q) * i32::from(key)
                };
                let scale = scales[(t / 4 * blocks + block) * 4 + t % 4] * factors[block];
                sum += query.iter().enumerate().map(dot).sum::<i32>() as f32 * scale;
            }
            *score = sum;
        }
    }
}

/// For each head, out\[d\] = Σ over chunks of [`CHUNK`] positions, in order, of the exact integer dot product of the
/// chunk's values and weights. Before, each weight is multiplied by the scale of its value, and the chunk's weights are
/// quantised. Values lie in pairs of positions: `values[pair][dimension][2]`.
pub(super) fn weighted_sum_integer<T: Stored>(
    weights: &[f32],
    values: &[T],
    scales: &[f32],
    positions: usize,
    out: &mut [f32],
    padded: usize,
) {
    out.fill(0.0);
    let rows = weights.chunks_exact(positions);
    for (weights, out) in rows.zip(out.chunks_exact_mut(padded)) {
        for (chunk, weights) in weights.chunks(CHUNK).enumerate() {
            let start = chunk * CHUNK;
            let (mut scaled, mut q) = ([0.0; CHUNK], [0; CHUNK]);
            for (i, weight) in weights.iter().enumerate() {
                scaled[i] = weight * scales[start + i];
            }
            let step = quantize_i16(&scaled, &mut q);
            for (d, out) in out.iter_mut().enumerate() {
                let dot = |t: usize| {
                    let value: i16 = values[((start + t) / 2 * padded + d) * 2 + t % 2].into();
                    i32::from(q[t]) * i32::from(value)
                };
                *out += (0..weights.len()).map(dot).sum::<i32>() as f32 * step;
            }
        }
    }
}
