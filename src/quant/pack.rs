//! Packs the blocks of a file into [tiles](super::tiles).

use super::tiles::{LEVELS_BYTES, TILE_COLS, TileFormat, sub_scale_offset};
use super::{TensorType, bits, f32_to_f16, fp4, iq, iq4, k_quants};

/// Packs one block of one row, in the file's format, into row `row` of the tiles that it fills, which must be zeroed.
/// `grid` is that of its type, where this has one.
pub(super) fn pack_block(
    kind: TensorType,
    block: &[u8],
    grid: &[u32],
    row: usize,
    tiles: &mut [u8],
) {
    if let Some(levels) = iq::levels(kind) {
        return pack_iq(kind, block, (grid, levels), row, tiles);
    }
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
        TensorType::MXFP4 => {
            pack_nibbles(&block[1..], row, tiles);
            pack_half(&fp4::half_e8m0(block[0]).to_le_bytes(), 64, row, tiles);
        }
        TensorType::NVFP4 => pack_nvfp4(block, row, tiles),
        TensorType::Q2_0 => {
            let bytes = TileFormat::Q4_0.tile_bytes();
            for (sub, tile) in tiles.chunks_exact_mut(bytes).enumerate() {
                pack_values(row, tile, |c| {
                    7 + bits::two_bits(block, TILE_COLS * sub + c)
                });
                pack_half(&block[..2], 64, row, tile);
            }
        }
        _ => pack_plain(TileFormat::of(kind), block, row, tiles),
    }
}

/// Packs the indices of a block's levels, and the levels, which all rows have in common.
fn pack_iq(
    kind: TensorType,
    block: &[u8],
    (grid, levels): (&[u32], &[i8; LEVELS_BYTES]),
    row: usize,
    tile: &mut [u8],
) {
    let format = TileFormat::IQ;
    for eight in 0..k_quants::LEN / 8 {
        let (indices, sub_scale) = iq::eight(kind, block, grid, eight);
        tile[sub_scale_offset(format, row, eight / 2)] = sub_scale;
        // Two groups of four columns, in the nibbles of the same four bytes.
        let at = 16 * eight + 4 * row;
        for (i, byte) in tile[at..at + 4].iter_mut().enumerate() {
            let [low, high] = [i, i + 4].map(|i| (indices >> (4 * i)) as u8 & 15);
            *byte = low | high << 4;
        }
    }
    let at = format.scales_offset();
    pack_half(&iq::d_bits(kind, block).to_le_bytes(), at, row, tile);
    for (byte, level) in tile[at + 8..].iter_mut().zip(levels) {
        *byte = *level as u8;
    }
}

/// Packs two sub-blocks of 16 into each tile, whose zero point the levels are added to.
fn pack_nvfp4(block: &[u8], row: usize, tiles: &mut [u8]) {
    let bytes = TileFormat::Q6.tile_bytes();
    for (sub, tile) in tiles.chunks_exact_mut(bytes).enumerate() {
        let nibbles = &block[4 + 16 * sub..];
        pack_values(row, tile, |column| {
            let level = fp4::level(&nibbles[column / 16 * 8..][..8], column % 16);
            (TileFormat::Q6.zero_point() + i32::from(level)) as u8
        });
        for (half, scale) in block[2 * sub..][..2].iter().enumerate() {
            let scale = f32_to_f16(fp4::half_ue4m3(*scale));
            pack_half(&scale.to_le_bytes(), 96 + 8 * half, row, tile);
        }
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
        TileFormat::MXFP4 | TileFormat::IQ => {}
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
