//! The forward pass: embedding, layers, final norm.

use std::ops::Range;
use std::sync::Arc;

use super::adapter::ActiveAdapters;
use super::architecture::QueryKeyNorm;
use super::delta_net::{DeltaNetScratch, DeltaNetState};
use super::rope::Rope;
use super::weights::{HeadTransform, Layer, Linear, MixerKind, Norm, StridedRows, apply_norm};
use super::{Config, LayerOutputs, Session};
use crate::allocation::resize;
use crate::error::invalid_option;
use crate::kernels::threads::{self, PerThread, for_each_chunk};
use crate::kernels::{self, Activations, AttentionScratch, HeadCache, Scoring};
use crate::quant::Matrix;
use crate::{Result, TokenId};

/// All weights of the model but the head's.
pub(super) struct Transformer {
    pub embedding: Arc<Matrix>,
    /// Learned position embeddings, where the model has them.
    pub positions: Option<Matrix>,
    pub layers: Vec<Layer>,
    pub final_norm: Norm,
    /// The sets of RoPE frequencies, in the order of [`Config::rope_variants`].
    pub ropes: Vec<Rope>,
}

/// Memory for activations, kept from call to call.
#[derive(Default)]
pub(super) struct Scratch {
    /// The residual stream, `[tokens][hidden_size]`; after `forward`, the hidden states.
    pub hidden: Vec<f32>,
    pub x: Activations,
    /// The outputs of a mixer's input projections for all tokens: queries, keys and values, or gates and values.
    pub qkv: Vec<f32>,
    /// The gates of attention's outputs, where there are such gates.
    gates: Vec<f32>,
    pub delta_net: DeltaNetScratch,
    /// The outputs of the first half of the feed-forward network.
    ffn_up: Vec<f32>,
    residual: Vec<f32>,
    /// A copy of one token's vector while it is normalised.
    row: Vec<f32>,
    /// The same for each thread.
    pub rows: PerThread<Vec<f32>>,
    attention: PerThread<AttentionScratch>,
    /// One for each set of RoPE frequencies.
    angles: Vec<Angles>,
    /// What the layers leave, where someone wants to look at it.
    pub outputs: Option<LayerOutputs>,
    /// The adapters of the text.
    pub adapters: ActiveAdapters,
}

/// Cosines and sines of the tokens' positions.
#[derive(Default)]
struct Angles {
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Scratch {
    /// Memory that holds nothing but the same adapters.
    pub fn fork(&self) -> Self {
        Scratch {
            adapters: self.adapters.fork(),
            ..Scratch::default()
        }
    }

    /// Takes the memory to run `tokens` tokens at once, up to position `end`.
    pub fn prepare(
        &mut self,
        config: &Config,
        ropes: &[Rope],
        tokens: usize,
        end: usize,
    ) -> Result<()> {
        let (hidden, query) = (config.hidden_size, config.query_size());
        let mut widest = hidden.max(config.feed_forward_size).max(query);
        let mut row = query;
        if let Some(nets) = config.delta_nets() {
            self.delta_net.prepare(nets, tokens)?;
            resize(&mut self.gates, tokens * query, 0.0)?;
            widest = widest.max(nets.value_size());
            row = row.max(nets.head_size);
        }
        self.x.prepare(tokens, widest)?;
        resize(&mut self.hidden, tokens * hidden, 0.0)?;
        resize(&mut self.residual, tokens * hidden, 0.0)?;
        resize(&mut self.qkv, tokens * config.projected_size(), 0.0)?;
        resize(&mut self.ffn_up, tokens * 2 * config.feed_forward_size, 0.0)?;
        resize(&mut self.row, hidden.max(query), 0.0)?;
        self.rows.prepare(|copy| resize(copy, row, 0.0))?;
        self.angles.resize_with(ropes.len(), Angles::default);
        for (angles, rope) in self.angles.iter_mut().zip(ropes) {
            resize(&mut angles.cos, tokens * rope.stride(), 0.0)?;
            resize(&mut angles.sin, tokens * rope.stride(), 0.0)?;
        }
        self.attention
            .prepare(|scratch| scratch.prepare(config.heads_per_kv_head(), config.head_size, end))
    }

    /// hidden += residual, after the post-norm and the scaling where the model has them.
    fn add_residual(&mut self, config: &Config, norm: Option<&Norm>) {
        let size = config.hidden_size;
        if let Some(norm) = norm {
            let copy = &mut self.row[..size];
            for residual in self.residual.chunks_exact_mut(size) {
                copy.copy_from_slice(residual);
                norm.apply(config, copy, residual);
            }
        }
        if config.scales.residual != 1.0 {
            kernels::multiply(&mut self.residual, config.scales.residual);
        }
        kernels::add(&mut self.hidden, &self.residual);
    }
}

impl Transformer {
    /// The linear layer whose matrix has this name.
    pub fn linear(&self, name: &str) -> Option<&Linear> {
        self.linears().find(|linear| linear.name == name)
    }

