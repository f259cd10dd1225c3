//! Attention: the KV cache of one head in the layouts that the kernels read, and the dispatch to the kernels.

use std::ops::Range;
use std::str::FromStr;

use super::{
    quantize_i16, scores, scores_i8, scores_i16, weighted_sum, weighted_sum_i8, weighted_sum_i16,
};
use crate::allocation::{copy, resize};
use crate::error::invalid_option;
use crate::{Error, Result};
use bytemuck::{Pod, cast_slice_mut};

/// The largest magnitude of quantised queries and weights, and of 16-bit keys and values: sums of [`DIMS`] or [`CHUNK`]
/// products of two such integers fit 32 bits, with room to spare.
pub(super) const QUANT_MAX: f32 = 4095.0;
/// Dimensions of keys and queries that share a scale, and whose products are added up as integers.
pub(super) const DIMS: usize = 32;
/// Positions whose weights share a scale.
pub(super) const CHUNK: usize = 32;

/// Positions that the cache saves and restores together: keys lie in tiles of so many.
pub const TILE_POSITIONS: usize = 4;

/// How the KV cache stores its numbers. The inputs of short convolutions are stored as floats whatever the type.
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

/// The keys and values of one KV head; or values alone, which are the inputs of a short convolution.
pub struct HeadCache {
    /// Dimensions of a value.
    size: usize,
    /// Dimensions of a key: as many as of a value, or none.
    key_size: usize,
    data: Data,
}

crate::debug::debug_in_brief!(HeadCache { size, key_size });

