//! The K-quants: 256 elements in sub-blocks. The scales (and minima) of the sub-blocks are small integers, multiples of
//! the block's f16 `d` (and `dmin`).
//!
//! | format | bytes of a block | sub-blocks | value of the integer `q` |
//! |---|---|---|---|
//! | Q2_K | 16 scale-and-minimum nibbles, 64 × 2 bits, `d`, `dmin` | 16 of 16 | `d·scale·q - dmin·minimum` |
//! | Q3_K | 32 × third bits, 64 × 2 bits, 12 bytes of 6-bit scales, `d` | 16 of 16 | `d·(scale - 32)·(q - 4)` |
//! | Q4_K | `d`, `dmin`, 12 bytes of 6-bit scales and minima, 128 × nibbles | 8 of 32 | `d·scale·q - dmin·minimum` |
//! | Q5_K | like Q4_K, with 32 × fifth bits before the nibbles | 8 of 32 | `d·scale·q - dmin·minimum` |
//! | Q6_K | 128 × nibbles, 64 × upper 2 bits, 16 int8 scales, `d` | 16 of 16 | `d·scale·(q - 32)` |

use super::{TensorType, f16_at};

/// Elements in a block.
pub(super) const LEN: usize = 256;

pub(super) fn dequantize_q2_k(block: &[u8; 84], out: &mut [f32; LEN]) {
    let scales = &block[..16];
    let (d, dmin) = (f16_at(block, 80), f16_at(block, 82));
    for (sub, out) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(scales[sub] & 0x0f);
        let minimum = dmin * f32::from(scales[sub] >> 4);
        for (i, out) in out.iter_mut().enumerate() {
            *out = scale * f32::from(value(TensorType::Q2K, block, sub * 16 + i)) - minimum;
        }
    }
}

pub(super) fn dequantize_q3_k(block: &[u8; 110], out: &mut [f32; LEN]) {
    let d = f16_at(block, 108);
    for (sub, out) in out.chunks_exact_mut(16).enumerate() {
        let scale = d * f32::from(q3_scale(block, sub));
        for (i, out) in out.iter_mut().enumerate() {
            let q = value(TensorType::Q3K, block, sub * 16 + i);
            *out = scale * f32::from(i16::from(q) - 4);
        }
    }
}

/// The scale of sub-block `sub` of a Q3_K block, −32 to 31.
pub(super) fn q3_scale(block: &[u8], sub: usize) -> i8 {
    let scales = &block[96..108];
    let low = (scales[sub % 8] >> (sub / 8 * 4)) & 0x0f;
    let high = (scales[8 + sub % 4] >> (sub / 4 * 2)) & 0x03;
    (low | high << 4) as i8 - 32
}

pub(super) fn dequantize_q4_k(block: &[u8; 144], out: &mut [f32; LEN]) {
    dequantize_with_minima(TensorType::Q4K, block, out);
}

pub(super) fn dequantize_q5_k(block: &[u8; 176], out: &mut [f32; LEN]) {
    dequantize_with_minima(TensorType::Q5K, block, out);
}

fn dequantize_with_minima(kind: TensorType, block: &[u8], out: &mut [f32; LEN]) {
    for (sub, out) in out.chunks_exact_mut(32).enumerate() {
        let (scale, minimum) = scale_and_minimum(kind, block, sub);
        for (i, out) in out.iter_mut().enumerate() {
            *out = scale * f32::from(value(kind, block, sub * 32 + i)) - minimum;
        }
    }
}

pub(super) fn dequantize_q6_k(block: &[u8; 210], out: &mut [f32; LEN]) {
    for (sub, out) in out.chunks_exact_mut(16).enumerate() {
        let (scale, _) = scale_and_minimum(TensorType::Q6K, block, sub);
        for (i, out) in out.iter_mut().enumerate() {
            *out = scale * f32::from(i16::from(q6_value(block, sub * 16 + i)) - 32);
        }
    }
}

/// The value of element `i` of a block before scale and offset: unsigned, with as many bits as the format's name says.
pub(super) fn value(kind: TensorType, block: &[u8], i: usize) -> u8 {
    match kind {
        TensorType::Q2K => two_bits(&block[16..80], i),
        TensorType::Q3K => two_bits(&block[32..96], i) | bit(&block[..32], i) << 2,
        TensorType::Q4K => nibble(&block[16..], i),
        TensorType::Q5K => nibble(&block[48..], i) | bit(&block[16..48], i) << 4,
        _ => q6_value(block, i),
    }
}

fn q6_value(block: &[u8], i: usize) -> u8 {
    let (low, high) = (&block[..128], &block[128..192]);
    // Each half of the block has its own 64 bytes of nibbles: 64 low ones, then 64 high ones.
    let nibble = (low[i / 128 * 64 + i % 64] >> (i / 64 % 2 * 4)) & 0x0f;
    nibble | two_bits(high, i) << 4
}

/// Scale and minimum of sub-block `sub` of a Q4_K, Q5_K or Q6_K block; the minimum of Q6_K is 0.
pub(super) fn scale_and_minimum(kind: TensorType, block: &[u8], sub: usize) -> (f32, f32) {
    if kind == TensorType::Q6K {
        return (f16_at(block, 208) * f32::from(block[192 + sub] as i8), 0.0);
    }
    let (scale, minimum) = six_bits(&block[4..16], sub);
    (f16_at(block, 0) * scale, f16_at(block, 2) * minimum)
}

/// The two bits of element `i`: 32 bytes hold four runs of 32 elements, lowest bits first.
fn two_bits(bytes: &[u8], i: usize) -> u8 {
    (bytes[i / 128 * 32 + i % 32] >> (i / 32 % 4 * 2)) & 0x03
}

/// The nibble of element `i`: 32 bytes hold two runs of 32 elements, low nibbles first.
fn nibble(bytes: &[u8], i: usize) -> u8 {
    (bytes[i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4)) & 0x0f
}

/// The single bit of element `i`: 32 bytes hold eight runs of 32 elements, lowest bit first.
fn bit(bytes: &[u8], i: usize) -> u8 {
    (bytes[i % 32] >> (i / 32)) & 1
}

/// The six-bit scale and minimum of sub-block `sub` of a Q4_K or Q5_K block. Those of the first four lie in the
/// lower bits of bytes 0…3 and 4…7; those of the last four in the nibbles of bytes 8…11, their upper two bits
/// in the upper bits of bytes 0…7.
fn six_bits(scales: &[u8], sub: usize) -> (f32, f32) {
    let (scale, minimum) = match sub.checked_sub(4) {
        None => (scales[sub] & 0x3f, scales[sub + 4] & 0x3f),
        Some(i) => (
            scales[8 + i] & 0x0f | (scales[i] >> 6) << 4,
            scales[8 + i] >> 4 | (scales[4 + i] >> 6) << 4,
        ),
    };
    (scale.into(), minimum.into())
}