    /// The linear layers of all layers of the file.
    pub fn linears(&self) -> impl Iterator<Item = &Linear> {
        self.layers.iter().flat_map(Layer::linears)
    }

    /// The forward pass of `tokens` at the positions after the session's. `Session::prepare` has taken the memory, so
    /// that no error is expected.
    pub fn forward(
        &self,
        config: &Config,
        tokens: &[TokenId],
        session: &mut Session,
    ) -> Result<()> {
        self.embed(config, tokens, session);
        self.compute_angles(session);
        let Session {
            scratch,
            cache,
            recurrence,
            len: first,
            ..
        } = session;
        let mut states = recurrence.layers_mut().iter_mut();
        let mut rest = cache.caches_mut();
        for index in 0..config.layers {
            let stored = index % self.layers.len();
            if stored == 0 && index > 0 && config.norm_each_loop {
                self.final_norm(config, scratch);
            }
            let layer = &self.layers[stored];
            let caches;
            (caches, rest) = rest.split_at_mut(config.cache_count(index));
            let state = config.delta_net(index).and_then(|_| states.next());
            self.mix_positions(config, index, *first, caches, state, scratch)?;
            scratch.add_residual(config, layer.mixer_post_norm.as_ref());

            layer.feed_forward(config, scratch)?;
            scratch.add_residual(config, layer.feed_forward_post_norm.as_ref());
            if let Some(outputs) = &mut scratch.outputs {
                outputs.residuals.extend_from_slice(&scratch.hidden);
            }
        }
        self.final_norm(config, scratch);
        Ok(())
    }

    /// The first half of a layer: norm, input projections, QK norm, RoPE and attention (or gates and convolution, or a
    /// delta net), output projection. The result is in `scratch.residual`.
    fn mix_positions(
        &self,
        config: &Config,
        index: usize,
        first: usize,
        caches: &mut [HeadCache],
        state: Option<&mut DeltaNetState>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let layer = &self.layers[index % self.layers.len()];
        let mixer = &layer.mixer;
        // Norm.
        let norm = layer.mixer_norm.as_ref();
        apply_norm(norm, config, &scratch.hidden, &mut scratch.x)?;
        // Queries, keys and values; or gates and values.
        let widths = config.projection_widths(index);
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        let mut rows = mixer
            .projection
            .run(widths, x, &mut scratch.qkv, adapters)?;
        if layer.parallel {
            // The feed-forward network reads the same normalised input.
            layer
                .feed_forward
                .project_up(x, &mut scratch.ffn_up, adapters)?;
        }
        match &mixer.kind {
            MixerKind::Attention(heads) => {
                let positions = config.layer_positions(index);
                if config.architecture.gated_attention {
                    rows[0] = split_gates(config, rows[0], scratch);
                }
                // QK norm and RoPE.
                self.norm_and_rotate(config, heads, rows, positions.rope, scratch);
                attend(config, rows, first, positions.window, caches, scratch)?;
                keep_weights(config, rows[0], first, positions.window, caches, scratch);
            }
            MixerKind::DeltaNet(net) => {
                let (Some(nets), Some(state)) = (config.delta_net(index), state) else {
                    return Err(invalid_option("session", "one of this model"));
                };
                net.run(nets, config.norm_epsilon, rows[0], state, scratch)?;
            }
            MixerKind::Convolution(kernel) => {
                convolve(config, rows, first, kernel, &mut caches[0], scratch)?;
            }
        }
        // Output projection.
        let (x, adapters) = (&mut scratch.x, &mut scratch.adapters);
        mixer.output.run(x, &mut scratch.residual, adapters)
    }

