//! The KV cache: what attention remembers of the positions so far.

use super::Config;
use crate::{Error, Result};

/// Positions the cache grows by.
const STEP: usize = 256;

/// Keys and values of one head of one layer.
#[derive(Default)]
struct HeadCache {
    /// In tiles of four positions: `[tile][dimension][position]`, the order attention reads them in.
    keys: Vec<f32>,
    /// `[position][dimension]`.
    values: Vec<f32>,
}

/// Keys and values of every layer and head, f32. Memory is taken in steps as the text grows.
pub(super) struct KvCache {
    heads: Vec<HeadCache>,
    kv_heads: usize,
    head_size: usize,
    /// Positions there is memory for.
    reserved: usize,
}

impl KvCache {
    pub fn new(config: &Config) -> Self {
        let mut heads = Vec::new();
        heads.resize_with(config.layers * config.kv_heads, HeadCache::default);
        Self {
            heads,
            kv_heads: config.kv_heads,
            head_size: config.head_size,
            reserved: 0,
        }
    }

    /// Takes memory for `positions` in all; on error nothing that is stored is lost.
    pub fn reserve(&mut self, positions: usize) -> Result<()> {
        if positions <= self.reserved {
            return Ok(());
        }
        let positions = positions.next_multiple_of(STEP);
        let len = positions
            .checked_mul(self.head_size)
            .ok_or(Error::OutOfMemory(usize::MAX))?;
        for head in &mut self.heads {
            for buffer in [&mut head.keys, &mut head.values] {
                let missing = len.saturating_sub(buffer.len());
                buffer
                    .try_reserve_exact(missing)
                    .map_err(|_| Error::OutOfMemory(4 * missing))?;
                buffer.resize(len, 0.0);
            }
        }
        self.reserved = positions;
        Ok(())
    }

    /// Stores the key and value of one head at a reserved position.
    pub fn store(
        &mut self,
        layer: usize,
        head: usize,
        position: usize,
        key: &[f32],
        value: &[f32],
    ) {
        let size = self.head_size;
        let cache = &mut self.heads[layer * self.kv_heads + head];
        let tile = &mut cache.keys[position / 4 * 4 * size..][..4 * size];
        for (key, slot) in key.iter().zip(tile.chunks_exact_mut(4)) {
            slot[position % 4] = *key;
        }
        cache.values[position * size..][..size].copy_from_slice(value);
    }

    /// Keys and values of one head, from position 0 on.
    pub fn head(&self, layer: usize, head: usize) -> (&[f32], &[f32]) {
        let cache = &self.heads[layer * self.kv_heads + head];
        (&cache.keys, &cache.values)
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        self.heads
            .iter()
            .map(|head| 4 * (head.keys.capacity() + head.values.capacity()))
            .sum()
    }
}
