//! The IQ4 formats: four bits that index a table of unevenly spaced levels, denser around zero, as trained weights are.
//!
//! | format | bytes of a block | sub-blocks | value of the index `q` |
//! |---|---|---|---|
//! | IQ4_NL | `d`, 16 × nibbles | 1 of 32 | `d·LEVELS[q]` |
//! | IQ4_XS | `d`, 8 × 2 upper and 8 × 4 lower scale bits, 128 × nibbles | 8 of 32 | `d·(scale - 32)·LEVELS[q]` |

use super::f16_at;

/// The levels, from `ggml-common.h` (`kvalues_iq4nl`).
pub(crate) const LEVELS: [i8; 16] = [
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113,
];

pub(super) fn dequantize_iq4_nl(block: &[u8; 18], out: &mut [f32; 32]) {
    look_up(f16_at(block, 0), &block[2..], out);
}

pub(super) fn dequantize_iq4_xs(block: &[u8; 136], out: &mut [f32; 256]) {
    for (sub, out) in out.chunks_exact_mut(32).enumerate() {
        let (scale, nibbles) = xs_sub_block(block, sub);
        look_up(scale, nibbles, out);
    }
}

/// Scale and nibbles of sub-block `sub` of an IQ4_XS block.
pub(super) fn xs_sub_block(block: &[u8], sub: usize) -> (f32, &[u8]) {
    let (high, low) = (u16::from_le_bytes([block[2], block[3]]), &block[4..8]);
    let low = (low[sub / 2] >> (sub % 2 * 4)) & 0x0f;
    let high = (high >> (sub * 2)) as u8 & 0x03;
    let scale = f16_at(block, 0) * f32::from(i16::from(low | high << 4) - 32);
    (scale, &block[8 + 16 * sub..][..16])
}

/// Looks up the levels of 32 elements and scales them. The low nibble of byte `i` belongs to element `i`, the high one
/// to element `i + 16`.
fn look_up(scale: f32, nibbles: &[u8], out: &mut [f32]) {
    let (first, second) = out.split_at_mut(16);
    for ((first, second), nibbles) in first.iter_mut().zip(second).zip(nibbles) {
        *first = scale * f32::from(LEVELS[usize::from(nibbles & 0x0f)]);
        *second = scale * f32::from(LEVELS[usize::from(nibbles >> 4)]);
    }
}
