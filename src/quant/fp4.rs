//! The formats of four-bit floats (E2M1): one of sixteen levels, times a scale that is a small float itself.
//!
//! | format | bytes of a block | sub-blocks | scale | value of the index `q` |
//! |---|---|---|---|---|
//! | MXFP4 | scale, 16 × nibbles | 1 of 32 | E8M0: a power of two | `scale / 2·LEVELS[q]` |
//! | NVFP4 | 4 × scale, 32 × nibbles | 4 of 16 | UE4M3: four bits of exponent, three of fraction | `scale / 2·LEVELS[q]` |
//!
//! The low nibble of byte `i` of a sub-block belongs to its element `i`, the high one to the element as many further as
//! there are bytes. MXFP4 is defined in the OCP Microscaling Formats specification 1.0 (2023).

/// Twice the values of E2M1, which are then whole numbers (`kvalues_mxfp4` in `ggml-common.h`).
pub(crate) const LEVELS: [i8; 16] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/// Half of 2^(`exponent` − 127), as a bfloat16, which holds it exactly.
pub(super) fn half_e8m0(exponent: u8) -> u16 {
    match exponent {
        // Below the smallest normal number, where the fraction's bits are the power.
        0 | 1 => 0x20 << exponent,
        _ => u16::from(exponent - 1) << 7,
    }
}

/// Half of the float with these bits of UE4M3, the highest of which says nothing. The code of NaN counts as 0, as in ggml.
pub(super) fn half_ue4m3(bits: u8) -> f32 {
    const NAN: u8 = 0x7f;
    /// 2⁻¹⁰: half of the smallest number, of which the others are multiples.
    const STEP: f32 = 1.0 / 1024.0;
    let (exponent, fraction) = ((bits >> 3) & 15, u32::from(bits & 7));
    let steps = match exponent {
        _ if bits == NAN => 0,
        0 => fraction,
        _ => (8 | fraction) << (exponent - 1),
    };
    steps as f32 * STEP
}

pub(super) fn dequantize_mxfp4(block: &[u8; 17], out: &mut [f32; 32]) {
    let scale = f32::from_bits(u32::from(half_e8m0(block[0])) << 16);
    look_up(scale, &block[1..], out);
}

pub(super) fn dequantize_nvfp4(block: &[u8; 36], out: &mut [f32; 64]) {
    let subs = block[4..].chunks_exact(8).zip(out.chunks_exact_mut(16));
    for (scale, (nibbles, out)) in block.iter().zip(subs) {
        look_up(half_ue4m3(*scale), nibbles, out);
    }
}

/// Looks up the levels of a sub-block's elements and scales them.
fn look_up(scale: f32, nibbles: &[u8], out: &mut [f32]) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = scale * f32::from(level(nibbles, i));
    }
}

/// The level of element `i` of a sub-block with these nibbles.
pub(super) fn level(nibbles: &[u8], i: usize) -> i8 {
    let nibble = nibbles[i % nibbles.len()] >> (4 * (i / nibbles.len()));
    LEVELS[usize::from(nibble & 15)]
}
