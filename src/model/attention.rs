//! Attention (Vaswani et al. 2017): each token takes from the values of the tokens so far, as much as its query fits their
//! keys.

use std::ops::Range;

use super::Config;
use super::architecture::QueryKeyNorm;
use super::linear::StridedRows;
use super::norm::HeadNorm;
use super::rope::Rope;
use super::scratch::Scratch;
use crate::Result;
use crate::kernels::threads::{self, for_each_chunk};
use crate::kernels::{self, HeadCache, Scoring};

/// The attention of one layer: the size of its heads, and what is done to its queries, keys and values besides RoPE.
pub(super) struct Attention {
    pub head_size: usize,
    pub queries: HeadTransform,
    /// Keys and values; `None` for a layer that attends to those of an earlier one.
    pub keys_and_values: Option<KeysAndValues>,
    /// The score of each head's attention sink; empty where there are no sinks.
    pub sinks: Vec<f32>,
}

/// What is done to the keys of a layer besides RoPE, and to its values.
pub(super) struct KeysAndValues {
    pub keys: HeadTransform,
    /// `None` where values stay as they are.
    pub values: Option<HeadTransform>,
}

/// What is done to the queries, the keys or the values of all heads besides RoPE.
pub(super) struct HeadTransform {
    pub norm: Option<HeadNorm>,
    /// What each number is multiplied by after RoPE: see [`key_scaling`](super::key_scaling).
    pub scales: Vec<f32>,
}

impl Attention {
    /// x = attention of every token, in the layer `index`. Queries, keys and values are in `scratch.qkv`, where `rows` says;
    /// keys and values go to the KV cache.
    pub fn run(
        &self,
        config: &Config,
        index: usize,
        ropes: &[Rope],
        mut rows: [StridedRows; 3],
        caches: &mut [HeadCache],
        scratch: &mut Scratch,
    ) -> Result<()> {
        let (size, positions) = (self.head_size, config.layer_positions(index));
        if config.architecture.gated_attention {
            rows[0] = split_gates(size, rows[0], scratch);
        }
        let rope = positions.rope.map(|index| (&ropes[index], index));
        let [queries, keys, values] = rows;
        self.norm_and_rotate(config, rope, &self.queries, queries, scratch);
        if let Some(own) = &self.keys_and_values {
            self.norm_and_rotate(config, rope, &own.keys, keys, scratch);
            if let Some(transform) = &own.values {
                self.norm_and_rotate(config, None, transform, values, scratch);
            }
            store(config, size, [keys, values], caches, scratch);
        }
        let (window, sinks) = (positions.window, &self.sinks);
        attend(config, size, queries, window, sinks, caches, scratch)?;
        keep_weights(config, size, queries, window, sinks, caches, scratch);
        Ok(())
    }

    /// Applies a norm, RoPE and the scales of [`key_scaling`](super::key_scaling) to queries, keys or values.
    fn norm_and_rotate(
        &self,
        config: &Config,
        rope: Option<(&Rope, usize)>,
        heads: &HeadTransform,
        rows: StridedRows,
        scratch: &mut Scratch,
    ) {
        let tokens = scratch.hidden.len() / config.hidden_size;
        let Scratch {
            qkv,
            angles,
            rows: copies,
            ..
        } = scratch;
        let norm_first = config.architecture.query_key_norm != QueryKeyNorm::SharedWeightsAfterRope;
        let (chunks, vector) = rows.chunks(tokens);
        let nanoseconds = vector.len();
        let all = &mut qkv[chunks];
        for_each_chunk(all, rows.stride(), nanoseconds, |token, chunk, thread| {
            let x = &mut chunk[vector.clone()];
            let normalize = |x: &mut [f32]| {
                if let Some(norm) = &heads.norm {
                    norm.apply(config, x, &mut copies.get(thread));
                }
            };
            if norm_first {
                normalize(x);
            }
            if let Some((rope, index)) = rope {
                let (cos, sin) = angles[index].of(rope, token);
                rope.rotate(x, self.head_size, cos, sin);
            }
            if !norm_first {
                normalize(x);
            }
            for (x, scale) in x.iter_mut().zip(&heads.scales) {
                *x *= scale;
            }
        });
    }
}

/// Stores the keys and values of every token in the KV cache.
fn store(
    config: &Config,
    size: usize,
    [keys, values]: [StridedRows; 2],
    caches: &mut [HeadCache],
    scratch: &Scratch,
) {
    let tokens = scratch.hidden.len() / config.hidden_size;
    for_each_chunk(caches, 1, 4 * tokens * size, |head, cache, _| {
        for token in 0..tokens {
            let of = |rows: StridedRows| &scratch.qkv[rows.of(token)][head * size..][..size];
            cache[0].store(scratch.first + token, of(keys), of(values));
        }
    });
}

