//! Memory for activations, and the norms that read and write the residual stream in it.

use super::Config;
use super::architecture::Norms;
use crate::allocation::resize;
use crate::kernels::threads::{PerThread, for_each_chunk};
use crate::kernels::{self, Activations, AttentionScratch, CacheType, HeadCache, TILE_POSITIONS};
use crate::model::{Angles, Norm, Rope};
use crate::{Error, Result};

/// Memory for activations, kept from text to text.
#[derive(Default)]
pub(super) struct Scratch {
    /// The residual stream, `[tokens][hidden_size]`; after `forward`, the tokens' vectors.
    pub hidden: Vec<f32>,
    pub x: Activations,
    /// Queries, keys and values of all tokens, `[tokens][heads][head_size]` each.
    pub projected: [Vec<f32>; 3],
    /// The outputs of the wider projections: gate and up, or queries, keys and values in one.
    pub wide: Vec<f32>,
    /// What a half of a layer adds to the residual stream, `[tokens][hidden_size]`.
    pub residual: Vec<f32>,
    /// What a norm gives before it goes elsewhere, as long as the longer of residual stream and queries.
    pub normalized: Vec<f32>,
    /// Cosines and sines of the positions, for each set of RoPE frequencies.
    pub angles: Vec<Angles>,
    /// Keys and values of each head, in the layout that attention reads.
    pub heads: Vec<HeadCache>,
    pub attention: PerThread<AttentionScratch>,
}

impl Scratch {
    /// Takes the memory for a text of so many tokens.
    pub fn prepare(&mut self, config: &Config, ropes: &[Rope], tokens: usize) -> Result<()> {
        let (hidden, queries, keys) = (config.hidden_size, config.query_size(), config.key_size());
        let narrow = hidden.max(queries);
        let wide = (2 * config.feed_forward_size).max(queries + 2 * keys);
        // On a machine of 32 bits the product could overflow.
        if tokens.checked_mul(4 * wide.max(narrow)).is_none() {
            return Err(Error::OutOfMemory(usize::MAX));
        }
        self.x
            .prepare(tokens, narrow.max(config.feed_forward_size))?;
        for (projected, size) in self.projected.iter_mut().zip([queries, keys, keys]) {
            resize(projected, tokens * size, 0.0)?;
        }
        resize(&mut self.hidden, tokens * hidden, 0.0)?;
        resize(&mut self.residual, tokens * hidden, 0.0)?;
        resize(&mut self.normalized, tokens * narrow, 0.0)?;
        resize(&mut self.wide, tokens * wide, 0.0)?;
        self.angles.resize_with(ropes.len(), Angles::default);
        for (angles, rope) in self.angles.iter_mut().zip(ropes) {
            angles.prepare(rope, tokens)?;
        }
        let size = config.head_size;
        let head = || HeadCache::new(CacheType::F32, size);
        self.heads.resize_with(config.kv_heads, head);
        let positions = tokens.next_multiple_of(TILE_POSITIONS);
        self.heads
            .iter_mut()
            .try_for_each(|head| head.reserve(positions))?;
        self.attention
            .prepare(|scratch| scratch.prepare(1, size, tokens))
    }
}

/// out = norm(values), for every so many values as the norm has weights.
pub(super) fn normalize(config: &Config, norm: &Norm, values: &[f32], out: &mut [f32]) {
    let size = norm.weight.len();
    for_each_chunk(out, size, size, |index, out, _| {
        let values = &values[index * size..][..size];
        match config.architecture.norms {
            Norms::Sandwich => {
                kernels::rms_norm(values, &norm.weight, config.norm_epsilon, out);
            }
            Norms::Post | Norms::Pre => {
                let bias = norm.bias.as_deref();
                kernels::layer_norm(values, &norm.weight, bias, config.norm_epsilon, out);
            }
        }
    });
}

/// The norms of one half of a layer.
pub(super) struct HalfNorms {
    /// That of its input.
    pub input: Option<Norm>,
    /// That of its output: after it has been added to the residual stream ("post-norm", BERT), or before (Gemma 3).
    pub output: Option<Norm>,
    /// After the one before, with the half's input added again (some files of jina-bert-v2).
    pub second: Option<Norm>,
}

impl HalfNorms {
    /// x = the input of the half, from the residual stream.
    pub fn read(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        let Scratch { hidden, x, .. } = scratch;
        let tokens = hidden.len() / config.hidden_size;
        let x = x.prepare(tokens, config.hidden_size)?;
        match &self.input {
            Some(norm) => normalize(config, norm, hidden, x),
            None => x.copy_from_slice(hidden),
        }
        Ok(())
    }

    /// Adds the residual, which is the output of the half, to the residual stream.
    pub fn add(&self, config: &Config, scratch: &mut Scratch) {
        let Scratch {
            hidden,
            residual,
            normalized,
            ..
        } = scratch;
        let normalized = &mut normalized[..hidden.len()];
        match (&self.output, config.architecture.norms) {
            (Some(norm), Norms::Post) => {
                kernels::add(residual, hidden);
                match &self.second {
                    None => normalize(config, norm, residual, hidden),
                    Some(second) => {
                        normalize(config, norm, residual, normalized);
                        kernels::add(normalized, hidden);
                        normalize(config, second, normalized, hidden);
                    }
                }
            }
            (Some(norm), Norms::Pre | Norms::Sandwich) => {
                normalize(config, norm, residual, normalized);
                kernels::add(hidden, normalized);
            }
            (None, _) => kernels::add(hidden, residual),
        }
    }
}
