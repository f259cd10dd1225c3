//! The KV cache: what attention remembers of the positions so far.

use super::Config;
use crate::kernels::{CacheType, HeadCache};
use crate::{Error, Result};

/// Positions the cache grows by.
const STEP: usize = 256;

/// Keys and values of every layer and head. Memory is taken in steps as the text grows.
pub(super) struct KvCache {
    heads: Vec<HeadCache>,
    kv_heads: usize,
    kind: CacheType,
    /// Positions there is memory for.
    reserved: usize,
}

/// Bytes the KV cache of such a model takes for `positions`.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
pub fn cache_bytes(config: &Config, kind: CacheType, positions: usize) -> Result<u64> {
    // A few positions of one head tell what each takes.
    const FEW: usize = 4;
    let mut head = HeadCache::new(kind, config.head_size);
    head.reserve(FEW)?;
    let heads = (config.layers * config.kv_heads) as u64;
    let positions = positions.next_multiple_of(STEP) as u64;
    Ok(heads * positions * (head.bytes() / FEW) as u64)
}

impl KvCache {
    pub fn new(config: &Config, kind: CacheType) -> Self {
        let mut heads = Vec::new();
        heads.resize_with(config.layers * config.kv_heads, || {
            HeadCache::new(kind, config.head_size)
        });
        Self {
            heads,
            kv_heads: config.kv_heads,
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
        for head in &mut self.heads {
            head.reserve(positions)?;
        }
        self.reserved = positions;
        Ok(())
    }

    /// A cache of its own that holds the same.
    pub fn fork(&self) -> Result<Self> {
        let heads: Result<Vec<_>> = self.heads.iter().map(HeadCache::fork).collect();
        Ok(Self {
            heads: heads?,
            ..*self
        })
    }

    /// The keys and values of one head.
    pub fn head(&self, layer: usize, head: usize) -> &HeadCache {
        &self.heads[layer * self.kv_heads + head]
    }

    /// The same, to be added to.
    pub fn head_mut(&mut self, layer: usize, head: usize) -> &mut HeadCache {
        &mut self.heads[layer * self.kv_heads + head]
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
        Ok(bytes.is_empty() && self.heads.iter().all(HeadCache::is_sane))
    }

    fn parts(&mut self, positions: usize) -> impl Iterator<Item = &mut [u8]> {
        let heads = self.heads.iter_mut();
        heads.flat_map(move |head| head.parts(positions))
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.heads.iter().map(HeadCache::bytes).sum()
    }
}
