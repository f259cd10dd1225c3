//! What the integer kernels of attention read: how far their integers go, and how many share a scale.

/// The largest magnitude of quantised queries and weights, and of 16-bit keys and values: sums of [`DIMS`] or [`CHUNK`]
/// products of two such integers fit 32 bits, with room to spare.
pub(super) const QUANT_MAX: f32 = 4095.0;
/// Dimensions of keys and queries that share a scale, and whose products are added up as integers.
pub(super) const DIMS: usize = 32;
/// Positions whose weights share a scale.
pub(super) const CHUNK: usize = 32;

/// An integer type that a cache stores.
pub(super) trait Stored: Copy + Default + Into<i16> + 'static {
    /// The largest magnitude that is stored.
    const QUANT_MAX: f32;
    /// Converts a whole number within ±`QUANT_MAX`.
    fn from_f32(x: f32) -> Self;
}

impl Stored for i16 {
    const QUANT_MAX: f32 = QUANT_MAX;
    fn from_f32(x: f32) -> Self {
        x as i16
    }
}

impl Stored for i8 {
    const QUANT_MAX: f32 = 127.0;
    fn from_f32(x: f32) -> Self {
        x as i8
    }
}

/// The queries that share one KV head, as the integer kernels read them.
pub(super) struct Heads<'a> {
    /// `[head][padded]`, within ±[`QUANT_MAX`].
    pub queries: &'a [i16],
    /// `[head][block of DIMS]`: the scale of the quantised query times the scale of attention.
    pub factors: &'a [f32],
    /// Dimensions of a head, padded with zeros to a multiple of four.
    pub padded: usize,
    /// Positions to attend to.
    pub positions: usize,
}
