//! The KV cache: the keys and values of all positions so far, in every layer.

use std::ops::Range;

use super::Config;
use super::recurrence::recurrence_bytes;
use crate::Result;
use crate::allocation::reserve_exact;
use crate::kernels::{CacheType, HeadCache, TILE_POSITIONS};

/// The number of positions the cache grows by at a time.
const STEP: usize = 256;

/// The keys and values of every layer and KV head. A layer without attention has no cache, but a state (see
/// [`recurrence`](super::recurrence)). Memory is taken in steps as the text grows.
pub(super) struct KvCache {
    caches: Vec<HeadCache>,
    /// Where those of each layer lie. Layers that attend to the keys and values of another have the same place.
    layers: Vec<Range<usize>>,
    kind: CacheType,
    /// Positions that memory has been taken for.
    reserved: usize,
}

/// Bytes that the KV cache of a model with this configuration takes for `positions`, with the states of its recurrent
/// layers, [`u64::MAX`] where it would be more. Nothing is allocated, because the numbers may come from a damaged file.
pub fn cache_bytes(config: &Config, kind: CacheType, positions: usize) -> u64 {
    let layer = |layer| {
        let each = cache_of(config, kind, layer).position_bytes() as u64;
        config.cache_count(layer) as u64 * each
    };
    let position: u64 = (0..config.layers).map(layer).sum();
    let step = STEP as u64;
    let positions = (positions as u64).div_ceil(step).saturating_mul(step);
    position
        .saturating_mul(positions)
        .saturating_add(recurrence_bytes(config))
}

/// An empty cache for one KV head of a layer.
fn cache_of(config: &Config, kind: CacheType, layer: usize) -> HeadCache {
    HeadCache::new(kind, config.layer_head_size(layer))
}

impl KvCache {
    pub fn new(config: &Config, kind: CacheType) -> Self {
        let mut caches = Vec::new();
        let mut layers: Vec<Range<usize>> = Vec::new();
        for layer in 0..config.layers {
            let start = caches.len();
            let end = start + config.cache_count(layer);
            caches.resize_with(end, || cache_of(config, kind, layer));
            let source = layers.get(config.key_value_layer(layer));
            layers.push(source.cloned().unwrap_or(start..end));
        }
        Self {
            caches,
            layers,
            kind,
            reserved: 0,
        }
    }

    /// Takes memory for `positions` in all; on error nothing stored is lost.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        if positions <= self.reserved {
            return Ok(());
        }
        let positions = positions.next_multiple_of(STEP);
        for cache in &mut self.caches {
            cache.reserve(positions)?;
        }
        self.reserved = positions;
        Ok(())
    }

    /// Gives all memory back, which cannot fail; nothing is stored then.
    pub fn release(&mut self) {
        self.caches.iter_mut().for_each(HeadCache::release);
        self.reserved = 0;
    }

    /// An independent copy.
    pub fn fork(&self) -> Result<Self> {
        let caches: Result<Vec<_>> = self.caches.iter().map(HeadCache::fork).collect();
        Ok(Self {
            caches: caches?,
            layers: self.layers.clone(),
            ..*self
        })
    }

    /// The caches that the layer `index` reads and, where they are its own, writes.
    pub fn layer_mut(&mut self, index: usize) -> &mut [HeadCache] {
        &mut self.caches[self.layers[index].clone()]
    }

    /// How keys and values are stored.
    pub fn kind(&self) -> CacheType {
        self.kind
    }

    /// Clears the positions from `end` on that share a tile with the one before.
    pub fn clear_tile(&mut self, end: usize) {
        for cache in &mut self.caches {
            (end..end.next_multiple_of(TILE_POSITIONS)).for_each(|position| cache.clear(position));
        }
    }

    /// Appends the bytes of the first `positions` positions to `out`.
    pub fn save(&mut self, positions: usize, out: &mut Vec<u8>) -> Result<()> {
        let size = self.parts(positions).map(|part| part.len()).sum();
        reserve_exact(out, size)?;
        for part in self.parts(positions) {
            out.extend_from_slice(part);
        }
        Ok(())
    }

    /// Takes the bytes that [`save`](Self::save) wrote for as many positions; false where they do not fit this cache.
    pub fn restore(&mut self, positions: usize, mut bytes: &[u8]) -> Result<bool> {
        self.reserve(positions)?;
        for part in self.parts(positions) {
            let Some((saved, rest)) = bytes.split_at_checked(part.len()) else {
                return Ok(false);
            };
            part.copy_from_slice(saved);
            bytes = rest;
        }
        Ok(bytes.is_empty() && self.caches.iter().all(HeadCache::is_sane))
    }

    fn parts(&mut self, positions: usize) -> impl Iterator<Item = &mut [u8]> {
        let caches = self.caches.iter_mut();
        caches.flat_map(move |cache| cache.parts(positions))
    }

    /// Bytes of memory taken.
    pub fn bytes(&self) -> usize {
        self.caches.iter().map(HeadCache::bytes).sum()
    }
}
