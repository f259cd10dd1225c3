//! The forward and backward pass of a frozen `llama` model with low-rank updates.
//!
//! As in [`super::super::network`], but sequences have different lengths, key and value heads may be fewer than query
//! heads, and only the updates have a gradient. What is quick to compute again is not kept for the backward pass: norms,
//! attention weights and the activation. The logits are computed where a target counts, a few rows at a time.

use super::super::attention::{BLOCK, Heads, attend, attend_backward};
use super::super::ops;
use super::updates::{Adapted, LinearUpdates, LowRank, Updates};
use crate::allocation::resize;
use crate::model::{DenseLinear, DenseModel};
use crate::{Result, TokenId, kernels};

/// Rows whose logits are computed at once: enough for large matrix products, few enough for little memory.
const HEAD_ROWS: usize = 64;

/// Sequences that are computed together. Their tokens follow each other, and are called rows.
#[derive(Default)]
pub(super) struct Part {
    /// The length of each sequence.
    pub lengths: Vec<usize>,
    pub inputs: Vec<TokenId>,
    pub targets: Vec<TokenId>,
    /// The rows whose targets count, in ascending order.
    pub counted: Vec<usize>,
}

/// The activations of one layer that the backward pass needs.
#[derive(Default)]
struct LayerCache {
    /// The residual stream before the layer, `[row][hidden]`.
    input: Vec<f32>,
    /// Queries, keys and values of each row; queries and keys are rotated (RoPE).
    query_key_value: Vec<f32>,
    /// The residual stream between attention and feed-forward network.
    post_attention: Vec<f32>,
    gate_up: Vec<f32>,
}

/// The memory for running the network on a [`Part`].
#[derive(Default)]
pub(super) struct Workspace {
    layers: Vec<LayerCache>,
    /// The residual stream after the last layer.
    output: Vec<f32>,
    /// The normalized input of a linear layer.
    normed: Vec<f32>,
    /// The concatenated outputs of the heads.
    attended: Vec<f32>,
    /// The attention weights, `[head][length][length]` for each sequence.
    probabilities: Vec<f32>,
    activated: Vec<f32>,
    logits: Vec<f32>,
    /// The derivative of the loss by the residual stream.
    d_stream: Vec<f32>,
    d_hidden: Vec<f32>,
    d_attended: Vec<f32>,
    d_query_key_value: Vec<f32>,
    d_activated: Vec<f32>,
    d_gate_up: Vec<f32>,
    /// The derivative by a norm's weights, which are frozen: nobody reads it.
    d_norm: Vec<f32>,
    low: LowRank,
    scratch: Vec<f32>,
}

impl Workspace {
    /// Takes the memory for the part with these `lengths`.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn prepare(&mut self, base: &DenseModel, rank: usize, lengths: &[usize]) -> Result<()> {
        let (config, heads) = (base.config(), heads(base));
        let rows: usize = lengths.iter().sum();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let maps = lengths.iter().map(|length| length.saturating_mul(*length));
        let maps = maps.fold(0, usize::saturating_add);
        let (hidden, feed_forward) = (config.hidden_size, config.feed_forward_size);
        let size =
            |values: &mut Vec<f32>, width: usize| resize(values, rows.saturating_mul(width), 0.0);
        self.layers.resize_with(base.layers.len(), Default::default);
        for layer in &mut self.layers {
            size(&mut layer.input, hidden)?;
            size(&mut layer.query_key_value, heads.row_size())?;
            size(&mut layer.post_attention, hidden)?;
            size(&mut layer.gate_up, 2 * feed_forward)?;
        }
        size(&mut self.output, hidden)?;
        size(&mut self.normed, hidden)?;
        size(&mut self.attended, heads.query_size())?;
        size(&mut self.activated, feed_forward)?;
        size(&mut self.d_stream, hidden)?;
        size(&mut self.d_hidden, hidden)?;
        size(&mut self.d_attended, heads.query_size())?;
        size(&mut self.d_query_key_value, heads.row_size())?;
        size(&mut self.d_activated, feed_forward)?;
        size(&mut self.d_gate_up, 2 * feed_forward)?;
        self.low.prepare(rows, rank)?;
        resize(
            &mut self.probabilities,
            maps.saturating_mul(heads.queries),
            0.0,
        )?;
        resize(
            &mut self.logits,
            HEAD_ROWS.saturating_mul(config.vocabulary_size),
            0.0,
        )?;
        resize(&mut self.d_norm, hidden, 0.0)?;
        resize(&mut self.scratch, longest.saturating_mul(BLOCK), 0.0)
    }
}

fn heads(base: &DenseModel) -> Heads {
    let config = base.config();
    Heads {
        queries: config.heads,
        key_values: config.kv_heads,
        size: config.head_size,
    }
}

/// The network: the frozen model, and the updates in one flat buffer.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub base: &'a DenseModel,
    pub updates: &'a Updates,
    pub weights: &'a [f32],
    /// What B A is multiplied by: α / rank.
    pub scale: f32,
}

