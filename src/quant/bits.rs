//! The formats of one and two bits: a sign, or a number from −1 to 1 or 2, times the f16 `d`.
//!
//! | format | bytes of a block | value of the integer `q` |
//! |---|---|---|
//! | Q1_0 | `d`, 16 × 8 bits | `d` where the bit is set, else `-d` |
//! | Q2_0 | `d`, 64 × 2 bits | `d·(q - 1)` |
//! | TQ1_0 | 48 × 5 and 4 × 4 digits of base 3, `d` | `d·(q - 1)` |
//! | TQ2_0 | 64 × 2 bits, `d` | `d·(q - 1)` |
//!
//! Bit `i` of byte `b` belongs to element `8b + i` of Q1_0, bits `2i` and `2i + 1` to element `4b + i` of Q2_0. Of TQ2_0, bits `2i` and `2i + 1` of byte `b` of the first 32
//! belong to element `32i + b`; the other 32 bytes follow in the same way. A byte of TQ1_0 is a fraction of 256 whose
//! digits after the point, in base 3, belong to elements as far apart as there are bytes in its part: parts of 32, 16
//! and 4 bytes.

use super::{TensorType, f16_at};

pub(super) fn dequantize_q1_0(block: &[u8; 18], out: &mut [f32; 128]) {
    let d = f16_at(block, 0);
    for (i, out) in out.iter_mut().enumerate() {
        let is_set = (block[2 + i / 8] >> (i % 8)) & 1 == 1;
        *out = if is_set { d } else { -d };
    }
}

pub(super) fn dequantize_q2_0(block: &[u8; 18], out: &mut [f32; 64]) {
    let d = f16_at(block, 0);
    for (i, out) in out.iter_mut().enumerate() {
        *out = d * f32::from(i16::from(two_bits(block, i)) - 1);
    }
}

/// The integer of element `i` of a Q2_0 block, 0 to 3.
pub(super) fn two_bits(block: &[u8], i: usize) -> u8 {
    (block[2 + i / 4] >> (2 * (i % 4))) & 3
}

pub(super) fn dequantize_tq1_0(block: &[u8; 54], out: &mut [f32; 256]) {
    dequantize_ternary(TensorType::TQ1_0, block, out);
}

pub(super) fn dequantize_tq2_0(block: &[u8; 66], out: &mut [f32; 256]) {
    dequantize_ternary(TensorType::TQ2_0, block, out);
}

fn dequantize_ternary(kind: TensorType, block: &[u8], out: &mut [f32; 256]) {
    let d = f16_at(block, block.len() - 2);
    for (i, out) in out.iter_mut().enumerate() {
        *out = d * f32::from(i16::from(ternary(kind, block, i)) - 1);
    }
}

/// The integer of element `i` of a TQ1_0 or TQ2_0 block, 0 to 3.
pub(super) fn ternary(kind: TensorType, block: &[u8], i: usize) -> u8 {
    if kind == TensorType::TQ2_0 {
        return (block[i / 128 * 32 + i % 32] >> (2 * (i / 32 % 4))) & 3;
    }
    let (first, bytes, i) = match i {
        0..160 => (0, 32, i),
        160..240 => (32, 16, i - 160),
        _ => (48, 4, i - 240),
    };
    const POWERS: [u8; 5] = [1, 3, 9, 27, 81];
    let shifted = block[first + i % bytes].wrapping_mul(POWERS[i / bytes]);
    ((u16::from(shifted) * 3) >> 8) as u8
}
