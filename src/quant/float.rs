//! Half precision (f16), bfloat16 and single precision (f32). All in software, so that every platform gives the same
//! bits.

/// 2^112: changes the exponent of a half in the bits of a single from bias 15 to bias 127.
const REBIAS: f32 = f32::from_bits((127 + 112) << 23);
/// The bits of infinity as a single.
const INFINITY: u32 = 0x7f80_0000;

/// IEEE 754 half → single, exact. A signalling NaN becomes quiet.
pub fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff) << 13;
    let bits = if magnitude >= 0x7c00 << 13 {
        let fraction = magnitude & 0x007f_ffff;
        let quiet = if fraction == 0 { 0 } else { 0x0040_0000 };
        INFINITY | fraction | quiet
    } else {
        // This is exact, also for subnormal halves: they are subnormal singles before they are scaled.
        (f32::from_bits(magnitude) * REBIAS).to_bits()
    };
    f32::from_bits(sign | bits)
}

/// Single → half, rounded to nearest, ties to even; beyond the largest half it gives infinity. A NaN stays one and
/// becomes quiet.
pub fn f32_to_f16(value: f32) -> u16 {
    /// 65520, halfway between the largest half and the number that would follow it.
    const OVERFLOW: u32 = 0x477f_f000;
    /// 2^-14, the smallest normal half.
    const NORMAL: u32 = 0x3880_0000;
    let sign = (value.to_bits() >> 16) as u16 & 0x8000;
    let magnitude = value.to_bits() & 0x7fff_ffff;
    let half = if magnitude > INFINITY {
        0x7e00 | (magnitude >> 13) as u16 & 0x03ff
    } else if magnitude >= OVERFLOW {
        0x7c00
    } else if magnitude < NORMAL {
        // Between 0.5 and 1, the last place of a single is 2^-24, as in a subnormal half, so the addition rounds
        // correctly.
        ((f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits()) as u16
    } else {
        let odd = (magnitude >> 13) & 1;
        ((magnitude - (112 << 23) + 0x0fff + odd) >> 13) as u16
    };
    sign | half
}

/// Single → bfloat16, rounded to nearest, ties to even. A NaN stays one and becomes quiet.
pub(super) fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x0040;
    }
    let odd = (bits >> 16) & 1;
    // This cannot overflow: the largest bits that are not NaN are those of -infinity.
    ((bits + 0x7fff + odd) >> 16) as u16
}

pub(super) fn dequantize_f32(block: &[u8; 4], out: &mut [f32; 1]) {
    *out = [f32::from_le_bytes(*block)];
}

pub(super) fn dequantize_f16(block: &[u8; 2], out: &mut [f32; 1]) {
    *out = [f16_to_f32(u16::from_le_bytes(*block))];
}

pub(super) fn dequantize_bf16(block: &[u8; 2], out: &mut [f32; 1]) {
    *out = [f32::from_bits(u32::from(u16::from_le_bytes(*block)) << 16)];
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The value of a finite half by its definition, computed exactly.
    fn by_definition(half: u16) -> f64 {
        let exponent = i32::from(half >> 10 & 0x1f);
        let fraction = f64::from(half & 0x3ff);
        let magnitude = match exponent {
            0 => fraction * 2f64.powi(-24),
            _ => (1024.0 + fraction) * 2f64.powi(exponent - 25),
        };
        if half & 0x8000 == 0 {
            magnitude
        } else {
            -magnitude
        }
    }

    #[test]
    fn every_half_becomes_the_single_of_its_value() {
        for half in 0..=u16::MAX {
            let single = f16_to_f32(half);
            if half & 0x7c00 != 0x7c00 {
                assert_eq!(f64::from(single).to_bits(), by_definition(half).to_bits());
            } else if half & 0x3ff == 0 {
                assert!(single.is_infinite() && single.is_sign_negative() == (half & 0x8000 != 0));
            } else {
                assert!(single.is_nan());
            }
        }
    }

    #[test]
    fn every_half_survives_the_way_there_and_back() {
        for half in 0..=u16::MAX {
            let is_nan = half & 0x7fff > 0x7c00;
            let quiet = if is_nan { 0x0200 } else { 0 };
            assert_eq!(f32_to_f16(f16_to_f32(half)), half | quiet);
        }
    }

    #[test]
    fn singles_between_two_halves_go_to_the_nearer_and_ties_to_even() {
        for lower in 0..0x7c00u16 {
            let upper = lower + 1;
            // The successor of the largest half counts as 2^16, which is where infinity takes over.
            let above = if upper == 0x7c00 {
                65536.0
            } else {
                by_definition(upper)
            };
            let middle = ((by_definition(lower) + above) / 2.0) as f32;
            let even = if lower % 2 == 0 { lower } else { upper };
            for sign in [0, 0x8000] {
                let signed = |single: f32| if sign == 0 { single } else { -single };
                assert_eq!(f32_to_f16(signed(middle.next_down())), sign | lower);
                assert_eq!(f32_to_f16(signed(middle)), sign | even);
                assert_eq!(f32_to_f16(signed(middle.next_up())), sign | upper);
            }
        }
        assert_eq!(f32_to_f16(f32::MAX), 0x7c00);
        assert_eq!(f32_to_f16(f32::NEG_INFINITY), 0xfc00);
    }

    #[test]
    fn bfloat16_rounds_to_even_and_keeps_nan() {
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f80_8000)), 0x3f80);
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f80_8001)), 0x3f81);
        assert_eq!(f32_to_bf16(f32::from_bits(0x3f81_8000)), 0x3f82);
        assert_eq!(f32_to_bf16(f32::MAX), 0x7f80);
        assert_eq!(f32_to_bf16(f32::NEG_INFINITY), 0xff80);
        assert_eq!(f32_to_bf16(f32::from_bits(0x7f80_0001)), 0x7fc0);
    }
}