impl<'a> Network<'a> {
    /// The cross-entropy of each counted target, in nats. The workspace has been prepared for the part.
    pub fn losses(&self, part: &Part, work: &mut Workspace) -> Vec<f64> {
        self.forward(part, work);
        self.head(part, work, None)
    }

    /// The sum of the cross-entropies of the counted targets in nats. Its derivatives by the updates, times `scale`, are
    /// added to `gradient`. The workspace has been prepared for the part.
    pub fn loss_and_gradient(
        &self,
        part: &Part,
        scale: f32,
        work: &mut Workspace,
        gradient: &mut [f32],
    ) -> f64 {
        self.forward(part, work);
        work.d_stream.fill(0.0);
        let losses = self.head(part, work, Some(scale));
        for index in (0..self.base.layers.len()).rev() {
            self.feed_forward_backward(index, work, gradient);
            self.attention_backward(index, &part.lengths, work, gradient);
        }
        losses.iter().sum()
    }

    fn forward(&self, part: &Part, work: &mut Workspace) {
        let size = self.base.config().hidden_size;
        let rows = work.layers[0].input.chunks_exact_mut(size);
        assert_eq!(rows.len(), part.inputs.len(), "rows of the workspace");
        for (row, token) in rows.zip(&part.inputs) {
            row.copy_from_slice(&self.base.embedding[*token as usize * size..][..size]);
        }
        for index in 0..self.base.layers.len() {
            self.layer(index, &part.lengths, work);
        }
    }

