//! The simple formats: 32 elements with a scale `d` and, in the `_1` formats, a minimum `m`, both f16.
//!
//! | format | bytes of a block | value of the integer `q` |
//! |---|---|---|
//! | Q4_0 | `d`, 16 × nibbles | `d·(q - 8)` |
//! | Q4_1 | `d`, `m`, 16 × nibbles | `d·q + m` |
//! | Q5_0 | `d`, 32 fifth bits, 16 × nibbles | `d·(q - 16)` |
//! | Q5_1 | `d`, `m`, 32 fifth bits, 16 × nibbles | `d·q + m` |
//! | Q8_0 | `d`, 32 × int8 | `d·q` |
//!
//! The low nibble of byte `i` belongs to element `i`, the high one to element `i + 16`.

// The formats pair element i with element i + 16, which indices show best.
#![allow(clippy::needless_range_loop)]

use super::{f16_at, f32_to_f16};

/// Elements in a block.
const LEN: usize = 32;
const HALF: usize = LEN / 2;

pub(super) fn dequantize_q4_0(block: &[u8; 18], out: &mut [f32; LEN]) {
    let d = f16_at(block, 0);
    for i in 0..LEN {
        out[i] = d * f32::from(i16::from(nibble(&block[2..], i)) - 8);
    }
}

pub(super) fn dequantize_q4_1(block: &[u8; 20], out: &mut [f32; LEN]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    for i in 0..LEN {
        out[i] = d * f32::from(nibble(&block[4..], i)) + m;
    }
}

pub(super) fn dequantize_q5_0(block: &[u8; 22], out: &mut [f32; LEN]) {
    let d = f16_at(block, 0);
    for i in 0..LEN {
        let q = nibble(&block[6..], i) | fifth_bit(&block[2..6], i);
        out[i] = d * f32::from(i16::from(q) - 16);
    }
}

pub(super) fn dequantize_q5_1(block: &[u8; 24], out: &mut [f32; LEN]) {
    let (d, m) = (f16_at(block, 0), f16_at(block, 2));
    for i in 0..LEN {
        let q = nibble(&block[8..], i) | fifth_bit(&block[4..8], i);
        out[i] = d * f32::from(q) + m;
    }
}

pub(super) fn dequantize_q8_0(block: &[u8; 34], out: &mut [f32; LEN]) {
    let d = f16_at(block, 0);
    for i in 0..LEN {
        out[i] = d * f32::from(block[2 + i] as i8);
    }
}

/// The four bits of element `i` in 16 bytes of nibbles.
fn nibble(nibbles: &[u8], i: usize) -> u8 {
    (nibbles[i % HALF] >> (i / HALF * 4)) & 0x0f
}

/// The fifth bit of element `i`, as bit 4 of the result.
fn fifth_bit(bits: &[u8], i: usize) -> u8 {
    ((bits[i / 8] >> (i % 8)) & 1) << 4
}

pub(super) fn quantize_q4_0(values: &[f32], out: &mut Vec<u8>) {
    // The value of largest magnitude becomes -8, because the integers reach further down (-8) than up (7).
    let d = signed_abs_max(values) / -8.0;
    let q = to_integers(values, 0.0, d, 8.5, 15);
    out.extend(f32_to_f16(d).to_le_bytes());
    push_nibbles(&q, out);
}

pub(super) fn quantize_q4_1(values: &[f32], out: &mut Vec<u8>) {
    let (min, max) = range(values);
    let d = (max - min) / 15.0;
    let q = to_integers(values, min, d, 0.5, 15);
    out.extend(f32_to_f16(d).to_le_bytes());
    out.extend(f32_to_f16(min).to_le_bytes());
    push_nibbles(&q, out);
}

pub(super) fn quantize_q5_0(values: &[f32], out: &mut Vec<u8>) {
    let d = signed_abs_max(values) / -16.0;
    let q = to_integers(values, 0.0, d, 16.5, 31);
    out.extend(f32_to_f16(d).to_le_bytes());
    push_fifth_bits(&q, out);
    push_nibbles(&q, out);
}

pub(super) fn quantize_q5_1(values: &[f32], out: &mut Vec<u8>) {
    let (min, max) = range(values);
    let d = (max - min) / 31.0;
    let q = to_integers(values, min, d, 0.5, 31);
    out.extend(f32_to_f16(d).to_le_bytes());
    out.extend(f32_to_f16(min).to_le_bytes());
    push_fifth_bits(&q, out);
    push_nibbles(&q, out);
}

pub(super) fn quantize_q8_0(values: &[f32], out: &mut Vec<u8>) {
    let d = signed_abs_max(values).abs() / 127.0;
    let inverse = reciprocal(d);
    out.extend(f32_to_f16(d).to_le_bytes());
    // Rounds half away from zero, like C's `roundf`.
    out.extend(values.iter().map(|x| (x * inverse).round() as i8 as u8));
}

/// The value of largest magnitude; the first one of several.
fn signed_abs_max(values: &[f32]) -> f32 {
    let larger = |peak: f32, &x: &f32| if x.abs() > peak.abs() { x } else { peak };
    values.iter().fold(0.0, larger)
}

/// The smallest and the largest value.
fn range(values: &[f32]) -> (f32, f32) {
    let unset = (f32::INFINITY, f32::NEG_INFINITY);
    let widen = |(min, max): (f32, f32), &x: &f32| (min.min(x), max.max(x));
    values.iter().fold(unset, widen)
}

/// 1 / d, and 0 for 0.
fn reciprocal(d: f32) -> f32 {
    if d == 0.0 { 0.0 } else { 1.0 / d }
}

/// `(x - min) / d + bias`, truncated to integers from 0 to `max`.
fn to_integers(values: &[f32], min: f32, d: f32, bias: f32, max: u8) -> [u8; LEN] {
    let inverse = reciprocal(d);
    let mut q = [0; LEN];
    for (q, x) in q.iter_mut().zip(values) {
        // The cast saturates, and turns NaN into 0.
        *q = (((x - min) * inverse + bias) as u8).min(max);
    }
    q
}

fn push_nibbles(q: &[u8; LEN], out: &mut Vec<u8>) {
    out.extend((0..HALF).map(|i| q[i] & 0x0f | q[i + HALF] << 4));
}

fn push_fifth_bits(q: &[u8; LEN], out: &mut Vec<u8>) {
    let bits = q
        .iter()
        .rev()
        .fold(0u32, |bits, q| bits << 1 | u32::from(q >> 4));
    out.extend(bits.to_le_bytes());
}