    /// Applies the final norm to `scratch.hidden`, which the head reads.
    fn final_norm(&self, config: &Config, scratch: &mut Scratch) {
        let size = config.hidden_size;
        let normed = scratch.residual.chunks_exact_mut(size);
        for (hidden, normed) in scratch.hidden.chunks_exact(size).zip(normed) {
            self.final_norm.apply(config, hidden, normed);
        }
        std::mem::swap(&mut scratch.hidden, &mut scratch.residual);
    }

    /// Computes the cosines and sines of the positions after the session's, for each set of RoPE frequencies.
    fn compute_angles(&self, session: &mut Session) {
        let (first, capacity) = (session.len, session.capacity());
        for (rope, angles) in self.ropes.iter().zip(&mut session.scratch.angles) {
            let cos = angles.cos.chunks_exact_mut(rope.stride());
            let rows = cos.zip(angles.sin.chunks_exact_mut(rope.stride()));
            for (token, (cos, sin)) in rows.enumerate() {
                rope.angles(first + token, capacity, cos, sin);
            }
        }
    }

    /// hidden = the tokens' embeddings, scaled, plus the position embeddings where the model has learned them.
    fn embed(&self, config: &Config, tokens: &[TokenId], session: &mut Session) {
        let first = session.len;
        let Scratch { hidden, row, .. } = &mut session.scratch;
        let size = config.hidden_size;
        for (token, hidden) in tokens.iter().zip(hidden.chunks_exact_mut(size)) {
            self.embedding.dequantize_row(*token as usize, hidden);
        }
        if config.scales.embedding != 1.0 {
            kernels::multiply(hidden, config.scales.embedding);
        }
        if let Some(positions) = &self.positions {
            for (token, hidden) in hidden.chunks_exact_mut(size).enumerate() {
                positions.dequantize_row(first + token, &mut row[..size]);
                kernels::add(hidden, &row[..size]);
            }
        }
    }

