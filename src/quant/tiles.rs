//! Tiles: the layout of weights in memory. Tensors are repacked into it once, at load, so that a kernel reads a single
//! stream of bytes.
//!
//! A tile holds [`TILE_ROWS`] rows × [`TILE_COLS`] columns of a quantised matrix: first the weights, then their scales.
//! The bytes are ordered so that the 32-bit lane `r` of a 128-bit vector belongs to row `r`: byte `4r + c` of the
//! weight vector `g` is row `r`, column `4g + c`. Narrower weights share bytes. Of four-bit weights, the low and high
//! nibbles of the stored vector `i` are the vectors `2i` and `2i + 1`. A fifth bit is in 16 further bytes: bit `g` of
//! byte `4r + c`. Of two-bit weights, bits `2i` and `2i + 1` of the stored vector `v` are the vector `4v + i`. Matrices
//! of floats use the same order with one column in a tile: the values of four rows, one after the other.

use super::{TensorType, fp4, iq4};

/// Rows of a tile, one for each 32-bit lane of a 128-bit vector.
pub const TILE_ROWS: usize = 4;
/// Columns of a quantised tile, or of each of the [blocks](TileFormat::blocks) in it. As many activations are quantised
/// together.
pub const TILE_COLS: usize = 32;

/// Bytes of the levels that a tile of `IQ` brings.
pub(super) const LEVELS_BYTES: usize = 16;

/// How the tiles of a matrix are laid out. All scales and minima are half-precision numbers (f16), but for those of
/// `MXFP4`, one for each row.
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
    /// The same with the levels of MXFP4, and scales that are bfloat16.
    MXFP4,
    /// Eight blocks of columns. First the weights of all blocks, nibbles each; then for each row of each block two signed
    /// bytes `sub_scale`, one for each half of its columns; then four scales, and sixteen levels of a signed byte. A weight
    /// is scale × sub_scale / 8 × the level that the nibble indexes.
    IQ,
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
            // Wider too: −1 to 2 are 7 to 10, less 8.
            TensorType::Q2_0 => Self::Q4_0,
            TensorType::MXFP4 => Self::MXFP4,
            // Wider too: the levels are whole numbers, and an f16 holds each scale.
            TensorType::NVFP4 => Self::Q6,
            TensorType::IQ1S
            | TensorType::IQ1M
            | TensorType::IQ2XXS
            | TensorType::IQ2XS
            | TensorType::IQ2S
            | TensorType::IQ3XXS
            | TensorType::IQ3S => Self::IQ,
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
            Self::Q2 | Self::Q3 | Self::IQ => 8,
            Self::Q1 => 4,
            _ => 1,
        }
    }

    /// Bytes of weights at the start of a tile, including upper bits.
    pub const fn weight_bytes(self) -> usize {
        match self {
            Self::F32 => 16,
            Self::F16 | Self::BF16 => 8,
            Self::Q4_0 | Self::Q4_1 | Self::IQ4 | Self::MXFP4 => 64,
            Self::IQ => 64 * self.blocks(),
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
                Self::Q2 | Self::Q3 | Self::IQ => 2 * TILE_ROWS * self.blocks(),
                _ => 0,
            }
    }

    /// Bytes of one tile.
    pub const fn tile_bytes(self) -> usize {
        self.scales_offset()
            + match self {
                Self::F32 | Self::F16 | Self::BF16 => 0,
                Self::Q4_0 | Self::Q5_0 | Self::Q8_0 | Self::Q3 | Self::Q1 => 8,
                Self::IQ4 | Self::MXFP4 => 8,
                Self::Q4_1 | Self::Q5_1 | Self::Q6 | Self::Q2 => 16,
                Self::IQ => 8 + LEVELS_BYTES,
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
        matches!(self, Self::Q8_0 | Self::IQ4 | Self::MXFP4 | Self::IQ)
    }

    /// Whether a tile has one minimum for each row, to be added as it is.
    pub const fn has_minimum(self) -> bool {
        matches!(self, Self::Q4_1 | Self::Q5_1)
    }

    /// Whether each half of a block's columns has scales of its own.
    pub const fn has_half_scales(self) -> bool {
        matches!(self, Self::Q6 | Self::Q3 | Self::IQ)
    }
}

/// The bits of an f16 of a quantised tile, or of a bfloat16 of `MXFP4`: `index` 0 to 3 is the scale of a row, 4 to 7 its minimum, or for `Q6` its
/// scale of columns 16 to 31.
pub(crate) fn tile_f16_bits(format: TileFormat, tile: &[u8], index: usize) -> u16 {
    let at = format.scales_offset() + 2 * index;
    u16::from_le_bytes([tile[at], tile[at + 1]])
}

/// Where a tile of `Q2`, `Q3` or `IQ` has the `sub_scale` of columns 16 `part` to 16 `part` + 15 of `row`.
pub(super) const fn sub_scale_offset(format: TileFormat, row: usize, part: usize) -> usize {
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
        TileFormat::Q3 | TileFormat::IQ => {
            let sub_scale = tile[sub_scale_offset(format, row, part)] as i8;
            half(tile_f16_bits(format, tile, row)) * 0.125 * f32::from(sub_scale)
        }
        TileFormat::MXFP4 => f32::from_bits(u32::from(tile_f16_bits(format, tile, row)) << 16),
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
        TileFormat::IQ4 => return i32::from(iq4::LEVELS[usize::from(nibble())]),
        TileFormat::MXFP4 => return i32::from(fp4::LEVELS[usize::from(nibble())]),
        TileFormat::IQ => {
            let levels = &tile[format.scales_offset() + 8..];
            return i32::from(levels[usize::from(nibble())] as i8);
        }
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
