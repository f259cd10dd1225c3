//! The IQ formats of one to three bits: small vectors of elements at once are an index into a grid, a set of vectors that
//! was chosen for what occurs in trained weights.
//!
//! | format | bytes of a block | elements of a scale | elements of an index, and its bits |
//! |---|---|---|---|
//! | IQ1_S | `d`, 32 × 8 lower, 8 × (4 × 3 upper bits, scale, shift) | 32 | 8, 11 |
//! | IQ1_M | 32 × 8 lower, 32 × (3 upper bits, shift), 4 × (4 scales, 4 bits of `d`) | 16 | 8, 11 |
//! | IQ2_XXS | `d`, 8 × (4 × 8 bits, 4 × signs, scale) | 32 | 8, 8 |
//! | IQ2_XS | `d`, 32 × (9 bits, signs), 16 scales | 16 | 8, 9 |
//! | IQ2_S | `d`, 32 × 8 lower, 32 × signs, 32 × 2 upper bits, 16 scales | 16 | 8, 10 |
//! | IQ3_XXS | `d`, 64 × 8 bits, 8 × (4 × signs, scale) | 32 | 4, 8 |
//! | IQ3_S | `d`, 64 × 8 lower, 64 upper bits, 32 × signs, 8 scales | 32 | 4, 9 |
//!
//! Scales have four bits, those of the IQ1 formats three. Eight elements have a sign each, or seven signs, of which the
//! eighth follows: an even number of them is set. Those of the IQ1 formats share a bit, which shifts them all by an eighth
//! up or down. Whatever the format, the digit of an element in its vector and the bit make four bits that choose one of
//! sixteen [`levels`], and the weight is `d / 8 × (2 × scale + 1) × level`, exactly.

use super::{TensorType, f16_to_f32};

/// Elements in a block.
const LEN: usize = 256;
/// The most vectors in a grid.
const GRID_LEN: usize = 2048;

/// The grids, made by `tests/data/quant/grids.py`: bit n is set where the vector is in the grid whose digits make the
/// number n, the first element the least digit. In files, the order of the vectors is that of these numbers.
static GRIDS: &[u8] = include_bytes!("grids.bin");

/// Where [`GRIDS`] has the grid of a type, the base of its digits and the number of its vectors: none where a type has no
/// grid.
const fn grid_of(kind: TensorType) -> (usize, u32, usize) {
    match kind {
        TensorType::IQ1S | TensorType::IQ1M => (0, 3, GRID_LEN),
        TensorType::IQ2XXS => (821, 3, 256),
        TensorType::IQ2XS => (2 * 821, 3, 512),
        TensorType::IQ2S => (3 * 821, 3, 1024),
        TensorType::IQ3XXS => (4 * 821, 8, 256),
        TensorType::IQ3S => (4 * 821 + 512, 8, 512),
        _ => (0, 3, 0),
    }
}

/// The number of vectors in the grid of a type, 0 where it has none.
pub(super) const fn grid_len(kind: TensorType) -> usize {
    grid_of(kind).2
}

/// Writes the vectors of a type's grid to `grid`, of [`grid_len`]: four bits for each digit, the first element lowest.
pub(super) fn fill_grid(kind: TensorType, grid: &mut [u32]) {
    let (start, base, _) = grid_of(kind);
    let digits = if base == 3 { 8 } else { 4 };
    let is_in_grid = |n: &u32| (GRIDS[start + *n as usize / 8] >> (n % 8)) & 1 == 1;
    let numbers = (0..base.pow(digits)).filter(is_in_grid);
    for (vector, mut number) in grid.iter_mut().zip(numbers) {
        *vector = 0;
        for digit in 0..digits {
            *vector |= (number % base) << (4 * digit);
            number /= base;
        }
    }
}

/// The levels of a type that is stored so; `None` for the others. The index of an element's level is its digit, and 8 more
/// where its bit is set.
pub(super) const fn levels(kind: TensorType) -> Option<&'static [i8; 16]> {
    Some(match kind {
        // −1, 0 and 1 in eighths, shifted by one.
        TensorType::IQ1S | TensorType::IQ1M => &[-7, 1, 9, 0, 0, 0, 0, 0, -9, -1, 7, 0, 0, 0, 0, 0],
        TensorType::IQ2XXS | TensorType::IQ2XS | TensorType::IQ2S => {
            &[8, 25, 43, 0, 0, 0, 0, 0, -8, -25, -43, 0, 0, 0, 0, 0]
        }
        // Twice what ggml has, where a half of `d` takes the place of a quarter.
        TensorType::IQ3XXS => &[
            8, 24, 40, 56, 72, 88, 104, 124, -8, -24, -40, -56, -72, -88, -104, -124,
        ],
        // Odd numbers in eighths.
        TensorType::IQ3S => &[
            8, 24, 40, 56, 72, 88, 104, 120, -8, -24, -40, -56, -72, -88, -104, -120,
        ],
        _ => return None,
    })
}

/// The bits of the f16 `d` of a block.
pub(super) fn d_bits(kind: TensorType, block: &[u8]) -> u16 {
    if kind == TensorType::IQ1M {
        let upper = |i: usize| u16::from(block[49 + 2 * i] >> 4);
        return upper(0) | upper(1) << 4 | upper(2) << 8 | upper(3) << 12;
    }
    u16_at(block, 0)
}

