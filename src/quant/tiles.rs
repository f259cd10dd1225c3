//! Tiles: the layout of weights in memory. Tensors are repacked into it once, at load, so that a kernel reads a single
//! stream of bytes.
//!
//! A tile holds [`TILE_ROWS`] rows × [`TILE_COLS`] columns of a quantised matrix: first the weights, then their scales.
//! The bytes are ordered so that the 32-bit lane `r` of a 128-bit vector belongs to row `r`: byte `4r + c` of the
//! weight vector `g` is row `r`, column `4g + c`. Narrower weights share bytes. Of four-bit weights, the low and high
//! nibbles of the stored vector `i` are the vectors `2i` and `2i + 1`. A fifth bit is in 16 further bytes: bit `g` of
//! byte `4r + c`. Of two-bit weights, bits `2i` and `2i + 1` of the stored vector `v` are the vector `4v + i`. Matrices
//! of floats use the same order with one column in a tile: the values of four rows, one after the other.

use super::iq4::{self, LEVELS};
use super::{TensorType, bits, f32_to_f16, k_quants};

/// Rows of a tile, one for each 32-bit lane of a 128-bit vector.
pub const TILE_ROWS: usize = 4;
/// Columns of a quantised tile, or of each of the [blocks](TileFormat::blocks) in it. As many activations are quantised
/// together.
pub const TILE_COLS: usize = 32;

/// How the tiles of a matrix are laid out. All scales and minima are half-precision numbers (f16), one for each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TileFormat {
    /// Four f32.
    F32,
    /// Four f16.
    F16,
    /// Four bfloat16.
    BF16,
    /// 64 bytes of nibbles, four scales; weight = scale × (nibble − 8).
    Q4_0,
    /// 64 bytes of nibbles, four scales, four minima; weight = scale × nibble + minimum.
    Q4_1,
    /// Like `Q4_0` with 16 bytes of fifth bits after the nibbles; weight = scale × (value − 16).
    Q5_0,
    /// Like `Q4_1` with 16 bytes of fifth bits after the nibbles.
    Q5_1,
    /// Like `Q4_0` with 32 bytes of upper bits after the nibbles, and four more scales, for columns 16 to 31;
    /// weight = scale × (value − 32).
    Q6,
    /// 128 signed bytes, four scales; weight = scale × byte.
    Q8_0,
    /// Eight blocks of columns. First the weights of all blocks, two bits each; then for each row of each block two
    /// bytes, one for each half of its columns, with `sub_scale` in the lower and `min_multiplier` in the upper four
    /// bits; then four scales and four minima; weight = scale × (sub_scale × value) + minimum × min_multiplier.
    Q2,
    /// Eight blocks of columns. First, for each block, its weights of two bits each, then 16 bytes of third bits; then
    /// for each row of each block two signed bytes `sub_scale`, one for each half of its columns; then four scales. A
    /// weight is scale × sub_scale / 8 × (8 × value − 32), so that kernels can treat it like the weights of `Q6`.
    Q3,
    /// 64 bytes of nibbles, four scales; weight = scale × the level that the nibble indexes.
    IQ4,
    /// Four blocks of columns, of each 16 bytes with a bit for each weight, laid out as fifth bits are; then four
    /// scales. The weight is the scale, negative where the bit is not set: scale × (7 + 2 × bit − 8), so that kernels can
    /// treat it like the weights of `Q4_0`.
    Q1,
}

impl TileFormat {
    /// The tile format that a tensor type is repacked to.
    pub const fn of(kind: TensorType) -> Self {
        match kind {
            TensorType::F32 => Self::F32,
            TensorType::F16 => Self::F16,
            TensorType::BF16 => Self::BF16,
            TensorType::Q4_0 => Self::Q4_0,
            // The same layout, but a K-quant's scale and minimum, each a product of two numbers, are rounded to one
            // f16.
            TensorType::Q4_1 | TensorType::Q4K => Self::Q4_1,
            TensorType::Q5_0 => Self::Q5_0,
            TensorType::Q5_1 | TensorType::Q5K => Self::Q5_1,
            TensorType::Q6K => Self::Q6,
            TensorType::Q8_0 => Self::Q8_0,
            TensorType::Q2K => Self::Q2,
            TensorType::Q3K => Self::Q3,
            TensorType::IQ4NL | TensorType::IQ4XS => Self::IQ4,
            TensorType::Q1_0 => Self::Q1,
            // Wider than the file's blocks: its scale and minimum are d and −d.
            TensorType::TQ1_0 | TensorType::TQ2_0 => Self::Q2,
        }
    }