    fn adapted(&self, linear: &'a DenseLinear, updates: &'a LinearUpdates) -> Adapted<'a> {
        Adapted {
            linear,
            updates,
            weights: self.weights,
            scale: self.scale,
        }
    }

    fn norm(&self, x: &[f32], weight: &[f32], out: &mut [f32]) {
        ops::norm(x, weight, self.base.config().norm_epsilon, out);
    }

    /// The forward pass of one layer: from its `input` to that of the next one.
    fn layer(&self, index: usize, lengths: &[usize], work: &mut Workspace) {
        let (layer, updates) = (&self.base.layers[index], &self.updates.layers[index]);
        let (current, rest) = work.layers[index..].split_at_mut(1);
        let cache = &mut current[0];
        let next = rest
            .first_mut()
            .map_or(&mut work.output, |next| &mut next.input);

        self.norm(&cache.input, &layer.attention_norm, &mut work.normed);
        self.adapted(&layer.query_key_value, &updates.query_key_value)
            .forward(&work.normed, &mut work.low, &mut cache.query_key_value);
        self.rotate(lengths, &mut cache.query_key_value, false);
        self.attend(
            lengths,
            &cache.query_key_value,
            &mut work.probabilities,
            &mut work.attended,
        );
        self.adapted(&layer.attention_output, &updates.attention_output)
            .forward(&work.attended, &mut work.low, &mut cache.post_attention);
        kernels::add(&mut cache.post_attention, &cache.input);

        self.norm(
            &cache.post_attention,
            &layer.feed_forward_norm,
            &mut work.normed,
        );
        self.adapted(&layer.gate_up, &updates.gate_up).forward(
            &work.normed,
            &mut work.low,
            &mut cache.gate_up,
        );
        ops::swiglu(&cache.gate_up, layer.down.inputs, &mut work.activated);
        self.adapted(&layer.down, &updates.down)
            .forward(&work.activated, &mut work.low, next);
        kernels::add(next, &cache.post_attention);
    }

    /// Rotates the queries and keys in rows of query, key and value, for sequences of these lengths.
    fn rotate(&self, lengths: &[usize], rows: &mut [f32], backwards: bool) {
        let heads = heads(self.base);
        let positions = lengths.iter().flat_map(|length| 0..*length);
        for (row, position) in rows.chunks_exact_mut(heads.row_size()).zip(positions) {
            let rotated = &mut row[..heads.query_size() + heads.key_size()];
            self.base.rotate(rotated, position, backwards);
        }
    }

    /// Attention within each sequence.
    fn attend(&self, lengths: &[usize], rows: &[f32], mut maps: &mut [f32], mut out: &mut [f32]) {
        let heads = heads(self.base);
        let mut rows = rows;
        for &length in lengths {
            let (map, out_rows, row);
            (row, rows) = rows.split_at(length * heads.row_size());
            (map, maps) = maps.split_at_mut(heads.queries * length * length);
            (out_rows, out) = out.split_at_mut(length * heads.query_size());
            attend(heads, length, row, map, out_rows);
        }
    }

    /// The final norm, the logits and the cross-entropy of the counted rows. With a `scale`, also the backward pass: the
    /// derivatives by the residual stream, times `scale`, are added to `work.d_stream`.
    fn head(&self, part: &Part, work: &mut Workspace, scale: Option<f32>) -> Vec<f64> {
        let config = self.base.config();
        let (size, vocabulary) = (config.hidden_size, config.vocabulary_size);
        let (norm, head) = (&self.base.final_norm, self.base.head());
        let mut losses = Vec::new();
        for rows in part.counted.chunks(HEAD_ROWS) {
            let normed = &mut work.normed[..rows.len() * size];
            let logits = &mut work.logits[..rows.len() * vocabulary];
            for (row, normed) in rows.iter().zip(normed.chunks_exact_mut(size)) {
                self.norm(&work.output[row * size..][..size], norm, normed);
            }
            ops::linear(normed, head, size, logits);
            for (row, logits) in rows.iter().zip(logits.chunks_exact_mut(vocabulary)) {
                let target = part.targets[*row];
                losses.push(ops::cross_entropy(logits, target));
                if let Some(scale) = scale {
                    ops::cross_entropy_backward(logits, target, scale);
                }
            }
            if scale.is_none() {
                continue;
            }
            let d_normed = &mut work.d_hidden[..rows.len() * size];
            ops::linear_backward_input(head, size, logits, d_normed);
            for (row, d_normed) in rows.iter().zip(d_normed.chunks_exact(size)) {
                let at = row * size..(row + 1) * size;
                ops::norm_backward(
                    &work.output[at.clone()],
                    norm,
                    config.norm_epsilon,
                    d_normed,
                    &mut work.d_stream[at],
                    &mut work.d_norm,
                );
            }
        }
        losses
    }

    /// The backward pass of a layer's feed-forward network: turns `work.d_stream` from the derivative by the layer's
    /// output into that by the stream after attention.
    fn feed_forward_backward(&self, index: usize, work: &mut Workspace, gradient: &mut [f32]) {
        let (layer, updates) = (&self.base.layers[index], &self.updates.layers[index]);
        let (cache, size) = (&work.layers[index], layer.down.inputs);
        ops::swiglu(&cache.gate_up, size, &mut work.activated);
        self.adapted(&layer.down, &updates.down).backward(
            &work.activated,
            &work.d_stream,
            &mut work.low,
            &mut work.d_activated,
            gradient,
        );
        ops::swiglu_backward(&cache.gate_up, size, &work.d_activated, &mut work.d_gate_up);
        self.norm(
            &cache.post_attention,
            &layer.feed_forward_norm,
            &mut work.normed,
        );
        self.adapted(&layer.gate_up, &updates.gate_up).backward(
            &work.normed,
            &work.d_gate_up,
            &mut work.low,
            &mut work.d_hidden,
            gradient,
        );
        ops::norm_backward(
            &cache.post_attention,
            &layer.feed_forward_norm,
            self.base.config().norm_epsilon,
            &work.d_hidden,
            &mut work.d_stream,
            &mut work.d_norm,
        );
    }

    /// The backward pass of a layer's attention: from the derivative by the stream after it to that before it.
    fn attention_backward(
        &self,
        index: usize,
        lengths: &[usize],
        work: &mut Workspace,
        gradient: &mut [f32],
    ) {
        let (layer, updates) = (&self.base.layers[index], &self.updates.layers[index]);
        let cache = &work.layers[index];
        self.attend(
            lengths,
            &cache.query_key_value,
            &mut work.probabilities,
            &mut work.attended,
        );
        self.adapted(&layer.attention_output, &updates.attention_output)
            .backward(
                &work.attended,
                &work.d_stream,
                &mut work.low,
                &mut work.d_attended,
                gradient,
            );
        self.attend_backward(index, lengths, work);
        let cache = &work.layers[index];
        self.norm(&cache.input, &layer.attention_norm, &mut work.normed);
        self.adapted(&layer.query_key_value, &updates.query_key_value)
            .backward(
                &work.normed,
                &work.d_query_key_value,
                &mut work.low,
                &mut work.d_hidden,
                gradient,
            );
        ops::norm_backward(
            &cache.input,
            &layer.attention_norm,
            self.base.config().norm_epsilon,
            &work.d_hidden,
            &mut work.d_stream,
            &mut work.d_norm,
        );
    }

    /// From the derivative by the outputs of the heads to that by queries, keys and values before RoPE.
    fn attend_backward(&self, index: usize, lengths: &[usize], work: &mut Workspace) {
        let heads = heads(self.base);
        let (mut first, mut map) = (0, 0);
        for &length in lengths {
            let rows = first * heads.row_size()..(first + length) * heads.row_size();
            let maps = heads.queries * length * length;
            attend_backward(
                heads,
                length,
                &work.layers[index].query_key_value[rows.clone()],
                &work.probabilities[map..map + maps],
                &work.d_attended[first * heads.query_size()..],
                &mut work.d_query_key_value[rows],
                &mut work.scratch,
            );
            first += length;
            map += maps;
        }
        self.rotate(lengths, &mut work.d_query_key_value, true);
    }
}
