//! What differs between the formats of quantised tiles: how the weights of a block are unpacked, and where its scales
//! are.

use super::halves;
use crate::kernels::isa::Isa;
use crate::quant::{TileFormat, fp4, iq4};

/// A quantised [`TileFormat`] as a type, so that each format gets a kernel of its own.
pub(crate) trait Quantized {
    const FORMAT: TileFormat;
    /// The format whose unpacked blocks look like those of this one, so that one kernel multiplies both.
    type Like: Quantized;
    /// Whether the format has a kernel for many streams in addition to the one for few.
    const COMMON: bool;
    /// Whether it has a kernel for two tokens at a time: the formats of most files, because each makes a module larger.
    const HAS_PAIRS: bool;
}

macro_rules! formats {
    ($($name:ident like $like:ident, common: $common:literal, pairs: $pairs:expr;)*) => {
        $(
            #[allow(non_camel_case_types)]
            pub(crate) struct $name;
            impl Quantized for $name {
                const FORMAT: TileFormat = TileFormat::$name;
                type Like = $like;
                const COMMON: bool = $common;
                const HAS_PAIRS: bool = $pairs;
            }
        )*
    };
}
const NATIVE: bool = cfg!(not(target_arch = "wasm32"));
formats! {
    Q4_0 like Q4_0, common: true, pairs: NATIVE;
    Q4_1 like Q4_1, common: true, pairs: true;
    Q5_0 like Q5_0, common: true, pairs: NATIVE;
    Q5_1 like Q5_1, common: true, pairs: false;
    Q6 like Q6, common: true, pairs: true;
    Q8_0 like Q8_0, common: true, pairs: true;
    Q2 like Q2, common: false, pairs: false;
    Q3 like Q6, common: false, pairs: false;
    IQ4 like Q8_0, common: false, pairs: false;
    MXFP4 like Q8_0, common: false, pairs: false;
    IQ like IQ, common: false, pairs: false;
    Q1 like Q4_0, common: false, pairs: false;
}