/// Of the elements 8 `eight` to 8 `eight` + 7 of a block: the indices of their levels, four bits each, the first element
/// lowest; and 2 × scale + 1.
pub(super) fn eight(kind: TensorType, block: &[u8], grid: &[u32], eight: usize) -> (u32, u8) {
    let byte = |at: usize| u32::from(block[at]);
    // Four bits of a byte that two have in common.
    let nibble = |at: usize, i: usize| byte(at + i / 2) >> (4 * (i % 2)) & 15;
    let (vector, bits, scale) = match kind {
        TensorType::IQ1S => {
            let upper = u32::from(u16_at(block, 34 + 2 * (eight / 4)));
            let index = byte(2 + eight) | (upper >> (3 * (eight % 4)) & 7) << 8;
            (at(grid, index), all(upper >> 15), upper >> 12 & 7)
        }
        TensorType::IQ1M => {
            let upper = nibble(32, eight);
            let index = byte(eight) | (upper & 7) << 8;
            let scales = u32::from(u16_at(block, 48 + 2 * (eight / 8)));
            let scale = scales >> (3 * (eight / 2 % 4)) & 7;
            (at(grid, index), all(upper >> 3), scale)
        }
        TensorType::IQ2XXS => {
            let first = 2 + 8 * (eight / 4);
            let (signs, scale) = seven_signs(block, first + 4, eight);
            (at(grid, byte(first + eight % 4)), signs, scale)
        }
        TensorType::IQ2XS => {
            let both = u32::from(u16_at(block, 2 + 2 * eight));
            let scale = nibble(66, eight / 2);
            (at(grid, both & 511), eighth_sign(both >> 9), scale)
        }
        TensorType::IQ2S => {
            let upper = byte(66 + eight / 4) >> (2 * (eight % 4)) & 3;
            let scale = nibble(74, eight / 2);
            let vector = at(grid, byte(2 + eight) | upper << 8);
            (vector, byte(34 + eight), scale)
        }
        TensorType::IQ3XXS => {
            let fours = [0, 1].map(|i| at(grid, byte(2 + 2 * eight + i)));
            let (signs, scale) = seven_signs(block, 66 + 4 * (eight / 4), eight);
            (fours[0] | fours[1] << 16, signs, scale)
        }
        _ => {
            let upper = byte(66 + eight / 4) >> (2 * (eight % 4));
            let index = |i: usize| byte(2 + 2 * eight + i) | (upper >> i & 1) << 8;
            let fours = [0, 1].map(|i| at(grid, index(i)));
            let vector = fours[0] | fours[1] << 16;
            (vector, byte(74 + eight), nibble(106, eight / 4))
        }
    };
    let eights = (0..8).map(|i| (bits >> i & 1) << (4 * i + 3));
    (vector | eights.sum::<u32>(), 2 * scale as u8 + 1)
}

fn at(grid: &[u32], index: u32) -> u32 {
    grid[index as usize]
}

/// Eight times the same bit.
fn all(bit: u32) -> u32 {
    bit * 0xff
}

/// The signs of one of four groups, seven bits each, and the scale above them.
fn seven_signs(block: &[u8], start: usize, eight: usize) -> (u32, u32) {
    let bits = u32::from(u16_at(block, start)) | u32::from(u16_at(block, start + 2)) << 16;
    (eighth_sign(bits >> (7 * (eight % 4)) & 127), bits >> 28)
}

/// Seven signs, and the eighth, with which an even number of them is set.
fn eighth_sign(signs: u32) -> u32 {
    signs | (signs.count_ones() & 1) << 7
}

fn u16_at(block: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([block[at], block[at + 1]])
}

/// Dequantises whole blocks of one of these types.
pub(super) fn dequantize(kind: TensorType, bytes: &[u8], out: &mut [f32]) {
    let Some(levels) = levels(kind) else {
        return;
    };
    let mut grid = [0; GRID_LEN];
    let grid = &mut grid[..grid_len(kind)];
    fill_grid(kind, grid);
    let blocks = bytes.chunks_exact(kind.block_bytes());
    for (block, out) in blocks.zip(out.chunks_exact_mut(LEN)) {
        let d = f16_to_f32(d_bits(kind, block)) * 0.125;
        for (i, out) in out.chunks_exact_mut(8).enumerate() {
            let (indices, sub_scale) = eight(kind, block, grid, i);
            let scale = d * f32::from(sub_scale);
            for (i, out) in out.iter_mut().enumerate() {
                let index = indices >> (4 * i) & 15;
                *out = scale * f32::from(levels[index as usize]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    /// Each index stands for a vector of its own, and the table has no others.
    #[test]
    fn grids_have_as_many_vectors_as_indices() {
        for kind in TensorType::ALL {
            let len = grid_len(kind);
            assert_eq!(len > 0, levels(kind).is_some());
            let mut grid = vec![u32::MAX; len + 1];
            fill_grid(kind, &mut grid);
            if len > 0 {
                assert_eq!(grid.pop(), Some(u32::MAX), "{kind:?}");
                assert!(grid.is_sorted_by(|a, b| a < b), "{kind:?}");
                assert_ne!(grid.last(), Some(&u32::MAX), "{kind:?}");
            }
        }
    }
}
