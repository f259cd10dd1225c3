//! The transformer: embedding, layers, final norm.

use std::sync::Arc;

use super::rope::Rope;
use super::{Config, Session};
use crate::kernels::{self, Activations, AttentionScratch};
use crate::quant::Matrix;
use crate::{Result, TokenId};

/// The weights of one layer.
pub(super) struct Layer {
    pub attention_norm: Vec<f32>,
    pub query: Matrix,
    pub key: Matrix,
    pub value: Matrix,
    pub attention_output: Matrix,
    pub feed_forward_norm: Vec<f32>,
    pub gate: Matrix,
    pub up: Matrix,
    pub down: Matrix,
}

/// All weights but the head's.
pub(super) struct Transformer {
    pub embedding: Arc<Matrix>,
    pub layers: Vec<Layer>,
    pub output_norm: Vec<f32>,
    pub rope: Rope,
}

/// Memory for what flows between the layers, kept from call to call.
#[derive(Default)]
pub(super) struct Scratch {
    /// The residual stream, `[tokens][hidden_size]`; after `forward` the hidden states.
    pub hidden: Vec<f32>,
    x: Activations,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    residual: Vec<f32>,
    attention: AttentionScratch,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Scratch {
    /// Takes the memory for `tokens` at once, up to position `end`.
    pub fn prepare(
        &mut self,
        config: &Config,
        rope: usize,
        tokens: usize,
        end: usize,
    ) -> Result<()> {
        let query = config.heads * config.head_size;
        let kv = config.kv_heads * config.head_size;
        let widest = config.hidden_size.max(config.feed_forward_size).max(query);
        self.x.prepare(tokens, widest)?;
        super::resize(&mut self.hidden, tokens * config.hidden_size)?;
        super::resize(&mut self.residual, tokens * config.hidden_size)?;
        super::resize(&mut self.query, tokens * query)?;
        super::resize(&mut self.key, tokens * kv)?;
        super::resize(&mut self.value, tokens * kv)?;
        super::resize(&mut self.gate, tokens * config.feed_forward_size)?;
        super::resize(&mut self.up, tokens * config.feed_forward_size)?;
        super::resize(&mut self.cos, tokens * rope)?;
        super::resize(&mut self.sin, tokens * rope)?;
        self.attention
            .prepare(config.heads_per_kv_head(), config.head_size, end)
    }
}

impl Transformer {
    /// Runs `tokens` at the positions after the session's. All memory was taken before: nothing fails.
    pub fn run(&self, config: &Config, tokens: &[TokenId], session: &mut Session) -> Result<()> {
        let scratch = &mut session.scratch;
        let size = config.hidden_size;
        for (token, hidden) in tokens.iter().zip(scratch.hidden.chunks_exact_mut(size)) {
            self.embedding.dequantize_row(*token as usize, hidden);
        }
        self.angles(session.len, scratch);
        for (index, layer) in self.layers.iter().enumerate() {
            attention(config, layer, index, self.rope.size(), session)?;
            feed_forward(config, layer, &mut session.scratch)?;
        }
        let scratch = &mut session.scratch;
        let normed = scratch.residual.chunks_exact_mut(size);
        for (hidden, normed) in scratch.hidden.chunks_exact(size).zip(normed) {
            kernels::rms_norm(hidden, &self.output_norm, config.norm_epsilon, normed);
        }
        std::mem::swap(&mut scratch.hidden, &mut scratch.residual);
        Ok(())
    }

