//! The transformer for training: it runs whole sequences at once, forward and backward.
//!
//! The arithmetic is that of [`crate::model`] in single precision. The tests compare every derivative with finite
//! differences.

use super::attention::{BLOCK, Heads, Rope, attend, attend_backward};
use super::ops;
use super::shape::{NORM_EPSILON, Shape};
use crate::allocation::resize;
use crate::{Result, TokenId, kernels};

/// The activations of one layer that the backward pass needs.
struct LayerCache {
    /// The residual stream before the layer, `[row][hidden]`.
    input: Vec<f32>,
    /// The normalized input of the attention.
    attention_input: Vec<f32>,
    /// Query, key and value of each row; queries and keys are rotated (RoPE).
    qkv: Vec<f32>,
    probabilities: Vec<f32>,
    /// The concatenated outputs of the heads.
    attention_output: Vec<f32>,
    /// The residual stream between attention and feed-forward network.
    post_attention: Vec<f32>,
    feed_forward_input: Vec<f32>,
    gate_up: Vec<f32>,
    activated: Vec<f32>,
}

/// The memory for running the network on a batch of `sequences × length` tokens, called rows.
pub(super) struct Workspace {
    layers: Vec<LayerCache>,
    /// The residual stream after the last layer, and its normalized form in `normed`.
    output: Vec<f32>,
    normed: Vec<f32>,
    logits: Vec<f32>,
    /// The derivative of the loss by the residual stream.
    d_stream: Vec<f32>,
    d_hidden: Vec<f32>,
    d_qkv: Vec<f32>,
    d_gate_up: Vec<f32>,
    d_activated: Vec<f32>,
    scratch: Vec<f32>,
    length: usize,
    rope: Rope,
}

impl Workspace {
    /// Tokens in a sequence.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Allocates all memory for batches of `sequences` of `length` tokens.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn new(shape: &Shape, sequences: usize, length: usize) -> Result<Self> {
        let rows = sequences.saturating_mul(length);
        let hidden = || zeros(rows, shape.hidden_size);
        let map = shape.heads.saturating_mul(length);
        let layer = |_| {
            Ok(LayerCache {
                input: hidden()?,
                attention_input: hidden()?,
                qkv: zeros(rows, 3 * shape.hidden_size)?,
                probabilities: zeros(rows, map)?,
                attention_output: hidden()?,
                post_attention: hidden()?,
                feed_forward_input: hidden()?,
                gate_up: zeros(rows, 2 * shape.feed_forward_size)?,
                activated: zeros(rows, shape.feed_forward_size)?,
            })
        };
        Ok(Self {
            layers: (0..shape.layers).map(layer).collect::<Result<_>>()?,
            output: hidden()?,
            normed: hidden()?,
            logits: zeros(rows, shape.vocabulary_size)?,
            d_stream: hidden()?,
            d_hidden: hidden()?,
            d_qkv: zeros(rows, 3 * shape.hidden_size)?,
            d_gate_up: zeros(rows, 2 * shape.feed_forward_size)?,
            d_activated: zeros(rows, shape.feed_forward_size)?,
            scratch: zeros(BLOCK, length)?,
            length,
            rope: Rope::new(shape),
        })
    }
}

/// The network: its architecture, and its weights in one flat buffer.
#[derive(Clone, Copy)]
pub(super) struct Network<'a> {
    pub shape: &'a Shape,
    pub weights: &'a [f32],
}

