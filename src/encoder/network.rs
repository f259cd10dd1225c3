//! The forward pass of an encoder (Devlin et al. 2019, BERT): every token attends to all tokens of its text.

use super::Config;
use crate::allocation::resize;
use crate::kernels::TILE_POSITIONS;
use crate::kernels::threads::{PerThread, for_each_chunk};
use crate::kernels::{self, Activations, AttentionScratch, CacheType, HeadCache, Scoring};
use crate::model::{Linear, Norm};
use crate::quant::Matrix;
use crate::{Error, Result, TokenId};

/// All weights.
pub(super) struct Network {
    pub embedding: Matrix,
    /// Learned position embeddings.
    pub positions: Matrix,
    /// The embedding of the first token type, which every token has.
    pub token_type: Option<Vec<f32>>,
    pub norm: Norm,
    pub layers: Vec<Layer>,
}

/// The weights of one layer. Its norms come after what they normalise, residual included ("post-norm").
pub(super) struct Layer {
    pub queries: Linear,
    pub keys: Linear,
    pub values: Linear,
    pub output: Linear,
    pub attention_norm: Norm,
    pub up: Linear,
    pub down: Linear,
    pub output_norm: Norm,
}

/// Memory for activations, kept from text to text.
#[derive(Default)]
pub(super) struct Scratch {
    /// The residual stream, `[tokens][hidden_size]`; after `forward`, the tokens' vectors.
    pub hidden: Vec<f32>,
    x: Activations,
    /// Queries, keys or values of all tokens, `[tokens][hidden_size]` each.
    projected: [Vec<f32>; 3],
    /// The outputs of the up projection, `[tokens][feed_forward_size]`.
    wide: Vec<f32>,
    /// What a half of a layer adds to the residual stream.
    residual: Vec<f32>,
    /// Keys and values of each head, in the layout that attention reads.
    heads: Vec<HeadCache>,
    attention: PerThread<AttentionScratch>,
}

impl Scratch {
    /// Takes the memory for a text of so many tokens.
    fn prepare(&mut self, config: &Config, tokens: usize) -> Result<()> {
        let (hidden, wide) = (config.hidden_size, config.feed_forward_size);
        let widest = hidden.max(wide);
        // On a machine of 32 bits the product could overflow.
        if tokens.checked_mul(4 * widest).is_none() {
            return Err(Error::OutOfMemory(usize::MAX));
        }
        self.x.prepare(tokens, widest)?;
        for projected in &mut self.projected {
            resize(projected, tokens * hidden, 0.0)?;
        }
        resize(&mut self.hidden, tokens * hidden, 0.0)?;
        resize(&mut self.residual, tokens * hidden, 0.0)?;
        resize(&mut self.wide, tokens * wide, 0.0)?;
        let size = config.head_size();
        let head = || HeadCache::new(CacheType::F32, size);
        self.heads.resize_with(config.heads, head);
        let positions = tokens.next_multiple_of(TILE_POSITIONS);
        self.heads
            .iter_mut()
            .try_for_each(|head| head.reserve(positions))?;
        self.attention
            .prepare(|scratch| scratch.prepare(1, size, tokens))
    }

    /// hidden = norm(hidden + residual).
    fn add_and_normalize(&mut self, config: &Config, norm: &Norm) {
        kernels::add(&mut self.residual, &self.hidden);
        normalize(config, norm, &self.residual, &mut self.hidden);
    }

    /// x = hidden.
    fn read_hidden(&mut self, config: &Config) -> Result<()> {
        let tokens = self.hidden.len() / config.hidden_size;
        let x = self.x.prepare(tokens, config.hidden_size)?;
        x.copy_from_slice(&self.hidden);
        Ok(())
    }
}

/// out = norm(values), for every token.
fn normalize(config: &Config, norm: &Norm, values: &[f32], out: &mut [f32]) {
    let size = config.hidden_size;
    for_each_chunk(out, size, size, |token, out, _| {
        let values = &values[token * size..][..size];
        let bias = norm.bias.as_deref();
        kernels::layer_norm(values, &norm.weight, bias, config.norm_epsilon, out);
    });
}

impl Network {
    /// Runs a text of at most `context_length` tokens, all in the vocabulary; their vectors are then in
    /// `scratch.hidden`.
    pub fn forward(
        &self,
        config: &Config,
        tokens: &[TokenId],
        scratch: &mut Scratch,
    ) -> Result<()> {
        scratch.prepare(config, tokens.len())?;
        self.embed(config, tokens, scratch);
        for layer in &self.layers {
            layer.attend(config, scratch)?;
            scratch.add_and_normalize(config, &layer.attention_norm);
            layer.feed_forward(config, scratch)?;
            scratch.add_and_normalize(config, &layer.output_norm);
        }
        Ok(())
    }

    /// hidden = norm(the embeddings of token, position and token type).
    fn embed(&self, config: &Config, tokens: &[TokenId], scratch: &mut Scratch) {
        let size = config.hidden_size;
        let Scratch {
            hidden, residual, ..
        } = scratch;
        let rows = hidden.chunks_exact_mut(size);
        let rows = rows.zip(residual.chunks_exact_mut(size));
        for (position, (token, (hidden, sum))) in tokens.iter().zip(rows).enumerate() {
            self.embedding.dequantize_row(*token as usize, sum);
            if let Some(token_type) = &self.token_type {
                kernels::add(sum, token_type);
            }
            self.positions.dequantize_row(position, hidden);
            kernels::add(sum, hidden);
        }
        normalize(config, &self.norm, residual, hidden);
    }
}

impl Layer {
    /// residual = output × attention(queries, keys, values), where every token attends to all.
    fn attend(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        scratch.read_hidden(config)?;
        let linears = [&self.queries, &self.keys, &self.values];
        for (linear, out) in linears.into_iter().zip(&mut scratch.projected) {
            linear.apply(&mut scratch.x, out);
        }
        let (width, size) = (config.hidden_size, config.head_size());
        let tokens = scratch.x.tokens();
        let [queries, keys, values] = &scratch.projected;
        for_each_chunk(
            &mut scratch.heads,
            1,
            4 * tokens * size,
            |head, cache, _| {
                for token in 0..tokens {
                    let at = token * width + head * size..token * width + (head + 1) * size;
                    cache[0].store(token, &keys[at.clone()], &values[at]);
                }
            },
        );
        let scoring = Scoring {
            sinks: &[],
            factor: 1.0 / libm::sqrtf(size as f32),
            cap: None,
        };
        let (heads, attention) = (&scratch.heads, &scratch.attention);
        let mixed = scratch.x.prepare(tokens, width)?;
        for_each_chunk(mixed, size, size * tokens / 4, |index, mixed, thread| {
            kernels::attend(
                &heads[index % config.heads],
                &queries[index * size..][..size],
                0..tokens,
                scoring,
                &mut attention.get(thread),
                mixed,
            );
        });
        self.output.apply(&mut scratch.x, &mut scratch.residual);
        Ok(())
    }

    /// residual = down × gelu(up × hidden).
    fn feed_forward(&self, config: &Config, scratch: &mut Scratch) -> Result<()> {
        scratch.read_hidden(config)?;
        self.up.apply(&mut scratch.x, &mut scratch.wide);
        let size = config.feed_forward_size;
        let wide = &scratch.wide;
        let activated = scratch.x.prepare(wide.len() / size, size)?;
        for_each_chunk(activated, size, 4 * size, |token, x, _| {
            x.copy_from_slice(&wide[token * size..][..size]);
            kernels::gelu_erf(x);
        });
        self.down.apply(&mut scratch.x, &mut scratch.residual);
        Ok(())
    }
}
