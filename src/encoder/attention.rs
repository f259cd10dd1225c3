//! Bidirectional attention: every token attends to the tokens on both sides, to all of its text or to near ones.

use super::Config;
use super::scratch::{HalfNorms, Scratch, normalize};
use crate::Result;
use crate::kernels::threads::for_each_chunk;
use crate::kernels::{self, Surroundings};
use crate::model::{Linear, Norm, Rope};

/// The weights of attention in a layer.
pub(super) struct Attention {
    pub norms: HalfNorms,
    pub projection: Projection,
    /// The norms of queries and of keys, of all heads together or of each.
    pub head_norms: [Option<Norm>; 2],
    pub output: Linear,
    /// How far it sees on each side of a position; `None`: to the ends of the text.
    pub reach: Option<usize>,
}

/// The projections to queries, keys and values.
#[allow(clippy::large_enum_variant, reason = "there is one a layer")]
pub(super) enum Projection {
    Separate([Linear; 3]),
    Fused(Linear),
}

/// What of a model attention needs to know the order of tokens.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// RoPE's frequencies in all layers, then those in layers with a window; empty where there is no RoPE.
    pub ropes: &'a [Rope],
    /// What each head's scores lose by distance; empty where they do not.
    pub slopes: &'a [f32],
}

impl Attention {
    /// Adds output × attention(queries, keys, values) to the residual stream.
    pub fn run(&self, config: &Config, order: Order<'_>, scratch: &mut Scratch) -> Result<()> {
        self.norms.read(config, scratch)?;
        self.project(config, scratch);
        self.normalize_heads(config, scratch);
        let variant = usize::from(self.reach.is_some());
        if let Some(rope) = order.ropes.get(variant) {
            let Scratch {
                projected, angles, ..
            } = scratch;
            let [queries, keys, _] = projected;
            for (rows, width) in [(queries, config.query_size()), (keys, config.key_size())] {
                for_each_chunk(rows, width, width, |token, row, _| {
                    let (cos, sin) = angles[variant].of(rope, token);
                    rope.rotate(row, config.head_size, cos, sin);
                });
            }
        }
        store(config, scratch);
        self.mix(config, order.slopes, scratch)?;
        self.output.apply(&mut scratch.x, &mut scratch.residual);
        self.norms.add(config, scratch);
        Ok(())
    }

    /// Queries, keys and values of x.
    fn project(&self, config: &Config, scratch: &mut Scratch) {
        let Scratch {
            x, projected, wide, ..
        } = scratch;
        let all = match &self.projection {
            Projection::Separate(linears) => {
                for (linear, out) in linears.iter().zip(projected) {
                    linear.apply(x, out);
                }
                return;
            }
            Projection::Fused(all) => all,
        };
        let (query, key) = (config.query_size(), config.key_size());
        let width = query + 2 * key;
        let wide = &mut wide[..x.tokens() * width];
        all.apply(x, wide);
        let parts = [0..query, query..query + key, query + key..width];
        for (out, part) in projected.iter_mut().zip(parts) {
            let rows = out.chunks_exact_mut(part.len());
            for (out, row) in rows.zip(wide.chunks_exact(width)) {
                out.copy_from_slice(&row[part.clone()]);
            }
        }
    }

    fn normalize_heads(&self, config: &Config, scratch: &mut Scratch) {
        for (norm, values) in self.head_norms.iter().zip(&mut scratch.projected) {
            if let Some(norm) = norm {
                let normalized = &mut scratch.normalized[..values.len()];
                normalize(config, norm, values, normalized);
                values.copy_from_slice(normalized);
            }
        }
    }

    /// x = the values of each head and token, mixed by attention.
    fn mix(&self, config: &Config, slopes: &[f32], scratch: &mut Scratch) -> Result<()> {
        let Scratch {
            x,
            projected: [queries, ..],
            heads,
            attention,
            ..
        } = scratch;
        let (tokens, size) = (x.tokens(), config.head_size);
        let factor = 1.0 / libm::sqrtf(size as f32);
        let group = config.heads / config.kv_heads;
        let mixed = x.prepare(tokens, config.query_size())?;
        for_each_chunk(mixed, size, size * tokens / 4, |index, mixed, thread| {
            let (position, head) = (index / config.heads, index % config.heads);
            let window = match self.reach {
                None => 0..tokens,
                Some(reach) => position.saturating_sub(reach)..tokens.min(position + reach + 1),
            };
            let around = Surroundings {
                position,
                window,
                factor,
                slope: slopes.get(head).copied().unwrap_or(0.0),
            };
            kernels::attend_around(
                &heads[head / group],
                &queries[index * size..][..size],
                &around,
                &mut attention.get(thread),
                mixed,
            );
        });
        Ok(())
    }
}

/// Stores keys and values where attention reads them.
fn store(config: &Config, scratch: &mut Scratch) {
    let (tokens, size, width) = (scratch.x.tokens(), config.head_size, config.key_size());
    let [_, keys, values] = &scratch.projected;
    let nanoseconds = 4 * tokens * size;
    for_each_chunk(&mut scratch.heads, 1, nanoseconds, |head, cache, _| {
        for token in 0..tokens {
            let at = token * width + head * size..token * width + (head + 1) * size;
            cache[0].store(token, &keys[at.clone()], &values[at]);
        }
    });
}

/// The slopes of ALiBi for so many heads: a geometric sequence from 2^(−8/n) to 2⁻⁸ for the first n heads, n being the
/// largest power of two, and for the others every second number of the sequence of twice as many.
pub(super) fn slopes(heads: usize) -> impl Iterator<Item = f32> {
    let whole = 1 << heads.ilog2();
    (0..heads).map(move |head| {
        let (step, all) = match head.checked_sub(whole) {
            None => (head + 1, whole),
            Some(other) => (2 * other + 1, 2 * whole),
        };
        libm::pow(2.0, -8.0 * step as f64 / all as f64) as f32
    })
}

#[cfg(test)]
mod tests {
    use super::slopes;

    /// The slopes that the paper gives for 8 heads, and those of 12 as its code has them.
    #[test]
    fn slopes_are_those_of_the_paper() {
        let eight: Vec<f32> = slopes(8).collect();
        assert_eq!(eight, [1, 2, 3, 4, 5, 6, 7, 8].map(|i| 0.5f32.powi(i)));
        let twelve: Vec<f32> = slopes(12).collect();
        assert_eq!(twelve[..8], eight);
        let others = [0.5, 1.5, 2.5, 3.5].map(|i| 2f64.powf(-i) as f32);
        assert_eq!(twelve[8..], others);
        assert_eq!(slopes(1).collect::<Vec<_>>(), [1.0 / 256.0]);
    }
}