impl Network<'_> {
    /// The cross-entropy of each of `targets` after its inputs, in nats. `inputs` and `targets` are
    /// `[sequence][length]`.
    ///
    /// # Panics
    /// If the number of inputs is not that of the workspace, or an id is not in the vocabulary.
    pub fn losses(
        &self,
        inputs: &[TokenId],
        targets: &[TokenId],
        work: &mut Workspace,
    ) -> Vec<f64> {
        self.forward(inputs, work);
        let logits = work.logits.chunks_exact_mut(self.shape.vocabulary_size);
        let losses = logits.zip(targets);
        losses
            .map(|(logits, target)| ops::cross_entropy(logits, *target))
            .collect()
    }

    /// The sum of the cross-entropies in nats. Its derivatives by the weights, times `scale`, are added to `gradient`.
    ///
    /// # Panics
    /// As [`Network::losses`].
    pub fn loss_and_gradient(
        &self,
        inputs: &[TokenId],
        targets: &[TokenId],
        scale: f32,
        work: &mut Workspace,
        gradient: &mut [f32],
    ) -> f64 {
        self.forward(inputs, work);
        let mut loss = 0.0;
        let logits = work.logits.chunks_exact_mut(self.shape.vocabulary_size);
        for (logits, target) in logits.zip(targets) {
            loss += ops::cross_entropy(logits, *target);
            ops::cross_entropy_backward(logits, *target, scale);
        }
        self.backward(inputs, work, gradient);
        loss
    }

    fn forward(&self, inputs: &[TokenId], work: &mut Workspace) {
        let size = self.shape.hidden_size;
        let embedding = &self.weights[self.shape.embedding()];
        let rows = work.layers[0].input.chunks_exact_mut(size);
        assert_eq!(rows.len(), inputs.len(), "rows of the workspace");
        for (row, token) in rows.zip(inputs) {
            row.copy_from_slice(&embedding[*token as usize * size..][..size]);
        }
        for index in 0..self.shape.layers {
            let (layer, rest) = work.layers[index..].split_at_mut(1);
            let next = rest
                .first_mut()
                .map_or(&mut work.output, |next| &mut next.input);
            self.layer(index, &mut layer[0], &work.rope, work.length, next);
        }
        let output_norm = &self.weights[self.shape.output_norm()];
        ops::norm(&work.output, output_norm, NORM_EPSILON, &mut work.normed);
        ops::linear(&work.normed, embedding, size, &mut work.logits);
    }

    /// The forward pass of one layer: `cache.input` → `out`.
    fn layer(
        &self,
        index: usize,
        cache: &mut LayerCache,
        rope: &Rope,
        length: usize,
        out: &mut [f32],
    ) {
        let (shape, at) = (self.shape, self.shape.layer_weights(index));
        let (hidden, feed_forward) = (shape.hidden_size, shape.feed_forward_size);
        let weight = |range: &std::ops::Range<usize>| &self.weights[range.clone()];
        let LayerCache {
            input,
            attention_input,
            qkv,
            probabilities,
            attention_output,
            post_attention,
            feed_forward_input,
            gate_up,
            activated,
        } = cache;
        ops::norm(
            input,
            weight(&at.attention_norm),
            NORM_EPSILON,
            attention_input,
        );
        ops::linear(attention_input, weight(&at.query_key_value), hidden, qkv);
        rope.rotate_all(qkv, hidden, length, false);
        attend(
            Heads::of(shape),
            length,
            qkv,
            probabilities,
            attention_output,
        );
        ops::linear(
            attention_output,
            weight(&at.attention_output),
            hidden,
            post_attention,
        );
        kernels::add(post_attention, input);
        ops::norm(
            post_attention,
            weight(&at.feed_forward_norm),
            NORM_EPSILON,
            feed_forward_input,
        );
        ops::linear(feed_forward_input, weight(&at.gate_up), hidden, gate_up);
        ops::swiglu(gate_up, feed_forward, activated);
        ops::linear(activated, weight(&at.down), feed_forward, out);
        kernels::add(out, post_attention);
    }

    /// The backward pass of the whole network: from the derivative by the logits, in `work.logits`, to those by the
    /// weights.
    fn backward(&self, inputs: &[TokenId], work: &mut Workspace, gradient: &mut [f32]) {
        let size = self.shape.hidden_size;
        let (embedding, output_norm) = (self.shape.embedding(), self.shape.output_norm());
        ops::linear_backward(
            &work.normed,
            &self.weights[embedding.clone()],
            size,
            &work.logits,
            &mut work.d_hidden,
            &mut gradient[embedding.clone()],
        );
        work.d_stream.fill(0.0);
        ops::norm_backward(
            &work.output,
            &self.weights[output_norm.clone()],
            NORM_EPSILON,
            &work.d_hidden,
            &mut work.d_stream,
            &mut gradient[output_norm],
        );
        for index in (0..self.shape.layers).rev() {
            self.layer_backward(index, work, gradient);
        }
        let embedding = &mut gradient[embedding];
        for (d_row, token) in work.d_stream.chunks_exact(size).zip(inputs) {
            kernels::add(&mut embedding[*token as usize * size..][..size], d_row);
        }
    }

    /// The backward pass of one layer: turns `work.d_stream` from the derivative by the layer's output into that by its
    /// input.
    fn layer_backward(&self, index: usize, work: &mut Workspace, gradient: &mut [f32]) {
        self.feed_forward_backward(index, work, gradient);
        self.attention_backward(index, work, gradient);
    }

    /// The backward pass of a layer's feed-forward network: see [`layer_backward`](Self::layer_backward).
    fn feed_forward_backward(&self, index: usize, work: &mut Workspace, gradient: &mut [f32]) {
        let (shape, at) = (self.shape, self.shape.layer_weights(index));
        let (hidden, feed_forward) = (shape.hidden_size, shape.feed_forward_size);
        let weight = |range: &std::ops::Range<usize>| &self.weights[range.clone()];
        let cache = &work.layers[index];
        let d_stream = &mut work.d_stream;
        let d_hidden = &mut work.d_hidden;

        ops::linear_backward(
            &cache.activated,
            weight(&at.down),
            feed_forward,
            d_stream,
            &mut work.d_activated,
            &mut gradient[at.down.clone()],
        );
        ops::swiglu_backward(
            &cache.gate_up,
            feed_forward,
            &work.d_activated,
            &mut work.d_gate_up,
        );
        ops::linear_backward(
            &cache.feed_forward_input,
            weight(&at.gate_up),
            hidden,
            &work.d_gate_up,
            d_hidden,
            &mut gradient[at.gate_up.clone()],
        );
        ops::norm_backward(
            &cache.post_attention,
            weight(&at.feed_forward_norm),
            NORM_EPSILON,
            d_hidden,
            d_stream,
            &mut gradient[at.feed_forward_norm.clone()],
        );
    }

    /// The backward pass of a layer's attention: see [`layer_backward`](Self::layer_backward).
    fn attention_backward(&self, index: usize, work: &mut Workspace, gradient: &mut [f32]) {
        let (shape, at) = (self.shape, self.shape.layer_weights(index));
        let hidden = shape.hidden_size;
        let weight = |range: &std::ops::Range<usize>| &self.weights[range.clone()];
        let cache = &work.layers[index];
        let d_stream = &mut work.d_stream;
        let d_hidden = &mut work.d_hidden;

        ops::linear_backward(
            &cache.attention_output,
            weight(&at.attention_output),
            hidden,
            d_stream,
            d_hidden,
            &mut gradient[at.attention_output.clone()],
        );
        attend_backward(
            Heads::of(shape),
            work.length,
            &cache.qkv,
            &cache.probabilities,
            d_hidden,
            &mut work.d_qkv,
            &mut work.scratch,
        );
        work.rope
            .rotate_all(&mut work.d_qkv, hidden, work.length, true);
        ops::linear_backward(
            &cache.attention_input,
            weight(&at.query_key_value),
            hidden,
            &work.d_qkv,
            d_hidden,
            &mut gradient[at.query_key_value.clone()],
        );
        ops::norm_backward(
            &cache.input,
            weight(&at.attention_norm),
            NORM_EPSILON,
            d_hidden,
            d_stream,
            &mut gradient[at.attention_norm.clone()],
        );
    }
}

/// `rows × columns` zeros.
///
/// # Errors
/// [`Error::OutOfMemory`](crate::Error::OutOfMemory) where they cannot be allocated.
pub(super) fn zeros(rows: usize, columns: usize) -> Result<Vec<f32>> {
    let len = rows.saturating_mul(columns);
    let mut values = Vec::new();
    resize(&mut values, len, 0.0)?;
    Ok(values)
}
