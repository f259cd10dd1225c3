//! Attention: the dispatch to the kernels.

use std::ops::Range;

use super::attention_integers::{DIMS, Heads};
use super::head_cache::{Data, HeadCache, grow, padded};
use super::{
    quantize_i16, scores, scores_i8, scores_i16, weighted_sum, weighted_sum_i8, weighted_sum_i16,
};
use crate::Result;

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

    /// Quantises queries of `size` dimensions each; the scales are multiplied by `factor`.
    #[inline]
    fn quantize(&mut self, queries: &[f32], size: usize, factor: f32) {
        let padded = padded(size);
        let blocks = padded.div_ceil(DIMS);
        for (head, query) in queries.chunks_exact(size).enumerate() {
            let q = &mut self.queries[head * padded..][..padded];
            q[size..].fill(0);
            let factors = &mut self.factors[head * blocks..][..blocks];
            for (block, query) in query.chunks(DIMS).enumerate() {
                let q = &mut q[block * DIMS..][..query.len()];
                factors[block] = quantize_i16(query, q) * factor;
            }
        }
    }

    /// The weights that the last [`attend`] gave these positions, where it had one query.
    pub fn weights(&self, positions: &Range<usize>) -> &[f32] {
        // Those of the tile's positions before the first one come before.
        &self.weights[positions.start % 4..][..positions.len()]
    }
}

/// How a score is computed from a query and a key, and a weight from a score.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scoring<'a> {
    /// The factor of the dot product.
    pub factor: f32,
    /// The bound of [`soft_cap`](super::soft_cap), where scores are capped.
    pub cap: Option<f32>,
    /// For each query, the score of an attention sink (OpenAI 2025, gpt-oss; Xiao et al. 2023): it takes part in the softmax,
    /// and what it gets is given to no position. Empty where there are no sinks.
    pub sinks: &'a [f32],
}

/// Attention of the query heads that share one KV head (grouped-query attention, Ainslie et al. 2023), over some of its
/// positions: `out = softmax(score(query, keys)) · values` for each query. `queries` and `out` are `[heads][size]`.
///
/// # Panics
/// If the cache holds fewer positions, if `positions` is empty, or if `scratch` was prepared for less.
// Longer than others because the floats, 16 and 8 bits of a cache take the same steps: side by side they can be compared.
pub fn attend(
    cache: &HeadCache,
    queries: &[f32],
    positions: Range<usize>,
    scoring: Scoring<'_>,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let size = cache.size;
    assert_eq!(queries.len(), out.len());
    // Keys lie in tiles of four positions. Those of the first tile that are outside the window get no weight.
    let skip = positions.start % 4;
    let start = positions.start - skip;
    let positions = positions.end - start;
    let normalize = |(head, weights): (usize, &mut [f32])| {
        let (out_of_window, weights) = weights.split_at_mut(skip);
        out_of_window.fill(0.0);
        if let Some(cap) = scoring.cap {
            super::soft_cap(weights, cap);
        }
        let log_sum = super::softmax(weights);
        if let Some(sink) = scoring.sinks.get(head) {
            // With the sink, the sum is e^log_sum + e^sink.
            super::multiply(weights, super::sigmoid(log_sum - sink));
        }
    };
    if let Data::Floats { keys, values } = &cache.data {
        let (keys, values) = (&keys[start * size..], &values[start * size..]);
        assert!(keys.len() >= positions.next_multiple_of(4) * size);
        assert!(values.len() >= positions * size);
        let heads = queries.chunks_exact(size).zip(out.chunks_exact_mut(size));
        for (head, (query, out)) in heads.enumerate() {
            let weights = &mut scratch.weights[..positions];
            scores(query, keys, scoring.factor, weights);
            normalize((head, &mut *weights));
            weighted_sum(weights, values, out);
        }
        return;
    }

    let (heads, padded) = (queries.len() / size, padded(size));
    scratch.quantize(queries, size, scoring.factor);
    let queries = Heads {
        queries: &scratch.queries[..heads * padded],
        factors: &scratch.factors[..heads * padded.div_ceil(DIMS)],
        padded,
        positions,
    };
    let normalize_each = |weights: &mut [f32]| {
        let heads = weights.chunks_exact_mut(positions).enumerate();
        heads.for_each(normalize);
    };
    let weights = &mut scratch.weights[..heads * positions];
    let mixed = &mut scratch.mixed[..heads * padded];
    match &cache.data {
        Data::I16(c) => {
            let c = c.from(start, padded);
            scores_i16(&queries, c.keys, c.key_scales, weights);
            normalize_each(weights);
            weighted_sum_i16(weights, c.values, c.value_scales, positions, mixed, padded);
        }
        Data::I8(c) => {
            let c = c.from(start, padded);
            scores_i8(&queries, c.keys, c.key_scales, weights);
            normalize_each(weights);
            weighted_sum_i8(weights, c.values, c.value_scales, positions, mixed, padded);
        }
        Data::Floats { .. } => {}
    }
    let rows = mixed.chunks_exact(padded).zip(out.chunks_exact_mut(size));
    for (mixed, out) in rows {
        out.copy_from_slice(&mixed[..size]);
    }
}

/// What a query of an encoder attends to, which sees both sides of its position.
#[cfg(feature = "encoder")]
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The query's own position.
    pub position: usize,
    /// The positions that it attends to.
    pub window: Range<usize>,
    /// The factor of the dot products.
    pub factor: f32,
    /// What a score loses for each position between the key's and the query's own (ALiBi, Press et al. 2022); 0 for
    /// nothing.
    pub slope: f32,
}

/// Attention of one query: `out = softmax(score(query, keys)) · values` over its surroundings, from a cache of floats.
///
/// # Panics
/// If the cache holds fewer positions, if the window is empty, or if `scratch` was prepared for less.
#[cfg(feature = "encoder")]
pub fn attend_around(
    cache: &HeadCache,
    query: &[f32],
    around: &Surroundings,
    scratch: &mut AttentionScratch,
    out: &mut [f32],
) {
    let Data::Floats { keys, values } = &cache.data else {
        return;
    };
    let (size, window) = (cache.size, &around.window);
    assert!(query.len() == size && out.len() == size);
    // Keys lie in tiles of four positions. Those of the first tile that are outside the window get no weight.
    let skip = window.start % 4;
    let start = window.start - skip;
    let positions = window.end - start;
    let (keys, values) = (&keys[start * size..], &values[start * size..]);
    assert!(keys.len() >= positions.next_multiple_of(4) * size);
    assert!(values.len() >= positions * size);
    let all = &mut scratch.weights[..positions];
    scores(query, keys, around.factor, all);
    let (out_of_window, weights) = all.split_at_mut(skip);
    out_of_window.fill(0.0);
    if around.slope != 0.0 {
        for (score, position) in weights.iter_mut().zip(window.clone()) {
            *score -= around.slope * position.abs_diff(around.position) as f32;
        }
    }
    super::softmax(weights);
    weighted_sum(all, values, out);
}