/// x = attention of the queries to the keys and values in the KV cache, for every token.
fn attend(
    config: &Config,
    size: usize,
    queries: StridedRows,
    window: Option<usize>,
    sinks: &[f32],
    caches: &[HeadCache],
    scratch: &mut Scratch,
) -> Result<()> {
    let (tokens, first) = (scratch.hidden.len() / config.hidden_size, scratch.first);
    let heads = config.kv_heads;
    let width = config.heads * size;
    let mixed = scratch.x.prepare(tokens, width)?;
    // Query heads that share a KV head are computed together, unless that leaves threads without work.
    let group = width / heads;
    let chunk = size * heads_at_once(group / size, tokens * heads);
    let positions = first + tokens;
    let gates = config
        .architecture
        .gated_attention
        .then_some(&scratch.gates);
    let nanoseconds = chunk * window.unwrap_or(positions).min(positions) / 4;
    for_each_chunk(mixed, chunk, nanoseconds, |index, mixed, thread| {
        let (token, at) = (index / (width / chunk), index % (width / chunk) * chunk);
        kernels::attend(
            &caches[at / group],
            &scratch.qkv[queries.of(token)][at..][..chunk],
            attended(first + token, window),
            scoring(config, first + token, sinks, at / size..(at + chunk) / size),
            &mut scratch.attention.get(thread),
            mixed,
        );
        if let Some(gates) = gates {
            let gates = &gates[token * width + at..][..chunk];
            for (mixed, gate) in mixed.iter_mut().zip(gates) {
                *mixed *= kernels::sigmoid(*gate);
            }
        }
    });
    Ok(())
}

/// Moves the gates of attention's output, which follow each head's query, to `scratch.gates`, and the queries of all heads
/// next to each other. Returns where these lie.
fn split_gates(size: usize, queries: StridedRows, scratch: &mut Scratch) -> StridedRows {
    let width = queries.width() / 2;
    for (token, gates) in scratch.gates.chunks_exact_mut(width).enumerate() {
        let both = &mut scratch.qkv[queries.of(token)];
        for (head, gates) in gates.chunks_exact_mut(size).enumerate() {
            gates.copy_from_slice(&both[(2 * head + 1) * size..][..size]);
            both.copy_within(2 * head * size..(2 * head + 1) * size, head * size);
        }
    }
    queries.narrowed(width)
}

/// The positions that the token at a position attends to: its own and those before it, as far as the window reaches.
fn attended(position: usize, window: Option<usize>) -> Range<usize> {
    let end = position + 1;
    end.saturating_sub(window.unwrap_or(end))..end
}

/// How the query at a position is scored, of these heads.
fn scoring<'a>(
    config: &Config,
    position: usize,
    sinks: &'a [f32],
    heads: Range<usize>,
) -> Scoring<'a> {
    Scoring {
        sinks: sinks.get(heads).unwrap_or_default(),
        factor: config.score_factor(position),
        cap: config.score_cap,
    }
}

/// Keeps the attention weights of the one token that runs, where they are wanted: each head attends once more, by
/// itself, because in scratch memory the next heads take the place of its weights.
fn keep_weights(
    config: &Config,
    size: usize,
    queries: StridedRows,
    window: Option<usize>,
    sinks: &[f32],
    caches: &[HeadCache],
    scratch: &mut Scratch,
) {
    let outputs = scratch.outputs.as_mut();
    let Some(weights) = outputs.and_then(|outputs| outputs.next_weights(config)) else {
        return;
    };
    let position = scratch.first;
    let range = attended(position, window);
    let queries = scratch.qkv[queries.of(0)].chunks_exact(size);
    for (head, (query, weights)) in queries
        .zip(weights.chunks_exact_mut(position + 1))
        .enumerate()
    {
        let cache = &caches[head / config.heads_per_kv_head()];
        let (attention, out) = (&mut scratch.attention.get(0), &mut scratch.row[..size]);
        kernels::attend(
            cache,
            query,
            range.clone(),
            scoring(config, position, sinks, head..head + 1),
            attention,
            out,
        );
        weights[range.clone()].copy_from_slice(attention.weights(&range));
    }
}

/// How many of the `heads` that share a KV head to compute at once, so that `groups` of them occupy all threads.
fn heads_at_once(heads: usize, groups: usize) -> usize {
    let threads = threads::count();
    let is_even = |at_once: &usize| {
        let chunks = groups * (heads / at_once);
        heads.is_multiple_of(*at_once) && (chunks.is_multiple_of(threads) || chunks >= 3 * threads)
    };
    (1..=heads).rev().find(is_even).unwrap_or(1)
}
