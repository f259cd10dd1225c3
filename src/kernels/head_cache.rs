//! The KV cache of one head, in the layouts that the kernels of attention read.

use std::str::FromStr;

use super::attention_integers::{DIMS, QUANT_MAX, Stored};
use super::scalar;
use crate::allocation::{copy, resize};
use crate::error::invalid_option;
use crate::{Error, Result};
use bytemuck::{Pod, cast_slice_mut};

/// Positions that the cache saves and restores together: keys lie in tiles of so many.
pub const TILE_POSITIONS: usize = 4;

/// How the KV cache stores its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum CacheType {
    /// 32-bit floats: 8 bytes for each dimension of a head and position, key and value together.
    F32,
    /// 13-bit integers in 16 bits, with a scale for each head and position (for keys, for each 32 dimensions of it): as
    /// small as half-precision floats (4 bytes) and as precise, without a conversion in the inner loop.
    #[default]
    Q16,
    /// Like `Q16` with 8-bit integers: 2 bytes.
    Q8,
}

impl FromStr for CacheType {
    type Err = Error;

    /// The type of this name: "f32", "q16" or "q8".
    fn from_str(name: &str) -> Result<Self> {
        match name {
            "f32" => Ok(Self::F32),
            "q16" => Ok(Self::Q16),
            "q8" => Ok(Self::Q8),
            _ => Err(invalid_option("cache_type", "\"f32\", \"q16\" or \"q8\"")),
        }
    }
}

/// The keys and values of one KV head.
pub struct HeadCache {
    /// Dimensions of a key, and of a value.
    pub(super) size: usize,
    pub(super) data: Data,
}

crate::debug::debug_in_brief!(HeadCache { size });

pub(super) enum Data {
    /// Keys `[tile][dimension][4 positions]`, values `[position][dimension]`.
    Floats {
        keys: Vec<f32>,
        values: Vec<f32>,
    },
    I16(Integers<i16>),
    I8(Integers<i8>),
}

/// Quantised keys `[tile][pair of dimensions][4 positions][2]` and values `[pair of positions][dimension][2]`, with
/// their scales: `[tile][block of DIMS][4 positions]` for keys and `[position]` for values.
#[derive(Default)]
pub(super) struct Integers<T> {
    keys: Vec<T>,
    values: Vec<T>,
    key_scales: Vec<f32>,
    value_scales: Vec<f32>,
}

/// The part of [`Integers`] from some position on.
pub(super) struct Window<'a, T> {
    pub keys: &'a [T],
    pub values: &'a [T],
    pub key_scales: &'a [f32],
    pub value_scales: &'a [f32],
}

impl HeadCache {
    /// An empty cache for a head of `size` dimensions.
    pub fn new(kind: CacheType, size: usize) -> Self {
        let data = match kind {
            CacheType::F32 => Data::Floats {
                keys: Vec::new(),
                values: Vec::new(),
            },
            CacheType::Q16 => Data::I16(Integers::default()),
            CacheType::Q8 => Data::I8(Integers::default()),
        };
        Self { size, data }
    }

    /// Gives all memory back; nothing is stored then.
    pub fn release(&mut self) {
        match &mut self.data {
            Data::Floats { keys, values } => (*keys, *values) = Default::default(),
            Data::I16(integers) => *integers = Default::default(),
            Data::I8(integers) => *integers = Default::default(),
        }
    }

    /// Takes memory for `positions`, a multiple of four, in all.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; what is stored is kept.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        match &mut self.data {
            Data::Floats { keys, values } => {
                grow(keys, positions, self.size)?;
                grow(values, positions, self.size)
            }
            Data::I16(integers) => integers.reserve(positions, padded(self.size)),
            Data::I8(integers) => integers.reserve(positions, padded(self.size)),
        }
    }

    /// Stores the key and value of a reserved position.
    pub fn store(&mut self, position: usize, key: &[f32], value: &[f32]) {
        let size = self.size;
        match &mut self.data {
            Data::Floats { keys, values } => {
                let tile = &mut keys[position / 4 * 4 * self.size..];
                for (key, slot) in key.iter().zip(tile.chunks_exact_mut(4)) {
                    slot[position % 4] = *key;
                }
                values[position * size..][..size].copy_from_slice(value);
            }
            Data::I16(integers) => integers.store(position, key, value, padded(size)),
            Data::I8(integers) => integers.store(position, key, value, padded(size)),
        }
    }

    /// Stores zeros at a reserved position.
    pub fn clear(&mut self, position: usize) {
        let zeros = vec![0.0; self.size];
        self.store(position, &zeros, &zeros);
    }

    /// Bytes that one position takes.
    pub fn position_bytes(&self) -> usize {
        let padded = padded(self.size);
        let integers = |bytes: usize| 2 * bytes * padded + 4 * (padded.div_ceil(DIMS) + 1);
        match &self.data {
            Data::Floats { .. } => 8 * self.size,
            Data::I16(_) => integers(2),
            Data::I8(_) => integers(1),
        }
    }

    /// Bytes of memory taken.
    pub fn bytes(&self) -> usize {
        match &self.data {
            Data::Floats { keys, values } => 4 * (keys.capacity() + values.capacity()),
            Data::I16(integers) => integers.bytes(),
            Data::I8(integers) => integers.bytes(),
        }
    }
}