    /// Whether activations are quantised before they are multiplied with weights of this format.
    pub const fn is_quantized(self) -> bool {
        !matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    /// Columns of one tile.
    pub const fn tile_cols(self) -> usize {
        if self.is_quantized() {
            TILE_COLS * self.blocks()
        } else {
            1
        }
    }

    /// Blocks of [`TILE_COLS`] columns in a quantised tile: several where their scales are multiples of one number that
    /// they share, else one.
    pub const fn blocks(self) -> usize {
        match self {
            Self::Q2 | Self::Q3 => 8,
            Self::Q1 => 4,
            _ => 1,
        }
    }

    /// Bytes of weights at the start of a tile, including upper bits.
    pub const fn weight_bytes(self) -> usize {
        match self {
            Self::F32 => 16,
            Self::F16 | Self::BF16 => 8,
            Self::Q4_0 | Self::Q4_1 | Self::IQ4 => 64,
            Self::Q5_0 | Self::Q5_1 => 80,
            Self::Q6 => 96,
            Self::Q8_0 => 128,
            Self::Q2 => 32 * self.blocks(),
            Self::Q3 => 48 * self.blocks(),
            Self::Q1 => 16 * self.blocks(),
        }
    }

    /// Where the f16 scales and minima begin in a tile: after the weights and the bytes with sub-scales.
    pub(crate) const fn scales_offset(self) -> usize {
        self.weight_bytes()
            + match self {
                Self::Q2 | Self::Q3 => 2 * TILE_ROWS * self.blocks(),
                _ => 0,
            }
    }

    /// Bytes of one tile.
    pub const fn tile_bytes(self) -> usize {
        self.scales_offset()
            + match self {
                Self::F32 | Self::F16 | Self::BF16 => 0,
                Self::Q4_0 | Self::Q5_0 | Self::Q8_0 | Self::Q3 | Self::IQ4 | Self::Q1 => 8,
                Self::Q4_1 | Self::Q5_1 | Self::Q6 | Self::Q2 => 16,
            }
    }

    /// What is subtracted from an unsigned weight (8 for `Q4_0`).
    pub const fn zero_point(self) -> i32 {
        match self {
            Self::Q4_0 | Self::Q1 => 8,
            Self::Q5_0 => 16,
            Self::Q6 | Self::Q3 => 32,
            _ => 0,
        }
    }

    /// Whether weights are signed bytes.
    pub const fn is_signed(self) -> bool {
        matches!(self, Self::Q8_0 | Self::IQ4)
    }

    /// Whether a tile has one minimum for each row, to be added as it is.
    pub const fn has_minimum(self) -> bool {
        matches!(self, Self::Q4_1 | Self::Q5_1)
    }

    /// Whether each half of a block's columns has scales of its own.
    pub const fn has_half_scales(self) -> bool {
        matches!(self, Self::Q6 | Self::Q3)
    }
}

/// Packs one block of one row, in the file's format, into row `row` of the tiles that it fills, which must be zeroed.
pub(super) fn pack_block(kind: TensorType, block: &[u8], row: usize, tiles: &mut [u8]) {
    match kind {
        TensorType::Q4K => pack_q4_k_or_q5_k(kind, TileFormat::Q4_1, block, row, tiles),
        TensorType::Q5K => pack_q4_k_or_q5_k(kind, TileFormat::Q5_1, block, row, tiles),
        TensorType::Q6K => pack_q6_k(block, row, tiles),
        TensorType::Q2K => pack_q2_k(block, row, tiles),
        TensorType::TQ1_0 | TensorType::TQ2_0 => pack_ternary(kind, block, row, tiles),
        TensorType::Q1_0 => {
            for (sub, bits) in block[2..].chunks_exact(4).enumerate() {
                pack_bits(bits, row, &mut tiles[16 * sub..]);
            }
            pack_half(&block[..2], TileFormat::Q1.scales_offset(), row, tiles);
        }
        TensorType::Q3K => pack_q3_k(block, row, tiles),
        TensorType::IQ4XS => {
            let bytes = TileFormat::IQ4.tile_bytes();
            for (sub, tile) in tiles.chunks_exact_mut(bytes).enumerate() {
                let (scale, nibbles) = iq4::xs_sub_block(block, sub);
                pack_nibbles(nibbles, row, tile);
                pack_half(&f32_to_f16(scale).to_le_bytes(), 64, row, tile);
            }
        }
        _ => pack_plain(TileFormat::of(kind), block, row, tiles),
    }
}

/// Packs each sub-block of 32 into a tile of its own, with its scale and its minimum.
fn pack_q4_k_or_q5_k(
    kind: TensorType,
    format: TileFormat,
    block: &[u8],
    row: usize,
    tiles: &mut [u8],
) {
    for (sub, tile) in tiles.chunks_exact_mut(format.tile_bytes()).enumerate() {
        let (scale, minimum) = k_quants::scale_and_minimum(kind, block, sub);
        let value = |column| k_quants::value(kind, block, TILE_COLS * sub + column);
        pack_values(row, tile, value);
        let at = format.weight_bytes();
        pack_half(&f32_to_f16(scale).to_le_bytes(), at, row, tile);
        pack_half(&f32_to_f16(-minimum).to_le_bytes(), at + 8, row, tile);
    }
}

/// Packs two sub-blocks of 16 into each tile, with a scale for either.
fn pack_q6_k(block: &[u8], row: usize, tiles: &mut [u8]) {
    let kind = TensorType::Q6K;
    let bytes = TileFormat::Q6.tile_bytes();
    for (sub, tile) in tiles.chunks_exact_mut(bytes).enumerate() {
        let value = |column| k_quants::value(kind, block, TILE_COLS * sub + column);
        pack_values(row, tile, value);
        for half in 0..2 {
            let (scale, _) = k_quants::scale_and_minimum(kind, block, 2 * sub + half);
            pack_half(&f32_to_f16(scale).to_le_bytes(), 96 + 8 * half, row, tile);
        }
    }
}

fn pack_q2_k(block: &[u8], row: usize, tiles: &mut [u8]) {
    for column in 0..k_quants::LEN {
        let value = k_quants::value(TensorType::Q2K, block, column);
        pack_two_bits(value, column, row, tiles);
    }
    for (part, sub_scale) in block[..16].iter().enumerate() {
        tiles[sub_scale_offset(TileFormat::Q2, row, part)] = *sub_scale;
    }
    let at = TileFormat::Q2.scales_offset();
    pack_half(&block[80..82], at, row, tiles);
    // The file's minimum is subtracted, the tile's added: flip the sign, the highest bit of an f16.
    pack_half(&[block[82], block[83] ^ 0x80], at + 8, row, tiles);
}

/// Packs −1, 0 and 1 as the values 0 to 2 of Q2, whose minimum is then the scale with the other sign.
fn pack_ternary(kind: TensorType, block: &[u8], row: usize, tiles: &mut [u8]) {
    for column in 0..k_quants::LEN {
        pack_two_bits(bits::ternary(kind, block, column), column, row, tiles);
    }
    for part in 0..16 {
        // The scale and the minimum, once each.
        tiles[sub_scale_offset(TileFormat::Q2, row, part)] = 0x11;
    }
    let (at, d) = (TileFormat::Q2.scales_offset(), &block[block.len() - 2..]);
    pack_half(d, at, row, tiles);
    pack_half(&[d[0], d[1] ^ 0x80], at + 8, row, tiles);
}

fn pack_q3_k(block: &[u8], row: usize, tiles: &mut [u8]) {
    for column in 0..k_quants::LEN {
        let value = k_quants::value(TensorType::Q3K, block, column);
        let tile = &mut tiles[48 * (column / TILE_COLS)..];
        let (column, byte) = (column % TILE_COLS, 4 * row + column % 4);
        pack_two_bits(value & 3, column, row, tile);
        tile[32 + byte] |= (value >> 2) << (column / 4);
    }
    for part in 0..16 {
        let sub_scale = k_quants::q3_scale(block, part) as u8;
        tiles[sub_scale_offset(TileFormat::Q3, row, part)] = sub_scale;
    }
    pack_half(&block[108..110], TileFormat::Q3.scales_offset(), row, tiles);
}

/// Packs a block that fills one row of one tile and whose scales are f16 already.
fn pack_plain(format: TileFormat, block: &[u8], row: usize, tile: &mut [u8]) {
    match format {
        TileFormat::F32 => tile[4 * row..4 * row + 4].copy_from_slice(block),
        TileFormat::F16 | TileFormat::BF16 => {
            tile[2 * row..2 * row + 2].copy_from_slice(block);
        }
        TileFormat::Q4_0 | TileFormat::IQ4 => {
            pack_nibbles(&block[2..18], row, tile);
            pack_half(&block[0..2], 64, row, tile);
        }
        TileFormat::Q4_1 => {
            pack_nibbles(&block[4..20], row, tile);
            pack_half(&block[0..2], 64, row, tile);
            pack_half(&block[2..4], 72, row, tile);
        }
        TileFormat::Q5_0 => {
            pack_nibbles(&block[6..22], row, tile);
            pack_bits(&block[2..6], row, &mut tile[64..]);
            pack_half(&block[0..2], 80, row, tile);
        }
        TileFormat::Q5_1 => {
            pack_nibbles(&block[8..24], row, tile);
            pack_bits(&block[4..8], row, &mut tile[64..]);
            pack_half(&block[0..2], 80, row, tile);
            pack_half(&block[2..4], 88, row, tile);
        }
        TileFormat::Q6 | TileFormat::Q2 | TileFormat::Q3 | TileFormat::Q1 => {}
        TileFormat::Q8_0 => {
            for (group, weights) in block[2..34].chunks_exact(4).enumerate() {
                tile[16 * group + 4 * row..][..4].copy_from_slice(weights);
            }
            pack_half(&block[0..2], 128, row, tile);
        }
    }
}

/// Packs a four-bit block of ggml, which keeps columns 0–15 in low nibbles and 16–31 in high ones.
fn pack_nibbles(nibbles: &[u8], row: usize, tile: &mut [u8]) {
    let column = |c: usize| (nibbles[c % 16] >> (4 * (c / 16))) & 15;
    for i in 0..4 {
        for c in 0..4 {
            tile[16 * i + 4 * row + c] = column(8 * i + c) | (column(8 * i + 4 + c) << 4);
        }
    }
}

/// Packs the values of a tile's columns, which are at most 15, 31 or 63: nibbles, then the fifth bits of five-bit
/// values or the upper two bits of six-bit ones.
fn pack_values(row: usize, tile: &mut [u8], value: impl Fn(usize) -> u8) {
    let six = tile.len() == TileFormat::Q6.tile_bytes();
    for column in 0..TILE_COLS {
        let (value, group, byte) = (value(column), column / 4, 4 * row + column % 4);
        tile[16 * (group / 2) + byte] |= (value & 15) << (4 * (group % 2));
        if six {
            pack_two_bits(value >> 4, column, row, &mut tile[64..]);
        } else if value > 15 {
            tile[64 + byte] |= 1 << group;
        }
    }
}

/// Packs the two bits of one column into `vectors`, whose bytes it shares with other columns.
fn pack_two_bits(bits: u8, column: usize, row: usize, vectors: &mut [u8]) {
    vectors[16 * (column / 16) + 4 * row + column % 4] |= bits << (2 * (column / 4 % 4));
}

/// Packs one bit of each column into `vector`.
fn pack_bits(bits: &[u8], row: usize, vector: &mut [u8]) {
    for column in 0..TILE_COLS {
        let bit = (bits[column / 8] >> (column % 8)) & 1;
        vector[4 * row + column % 4] |= bit << (column / 4);
    }
}

fn pack_half(half: &[u8], start: usize, row: usize, tile: &mut [u8]) {
    tile[start + 2 * row..][..2].copy_from_slice(half);
}

/// The bits of an f16 of a quantised tile: `index` 0 to 3 is the scale of a row, 4 to 7 its minimum, or for `Q6` its
/// scale of columns 16 to 31.
pub(crate) fn tile_f16_bits(format: TileFormat, tile: &[u8], index: usize) -> u16 {
    let at = format.scales_offset() + 2 * index;
    u16::from_le_bytes([tile[at], tile[at + 1]])
}

/// Where a tile of `Q2` or `Q3` has the `sub_scale` of columns 16 `part` to 16 `part` + 15 of `row`.
const fn sub_scale_offset(format: TileFormat, row: usize, part: usize) -> usize {
    format.weight_bytes() + 2 * TILE_ROWS * (part / 2) + 2 * row + part % 2
}

/// The scale of columns 16 `part` to 16 `part` + 15 of `row`; `half` converts the bits of an f16. Of `Q2` it does not
/// include `sub_scale`, which [`tile_weight`] does.
pub(crate) fn tile_scale(
    format: TileFormat,
    tile: &[u8],
    row: usize,
    part: usize,
    half: fn(u16) -> f32,
) -> f32 {
    match format {
        TileFormat::Q6 => half(tile_f16_bits(format, tile, TILE_ROWS * part + row)),
        TileFormat::Q3 => {
            let sub_scale = tile[sub_scale_offset(format, row, part)] as i8;
            half(tile_f16_bits(format, tile, row)) * 0.125 * f32::from(sub_scale)
        }
        _ => half(tile_f16_bits(format, tile, row)),
    }
}

/// How many times the minimum of `row` is added in columns 16 `part` to 16 `part` + 15.
pub(crate) fn tile_min_multiplier(format: TileFormat, tile: &[u8], row: usize, part: usize) -> i32 {
    match format {
        TileFormat::Q2 => i32::from(tile[sub_scale_offset(format, row, part)] >> 4),
        _ => i32::from(format.has_minimum()),
    }
}

/// The weight at `row` and `column` of a quantised tile as the integer that a kernel multiplies: before scale, offset
/// and minimum.
#[inline(always)]
pub(crate) fn tile_weight(format: TileFormat, tile: &[u8], row: usize, column: usize) -> i32 {
    let byte = 4 * row + column % 4;
    let group = column / 4;
    let nibble = || (tile[16 * (group / 2) + byte] >> (4 * (group % 2))) & 15;
    let two_bits =
        |at: usize, group: usize| (tile[at + 16 * (group / 4) + byte] >> (2 * (group % 4))) & 3;
    let bit = |at: usize, group: usize| (tile[at + byte] >> group) & 1;
    let unsigned = match format {
        TileFormat::Q8_0 => return i32::from(tile[16 * group + byte] as i8),
        TileFormat::IQ4 => return i32::from(LEVELS[usize::from(nibble())]),
        TileFormat::Q5_0 | TileFormat::Q5_1 => nibble() | (bit(64, group) << 4),
        TileFormat::Q6 => nibble() | (two_bits(64, group) << 4),
        TileFormat::Q2 => {
            let sub_scale = tile[sub_scale_offset(format, row, column / 16)] & 15;
            sub_scale * two_bits(0, group)
        }
        TileFormat::Q3 => {
            let (at, group) = (48 * (column / TILE_COLS), group % 8);
            (two_bits(at, group) | (bit(at + 32, group) << 2)) << 3
        }
        TileFormat::Q1 => 7 + 2 * bit(16 * (column / TILE_COLS), group % 8),
        _ => nibble(),
    };
    i32::from(unsigned)
}