enum Data {
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
struct Integers<T> {
    keys: Vec<T>,
    values: Vec<T>,
    key_scales: Vec<f32>,
    value_scales: Vec<f32>,
}

/// The part of [`Integers`] from some position on.
struct Window<'a, T> {
    keys: &'a [T],
    values: &'a [T],
    key_scales: &'a [f32],
    value_scales: &'a [f32],
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
        Self {
            size,
            key_size: size,
            data,
        }
    }

    /// An empty cache for values of `size` dimensions, without keys, as floats.
    pub fn without_keys(size: usize) -> Self {
        Self {
            key_size: 0,
            ..Self::new(CacheType::F32, size)
        }
    }

    /// Takes memory for `positions`, a multiple of four, in all.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`]; what is stored is kept.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        match &mut self.data {
            Data::Floats { keys, values } => {
                grow(keys, positions, self.key_size)?;
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
                let tile = &mut keys[position / 4 * 4 * self.key_size..];
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
        self.store(position, &zeros[..self.key_size], &zeros);
    }

    /// Bytes that one position takes.
    pub fn position_bytes(&self) -> usize {
        let padded = padded(self.size);
        let integers = |bytes: usize| 2 * bytes * padded + 4 * (padded.div_ceil(DIMS) + 1);
        match &self.data {
            Data::Floats { .. } => 4 * (self.key_size + self.size),
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
    fn from(&self, start: usize, padded: usize) -> Window<'_, T> {
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
fn padded(size: usize) -> usize {
    size.next_multiple_of(4)
}

fn quantize<T: Stored>(x: &[f32], mut store: impl FnMut(usize, T)) -> f32 {
    let largest = super::scalar::largest_magnitude(x);
    let tiny = largest < super::scalar::TINY;
    let inverse = if tiny { 0.0 } else { T::QUANT_MAX / largest };
    for (d, x) in x.iter().enumerate() {
        let rounded = (x * inverse).round_ties_even();
        store(d, T::from_f32(rounded.clamp(-T::QUANT_MAX, T::QUANT_MAX)));
    }
    if tiny { 0.0 } else { largest / T::QUANT_MAX }
}

fn grow<T: Default + Clone>(vec: &mut Vec<T>, positions: usize, size: usize) -> Result<()> {
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
                let keys = cast_slice_mut(&mut keys[..positions * self.key_size]);
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

/// Scratch memory for [`attend`].
#[derive(Debug, Default)]
pub struct AttentionScratch {
    weights: Vec<f32>,
    queries: Vec<i16>,
    factors: Vec<f32>,
    mixed: Vec<f32>,
}

impl AttentionScratch {
    /// Takes the memory for `heads` queries of `size` dimensions over up to `positions`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn prepare(&mut self, heads: usize, size: usize, positions: usize) -> Result<()> {
        grow(&mut self.weights, positions, heads)?;
        grow(&mut self.queries, padded(size), heads)?;
        grow(&mut self.factors, padded(size).div_ceil(DIMS), heads)?;
        grow(&mut self.mixed, padded(size), heads)
    }

    /// The weights that the last [`attend`] gave these positions, where it had one query.
    pub fn weights(&self, positions: &Range<usize>) -> &[f32] {
        // Those of the tile's positions before the first one come before.
        &self.weights[positions.start % 4..][..positions.len()]
    }
}

/// How a score is computed from a query and a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scoring {
    /// The factor of the dot product.
    pub factor: f32,
    /// The bound of [`soft_cap`](super::soft_cap), where scores are capped.
    pub cap: Option<f32>,
}

/// Attention of the query heads that share one KV head (grouped-query attention, Ainslie et al. 2023), over some of its
/// positions: `out = softmax(score(query, keys)) · values` for each query. `queries` and `out` are `[heads][size]`.
///
/// # Panics
/// If the cache holds fewer positions, if `positions` is empty, or if `scratch` was prepared for less.
pub fn attend(
    cache: &HeadCache,
    queries: &[f32],
    positions: Range<usize>,
    scoring: Scoring,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let size = cache.size;
    assert_eq!(queries.len(), out.len());
    // Keys lie in tiles of four positions. Those of the first tile that are outside the window get no weight.
    let skip = positions.start % 4;
    let start = positions.start - skip;
    let positions = positions.end - start;
    let normalize = |weights: &mut [f32]| {
        let (out_of_window, weights) = weights.split_at_mut(skip);
        out_of_window.fill(0.0);
        if let Some(cap) = scoring.cap {
            super::soft_cap(weights, cap);
        }
        super::softmax(weights);
    };
    if let Data::Floats { keys, values } = &cache.data {
        let (keys, values) = (&keys[start * size..], &values[start * size..]);
        assert!(keys.len() >= positions.next_multiple_of(4) * size);
        assert!(values.len() >= positions * size);
        let heads = queries.chunks_exact(size).zip(out.chunks_exact_mut(size));
        for (query, out) in heads {
            let weights = &mut scratch.weights[..positions];
            scores(query, keys, scoring.factor, weights);
            normalize(weights);
            weighted_sum(weights, values, out);
        }
        return;
    }

    let (heads, padded) = (queries.len() / size, padded(size));
    let blocks = padded.div_ceil(DIMS);
    for (head, query) in queries.chunks_exact(size).enumerate() {
        let q = &mut scratch.queries[head * padded..][..padded];
        q[size..].fill(0);
        let factors = &mut scratch.factors[head * blocks..][..blocks];
        for (block, query) in query.chunks(DIMS).enumerate() {
            let q = &mut q[block * DIMS..][..query.len()];
            factors[block] = quantize_i16(query, q) * scoring.factor;
        }
    }
    let queries = Heads {
        queries: &scratch.queries[..heads * padded],
        factors: &scratch.factors[..heads * blocks],
        padded,
        positions,
    };
    let weights = &mut scratch.weights[..heads * positions];
    let mixed = &mut scratch.mixed[..heads * padded];
    match &cache.data {
        Data::I16(c) => {
            let c = c.from(start, padded);
            scores_i16(&queries, c.keys, c.key_scales, weights);
            weights.chunks_exact_mut(positions).for_each(normalize);
            weighted_sum_i16(weights, c.values, c.value_scales, positions, mixed, padded);
        }
        Data::I8(c) => {
            let c = c.from(start, padded);
            scores_i8(&queries, c.keys, c.key_scales, weights);
            weights.chunks_exact_mut(positions).for_each(normalize);
            weighted_sum_i8(weights, c.values, c.value_scales, positions, mixed, padded);
        }
        Data::Floats { .. } => {}
    }
    let rows = mixed.chunks_exact(padded).zip(out.chunks_exact_mut(size));
    for (mixed, out) in rows {
        out.copy_from_slice(&mixed[..size]);
    }
}

/// A short causal convolution of a cache's values, each dimension by itself (LFM2, Liquid AI 2025), for the position
/// before `end`: `out = Σ kernel[i] × value[i]` over the latest positions, the oldest first. `kernel` is
/// `[position][size]`, the latest position last; positions before the first one count as zeros. `row` is scratch memory
/// for one product.
///
/// # Panics
/// If the cache holds fewer positions, or the lengths do not fit together.
pub fn convolve(cache: &HeadCache, end: usize, kernel: &[f32], row: &mut [f32], out: &mut [f32]) {
    let Data::Floats { values, .. } = &cache.data else {
        return;
    };
    let values = &values[..end * cache.size];
    let len = kernel.len().min(values.len());
    let values = values[values.len() - len..].chunks_exact(cache.size);
    let kernel = kernel[kernel.len() - len..].chunks_exact(cache.size);
    out.fill(0.0);
    for (value, weight) in values.zip(kernel) {
        super::product(value, weight, row);
        super::add(out, row);
    }
}