impl<T: Stored> Integers<T> {
    fn reserve(&mut self, positions: usize, padded: usize) -> Result<()> {
        grow(&mut self.keys, positions, padded)?;
        grow(&mut self.values, positions, padded)?;
        grow(&mut self.key_scales, positions, padded.div_ceil(DIMS))?;
        grow(&mut self.value_scales, positions, 1)
    }

    fn store(&mut self, position: usize, key: &[f32], value: &[f32], padded: usize) {
        let tile = &mut self.keys[position / 4 * 4 * padded..][..4 * padded];
        let blocks = padded.div_ceil(DIMS);
        for (block, key) in key.chunks(DIMS).enumerate() {
            let at = (position / 4 * blocks + block) * 4 + position % 4;
            self.key_scales[at] = quantize(key, |d, q| {
                let d = block * DIMS + d;
                tile[8 * (d / 2) + 2 * (position % 4) + d % 2] = q;
            });
        }
        let pair = &mut self.values[position / 2 * 2 * padded..][..2 * padded];
        self.value_scales[position] = quantize(value, |d, q| pair[2 * d + position % 2] = q);
    }

    /// What is stored from the position `start` on, which is a multiple of four.
    pub fn from(&self, start: usize, padded: usize) -> Window<'_, T> {
        Window {
            keys: &self.keys[start * padded..],
            values: &self.values[start * padded..],
            key_scales: &self.key_scales[start * padded.div_ceil(DIMS)..],
            value_scales: &self.value_scales[start..],
        }
    }

    fn bytes(&self) -> usize {
        size_of::<T>() * (self.keys.capacity() + self.values.capacity())
            + 4 * (self.key_scales.capacity() + self.value_scales.capacity())
    }
}

/// The dimensions of a head, padded as the integer kernels need them.
pub(super) fn padded(size: usize) -> usize {
    size.next_multiple_of(4)
}

/// Quantises to ±`T::QUANT_MAX` and hands each integer to `store` with its place. Returns the scale.
fn quantize<T: Stored>(x: &[f32], mut store: impl FnMut(usize, T)) -> f32 {
    let largest = scalar::largest_magnitude(x);
    let tiny = largest < scalar::TINY;
    let inverse = if tiny { 0.0 } else { T::QUANT_MAX / largest };
    for (d, x) in x.iter().enumerate() {
        let rounded = (x * inverse).round_ties_even();
        store(d, T::from_f32(rounded.clamp(-T::QUANT_MAX, T::QUANT_MAX)));
    }
    if tiny { 0.0 } else { largest / T::QUANT_MAX }
}

/// Makes room for `positions` rows of `size` values.
pub(super) fn grow<T: Default + Clone>(
    vec: &mut Vec<T>,
    positions: usize,
    size: usize,
) -> Result<()> {
    let len = positions
        .checked_mul(size)
        .ok_or(Error::OutOfMemory(usize::MAX))?;
    resize(vec, len.max(vec.len()), T::default())
}

impl HeadCache {
    /// An independent copy.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn fork(&self) -> Result<Self> {
        let data = match &self.data {
            Data::Floats { keys, values } => Data::Floats {
                keys: copy(keys)?,
                values: copy(values)?,
            },
            Data::I16(integers) => Data::I16(integers.fork()?),
            Data::I8(integers) => Data::I8(integers.fork()?),
        };
        Ok(Self { data, ..*self })
    }
}

impl<T: Copy> Integers<T> {
    fn fork(&self) -> Result<Self> {
        Ok(Self {
            keys: copy(&self.keys)?,
            values: copy(&self.values)?,
            key_scales: copy(&self.key_scales)?,
            value_scales: copy(&self.value_scales)?,
        })
    }
}

impl HeadCache {
    /// The memory of the first `positions`, rounded up to whole tiles of four, as bytes to be saved and restored: keys,
    /// values, and the scales of both.
    pub fn parts(&mut self, positions: usize) -> [&mut [u8]; 4] {
        let positions = positions.next_multiple_of(TILE_POSITIONS);
        match &mut self.data {
            Data::Floats { keys, values } => {
                let keys = cast_slice_mut(&mut keys[..positions * self.size]);
                let values = cast_slice_mut(&mut values[..positions * self.size]);
                [keys, values, &mut [], &mut []]
            }
            Data::I16(integers) => integers.parts(positions, padded(self.size)),
            Data::I8(integers) => integers.parts(positions, padded(self.size)),
        }
    }

    /// Whether all integers are within the limit that `store` keeps to: sums of products of larger ones could overflow.
    pub fn is_sane(&self) -> bool {
        let Data::I16(integers) = &self.data else {
            return true;
        };
        let all = [&integers.keys, &integers.values].into_iter().flatten();
        all.fold(0, |most, x| most.max(x.unsigned_abs())) <= QUANT_MAX as u16
    }
}

impl<T: Pod> Integers<T> {
    fn parts(&mut self, positions: usize, padded: usize) -> [&mut [u8]; 4] {
        let blocks = padded.div_ceil(DIMS);
        [
            cast_slice_mut(&mut self.keys[..positions * padded]),
            cast_slice_mut(&mut self.values[..positions * padded]),
            cast_slice_mut(&mut self.key_scales[..positions * blocks]),
            cast_slice_mut(&mut self.value_scales[..positions]),
        ]
    }
}