    fn angles(&self, first: usize, scratch: &mut Scratch) {
        let size = self.rope.size();
        let rows = scratch
            .cos
            .chunks_exact_mut(size)
            .zip(scratch.sin.chunks_exact_mut(size));
        for (i, (cos, sin)) in rows.enumerate() {
            self.rope.angles(first + i, cos, sin);
        }
    }
}

/// hidden += output × attention(norm(hidden)).
fn attention(
    config: &Config,
    layer: &Layer,
    index: usize,
    rope: usize,
    session: &mut Session,
) -> Result<()> {
    let Session {
        scratch,
        cache,
        len: first,
        ..
    } = session;
    norm_all(
        config,
        &layer.attention_norm,
        &scratch.hidden,
        &mut scratch.x,
    )?;
    kernels::linear(&layer.query, &mut scratch.x, &mut scratch.query);
    kernels::linear(&layer.key, &mut scratch.x, &mut scratch.key);
    kernels::linear(&layer.value, &mut scratch.x, &mut scratch.value);
    rotate_all(
        &mut scratch.query,
        config.heads,
        config.head_size,
        rope,
        &scratch.cos,
        &scratch.sin,
    );
    rotate_all(
        &mut scratch.key,
        config.kv_heads,
        config.head_size,
        rope,
        &scratch.cos,
        &scratch.sin,
    );

    let tokens = scratch.hidden.len() / config.hidden_size;
    let (size, kv_size) = (config.head_size, config.kv_heads * config.head_size);
    for token in 0..tokens {
        let (key, value) = (
            &scratch.key[token * kv_size..],
            &scratch.value[token * kv_size..],
        );
        for head in 0..config.kv_heads {
            let at = head * size..(head + 1) * size;
            let cache = cache.head_mut(index, head);
            cache.store(*first + token, &key[at.clone()], &value[at]);
        }
    }

    let width = config.heads * size;
    let factor = 1.0 / libm::sqrtf(size as f32);
    let mixed = scratch.x.prepare(tokens, width)?;
    for token in 0..tokens {
        // A token attends to itself and to what came before.
        let positions = *first + token + 1;
        for head in 0..config.kv_heads {
            let heads = width / config.kv_heads;
            let at = token * width + head * heads..token * width + (head + 1) * heads;
            kernels::attend(
                cache.head(index, head),
                &scratch.query[at.clone()],
                positions,
                factor,
                &mut scratch.attention,
                &mut mixed[at],
            );
        }
    }
    kernels::linear(
        &layer.attention_output,
        &mut scratch.x,
        &mut scratch.residual,
    );
    kernels::add(&mut scratch.hidden, &scratch.residual);
    Ok(())
}

/// hidden += down × (silu(gate × n) × (up × n)) with n = norm(hidden): SwiGLU (Shazeer 2020).
fn feed_forward(config: &Config, layer: &Layer, scratch: &mut Scratch) -> Result<()> {
    norm_all(
        config,
        &layer.feed_forward_norm,
        &scratch.hidden,
        &mut scratch.x,
    )?;
    kernels::linear(&layer.gate, &mut scratch.x, &mut scratch.gate);
    kernels::linear(&layer.up, &mut scratch.x, &mut scratch.up);
    kernels::silu_mul(&mut scratch.gate, &scratch.up);
    let tokens = scratch.hidden.len() / config.hidden_size;
    scratch
        .x
        .prepare(tokens, config.feed_forward_size)?
        .copy_from_slice(&scratch.gate);
    kernels::linear(&layer.down, &mut scratch.x, &mut scratch.residual);
    kernels::add(&mut scratch.hidden, &scratch.residual);
    Ok(())
}

fn norm_all(config: &Config, weight: &[f32], hidden: &[f32], x: &mut Activations) -> Result<()> {
    let size = config.hidden_size;
    let out = x.prepare(hidden.len() / size, size)?;
    for (hidden, out) in hidden.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        kernels::rms_norm(hidden, weight, config.norm_epsilon, out);
    }
    Ok(())
}

/// Rotates the first `rope` dimensions of every head of every token.
fn rotate_all(x: &mut [f32], heads: usize, size: usize, rope: usize, cos: &[f32], sin: &[f32]) {
    let angles = cos.chunks_exact(rope).zip(sin.chunks_exact(rope));
    for (token, (cos, sin)) in x.chunks_exact_mut(heads * size).zip(angles) {
        for head in token.chunks_exact_mut(size) {
            kernels::rotate_pairs(&mut head[..rope], cos, sin);
        }
    }
}
