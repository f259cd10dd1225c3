//! The KV cache: what the layers remember of the positions so far.

use super::Config;
use crate::kernels::{CacheType, HeadCache};
use crate::{Error, Result};

/// Positions the cache grows by.
const STEP: usize = 256;

/// Keys and values of every layer and head; where a layer convolves, what it reads, of every position, so that a text
/// can be cut anywhere. Memory is taken in steps as the text grows.
pub(super) struct KvCache {
    caches: Vec<HeadCache>,
    kind: CacheType,
    /// Positions there is memory for.
    reserved: usize,
}

/// Bytes the KV cache of such a model takes for `positions`; the largest number there is where it is more.
/// Nothing is made for it: the numbers may be those of a file that lies.
pub fn cache_bytes(config: &Config, kind: CacheType, positions: usize) -> u64 {
    let layer = |layer| {
        let each = cache_of(config, kind, layer).position_bytes() as u64;
        config.caches(layer) as u64 * each
    };
    let position: u64 = (0..config.layers).map(layer).sum();
    let step = STEP as u64;
    position.saturating_mul((positions as u64).div_ceil(step).saturating_mul(step))
}

/// An empty cache for one part of what a layer remembers.
fn cache_of(config: &Config, kind: CacheType, layer: usize) -> HeadCache {
    match config.convolution(layer) {
        Some(_) => HeadCache::without_keys(config.hidden_size),
        None => HeadCache::new(kind, config.head_size),
    }
}

impl KvCache {
    pub fn new(config: &Config, kind: CacheType) -> Self {
        let mut caches = Vec::new();
        for layer in 0..config.layers {
            let len = caches.len() + config.caches(layer);
            caches.resize_with(len, || cache_of(config, kind, layer));
        }
        Self {
            caches,
            kind,
            reserved: 0,
        }
    }

    /// Takes memory for `positions` in all; on error nothing that is stored is lost.
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

    /// A cache of its own that holds the same.
    pub fn fork(&self) -> Result<Self> {
        let caches: Result<Vec<_>> = self.caches.iter().map(HeadCache::fork).collect();
        Ok(Self {
            caches: caches?,
            ..*self
        })
    }

    /// What all layers remember, one after the other, each of as many parts as [`Config::caches`] says.
    pub fn caches_mut(&mut self) -> &mut [HeadCache] {
        &mut self.caches
    }

    /// How it keeps its numbers.
    pub fn kind(&self) -> CacheType {
        self.kind
    }

    /// Appends to `out` what it holds of the first `positions`.
    pub fn save(&mut self, positions: usize, out: &mut Vec<u8>) -> Result<()> {
        let size = self.parts(positions).map(|part| part.len()).sum();
        out.try_reserve_exact(size)
            .map_err(|_| Error::OutOfMemory(size))?;
        for part in self.parts(positions) {
            out.extend_from_slice(part);
        }
        Ok(())
    }

    /// Takes what [`save`](Self::save) wrote; false where the bytes are others.
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

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.caches.iter().map(HeadCache::bytes).sum()
    }
}