    /// Applies QK norm, RoPE and the scales of [`key_scaling`](super::key_scaling) to queries and keys.
    fn norm_and_rotate(
        &self,
        config: &Config,
        heads: &[HeadTransform; 2],
        rows: [StridedRows; 3],
        rope: Option<usize>,
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
        for (rows, heads) in rows.iter().zip(heads) {
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
                if let Some(rope) = rope {
                    let (angles, rope) = (&angles[rope], &self.ropes[rope]);
                    let at = token * rope.stride()..(token + 1) * rope.stride();
                    let (cos, sin) = (&angles.cos[at.clone()], &angles.sin[at]);
                    rope.rotate(x, config.head_size, cos, sin);
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
}

impl Layer {
    /// The second half of a layer: norm, up projection (and gate), activation, down projection. The result is in
    /// `scratch.residual`.
    fn feed_forward(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        if !self.parallel {
            let norm = self.feed_forward_norm.as_ref();
            apply_norm(norm, config, &scratch.hidden, &mut scratch.x)?;
            self.feed_forward.project_up(
                &mut scratch.x,
                &mut scratch.ffn_up,
                &mut scratch.adapters,
            )?;
        }
        let tokens = scratch.hidden.len() / config.hidden_size;
        self.feed_forward.project_down(
            config,
            tokens,
            &scratch.ffn_up,
            &mut scratch.x,
            &mut scratch.residual,
            &mut scratch.adapters,
        )
    }
}

/// x = attention(queries, keys, values) for every token, the first of which is at position `first`. Keys and values
/// go to the KV cache.
fn attend(
    config: &Config,
    [queries, keys, values]: [StridedRows; 3],
    first: usize,
    window: Option<usize>,
    caches: &mut [HeadCache],
    scratch: &mut Scratch,
) -> Result<()> {
    let tokens = scratch.hidden.len() / config.hidden_size;
    let (size, heads) = (config.head_size, config.kv_heads);
    let qkv = &scratch.qkv;
    for_each_chunk(caches, 1, 4 * tokens * size, |head, cache, _| {
        for token in 0..tokens {
            let of = |rows: StridedRows| &qkv[rows.of(token)][head * size..][..size];
            cache[0].store(first + token, of(keys), of(values));
        }
    });
    let width = config.query_size();
    let mixed = scratch.x.prepare(tokens, width)?;
    // Query heads that share a KV head are computed together, unless that leaves threads without work.
    let group = width / heads;
    let chunk = size * heads_at_once(group / size, tokens * heads);
    let (caches, positions) = (&*caches, first + tokens);
    let gates = config
        .architecture
        .gated_attention
        .then_some(&scratch.gates);
    let nanoseconds = chunk * window.unwrap_or(positions).min(positions) / 4;
    for_each_chunk(mixed, chunk, nanoseconds, |index, mixed, thread| {
        let (token, at) = (index / (width / chunk), index % (width / chunk) * chunk);
        kernels::attend(
            &caches[at / group],
            &qkv[queries.of(token)][at..][..chunk],
            attended(first + token, window),
            scoring(config, first + token),
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
fn split_gates(config: &Config, queries: StridedRows, scratch: &mut Scratch) -> StridedRows {
    let (size, width) = (config.head_size, config.query_size());
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

fn scoring(config: &Config, position: usize) -> Scoring {
    Scoring {
        factor: config.score_factor(position),
        cap: config.score_cap,
    }
}

/// Keeps the attention weights of the one token that runs, where they are wanted: each head attends once more, by
/// itself, because in scratch memory the next heads take the place of its weights.
fn keep_weights(
    config: &Config,
    queries: StridedRows,
    position: usize,
    window: Option<usize>,
    caches: &[HeadCache],
    scratch: &mut Scratch,
) {
    let outputs = scratch.outputs.as_mut();
    let Some(weights) = outputs.and_then(|outputs| outputs.next_weights(config)) else {
        return;
    };
    let size = config.head_size;
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
            scoring(config, position),
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

/// x = output gates ⊙ convolution(input gates ⊙ values) for every token, the first of which is at position `first`.
/// The convolution's inputs go to the cache.
fn convolve(
    config: &Config,
    [input_gates, output_gates, values]: [StridedRows; 3],
    first: usize,
    kernel: &[f32],
    cache: &mut HeadCache,
    scratch: &mut Scratch,
) -> Result<()> {
    let (tokens, size) = (scratch.x.tokens(), config.hidden_size);
    let mixed = scratch.x.prepare(tokens, size)?;
    for (token, mixed) in mixed.chunks_exact_mut(size).enumerate() {
        let of = |rows: StridedRows| &scratch.qkv[rows.of(token)];
        let row = &mut scratch.row[..size];
        kernels::product(of(input_gates), of(values), row);
        cache.store(first + token, &[], row);
        kernels::convolve(cache, first + token + 1, kernel, mixed, row);
        kernels::product(of(output_gates), row, mixed);
    }
    Ok(())
}