/// The eight weight vectors of block `block` of a tile, four columns each.
#[inline(always)]
pub(super) unsafe fn weights<I: Isa, F: Quantized>(tile: *const u8, block: usize) -> [I::V; 8] {
    // SAFETY: a whole tile lies at `tile`, which has the block.
    unsafe {
        let after_scales = tile.add(F::FORMAT.scales_offset() + 8);
        let tile = tile.add(F::FORMAT.weight_bytes() / F::FORMAT.blocks() * block);
        match F::FORMAT {
            TileFormat::Q8_0 => {
                let mut w = [I::load(tile); 8];
                for (g, w) in w.iter_mut().enumerate() {
                    *w = I::load(tile.add(16 * g));
                }
                w
            }
            TileFormat::Q2 => two_bits::<I, 0>(tile),
            TileFormat::Q1 => seven_or_nine::<I>(tile),
            TileFormat::Q3 => {
                let w = two_bits::<I, 3>(tile);
                with_bits::<I, 5>(w, I::load(tile.add(32)))
            }
            _ => {
                let w = nibbles::<I>(tile);
                match F::FORMAT {
                    TileFormat::Q5_0 | TileFormat::Q5_1 => {
                        with_bits::<I, 4>(w, I::load(tile.add(64)))
                    }
                    TileFormat::Q6 => or::<I>(w, two_bits::<I, 4>(tile.add(64))),
                    TileFormat::IQ4 => levels::<I>(iq4::LEVELS.as_ptr().cast(), w),
                    TileFormat::MXFP4 => levels::<I>(fp4::LEVELS.as_ptr().cast(), w),
                    TileFormat::IQ => levels::<I>(after_scales, w),
                    _ => w,
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn nibbles<I: Isa>(p: *const u8) -> [I::V; 8] {
    // SAFETY: `p` is good for 64 bytes.
    unsafe {
        let mask = I::splat_i32(0x0f0f_0f0f);
        let mut w = [mask; 8];
        for i in 0..4 {
            let pair = I::load(p.add(16 * i));
            w[2 * i] = I::and(pair, mask);
            w[2 * i + 1] = I::and(I::shr_u16::<4>(pair), mask);
        }
        w
    }
}

/// Shifts 16-bit lanes left by `LEFT` − `RIGHT`.
#[inline(always)]
unsafe fn shift<I: Isa, const LEFT: i32, const RIGHT: i32>(v: I::V) -> I::V {
    // SAFETY: as the caller promises.
    unsafe {
        match LEFT - RIGHT {
            -7 => I::shr_u16::<7>(v),
            -6 => I::shr_u16::<6>(v),
            -5 => I::shr_u16::<5>(v),
            -4 => I::shr_u16::<4>(v),
            -3 => I::shr_u16::<3>(v),
            -2 => I::shr_u16::<2>(v),
            -1 => I::shr_u16::<1>(v),
            1 => I::shl_u16::<1>(v),
            2 => I::shl_u16::<2>(v),
            3 => I::shl_u16::<3>(v),
            4 => I::shl_u16::<4>(v),
            5 => I::shl_u16::<5>(v),
            _ => v,
        }
    }
}

/// Unpacks two bits of each weight into the bits from `AT` on.
#[inline(always)]
unsafe fn two_bits<I: Isa, const AT: i32>(p: *const u8) -> [I::V; 8] {
    // SAFETY: `p` is good for 32 bytes.
    unsafe {
        let mask = I::splat_i32(0x0303_0303 << AT);
        let mut w = [mask; 8];
        for half in 0..2 {
            let bits = I::load(p.add(16 * half));
            let w = &mut w[4 * half..4 * half + 4];
            w[0] = I::and(shift::<I, AT, 0>(bits), mask);
            w[1] = I::and(shift::<I, AT, 2>(bits), mask);
            w[2] = I::and(shift::<I, AT, 4>(bits), mask);
            w[3] = I::and(shift::<I, AT, 6>(bits), mask);
        }
        w
    }
}

/// Sets bit `AT` of each weight from `bits`.
#[inline(always)]
unsafe fn with_bits<I: Isa, const AT: i32>(w: [I::V; 8], bits: I::V) -> [I::V; 8] {
    // SAFETY: as the caller promises.
    unsafe {
        let mask = I::splat_i32(0x0101_0101 << AT);
        [
            I::or(w[0], I::and(shift::<I, AT, 0>(bits), mask)),
            I::or(w[1], I::and(shift::<I, AT, 1>(bits), mask)),
            I::or(w[2], I::and(shift::<I, AT, 2>(bits), mask)),
            I::or(w[3], I::and(shift::<I, AT, 3>(bits), mask)),
            I::or(w[4], I::and(shift::<I, AT, 4>(bits), mask)),
            I::or(w[5], I::and(shift::<I, AT, 5>(bits), mask)),
            I::or(w[6], I::and(shift::<I, AT, 6>(bits), mask)),
            I::or(w[7], I::and(shift::<I, AT, 7>(bits), mask)),
        ]
    }
}

/// The quantised weights of a block of Q1_0, whose bits stand for +1 where they are set and for −1 elsewhere. They
/// become 9 and 7, because the kernels of Q4_0, which this format shares, subtract 8 from every weight.
#[inline(always)]
unsafe fn seven_or_nine<I: Isa>(p: *const u8) -> [I::V; 8] {
    // SAFETY: `p` is good for 16 bytes.
    unsafe {
        let mut w = with_bits::<I, 1>([I::splat_i32(0); 8], I::load(p));
        for w in &mut w {
            // No byte carries into the next.
            *w = I::add_i32(*w, I::splat_i32(0x0707_0707));
        }
        w
    }
}

#[inline(always)]
unsafe fn or<I: Isa>(mut a: [I::V; 8], b: [I::V; 8]) -> [I::V; 8] {
    for (a, b) in a.iter_mut().zip(b) {
        // SAFETY: as the caller promises.
        *a = unsafe { I::or(*a, b) };
    }
    a
}

/// Replaces each weight by the one of the sixteen bytes at `table` that it indexes.
#[inline(always)]
unsafe fn levels<I: Isa>(table: *const u8, mut w: [I::V; 8]) -> [I::V; 8] {
    // SAFETY: `table` is good for 16 bytes.
    unsafe {
        let table = I::load(table);
        for w in &mut w {
            *w = I::look_up(table, *w);
        }
    }
    w
}

/// The scales of a block, one row in each lane.
#[derive(Clone, Copy)]
pub(super) struct Scales<I: Isa> {
    /// The scale of all columns, or of the first half of them.
    pub scale: I::V,
    /// The minimum, or the scale of the second half.
    pub other: I::V,
    /// For `Q2`, how many times the minimum is added to each half of the columns, in 16 bits each.
    pub min_multipliers: I::V,
}

/// Unpacks the scales of block `block` of a tile. For `Q2`, multiplies the sub-scales into `weights`.
#[inline(always)]
pub(super) unsafe fn scales<I: Isa, F: Quantized>(
    tile: *const u8,
    block: usize,
    weights: &mut [I::V; 8],
) -> Scales<I> {
    // SAFETY: a whole tile lies at `tile`, which has the block.
    unsafe {
        let at = tile.add(F::FORMAT.scales_offset());
        let scale = match F::FORMAT {
            // bfloat16: the upper half of a float.
            TileFormat::MXFP4 => I::shl_i32::<16>(I::load_i16x4(at)),
            _ => halves::<I>(at),
        };
        let mut scales = Scales {
            scale,
            other: scale,
            min_multipliers: scale,
        };
        if F::FORMAT.scales_offset() + 16 == F::FORMAT.tile_bytes() {
            scales.other = halves::<I>(at.add(8));
        }
        if matches!(F::FORMAT, TileFormat::Q2 | TileFormat::Q3 | TileFormat::IQ) {
            let sub_scales = I::load_i8x8(tile.add(F::FORMAT.weight_bytes() + 8 * block));
            if matches!(F::FORMAT, TileFormat::Q2) {
                let nibble = I::splat_i32(0x000f_000f);
                scales.min_multipliers = I::and(I::shr_u16::<4>(sub_scales), nibble);
                multiply_halves::<I>(weights, I::and(sub_scales, nibble));
            } else {
                let step = I::mul(scale, I::splat(0.125));
                let [low, high] =
                    [1, 1 << 16].map(|pair| I::dot_i16(sub_scales, I::splat_i32(pair)));
                scales.scale = I::mul(step, I::to_f32(low));
                scales.other = I::mul(step, I::to_f32(high));
            }
        }
        scales
    }
}

/// Multiplies the weights of each half of the columns by the factor of that half, which is 16 bits of their row's lane.
/// The products fit a byte.
#[inline(always)]
unsafe fn multiply_halves<I: Isa>(weights: &mut [I::V; 8], factors: I::V) {
    const LANES: [[u8; 16]; 2] = [
        [0, 1, 0, 1, 4, 5, 4, 5, 8, 9, 8, 9, 12, 13, 12, 13],
        [2, 3, 2, 3, 6, 7, 6, 7, 10, 11, 10, 11, 14, 15, 14, 15],
    ];
    // SAFETY: sixteen bytes each.
    unsafe {
        for (half, lanes) in LANES.iter().enumerate() {
            let factor = I::look_up(factors, I::load(lanes.as_ptr()));
            for w in &mut weights[4 * half..4 * half + 4] {
                *w = I::mul_i16(*w, factor);
            }
        }
    }
}
