//! Scales that make keys easier to quantise for the KV cache: keys are divided by them, queries multiplied.
//!
//! A quantised block shares one scale, so it is precise where its values are of similar size. But models have single
//! dimensions of keys that are a hundred times as large as their neighbours. Each dimension of the keys is divided by
//! its expected size, and the same dimension of the queries is multiplied by it, so that no attention score changes.
//! RoPE mixes the two dimensions of a pair, so these share a factor. All factors are powers of two, which change only
//! the exponents of floats and so add no rounding error.

use super::Config;
use super::architecture::Positions;
use super::linear::Projection;
use super::norm::{HeadNorm, Norm};
use crate::Result;
use crate::allocation::resize;

/// The expected size of a dimension in standard deviations.
const SIGMAS: f32 = 3.0;
/// The largest expected size; the smallest is 1 over it.
const MAX_SIZE: f32 = 1_048_576.0;

/// The scales of the layer `index`: what the queries of all heads are multiplied by, `[query_size]`, and the keys of
/// all heads, `[kv_size]`.
pub(super) fn query_and_key_scales(
    config: &Config,
    index: usize,
    norm: Option<&Norm>,
    projection: &Projection,
    key_norm: Option<&HeadNorm>,
) -> Result<[Vec<f32>; 2]> {
    let sizes = key_sizes(config, index, norm, projection, key_norm)?;
    let (head, group) = (config.layer_head_size(index), config.heads_per_kv_head());
    let (mut queries, mut keys) = (Vec::new(), Vec::new());
    resize(&mut queries, config.query_size(index), 0.0)?;
    resize(&mut keys, config.kv_size(index), 0.0)?;
    let rotated = match config.layer_positions(index).rope {
        Some(_) => (config.window_of(index)).map_or(config.rope_size, |window| window.rope_size),
        None => 0,
    };
    for at in 0..keys.len() {
        let (kv_head, d) = (at / head, at % head);
        let partner = match config.architecture.positions {
            _ if d >= rotated => d,
            Positions::NeoxRope => (d + rotated / 2) % rotated,
            _ => d ^ 1,
        };
        let size = power_of_two(sizes[at].max(sizes[kv_head * head + partner]));
        keys[at] = 1.0 / size;
        for query in kv_head * group..(kv_head + 1) * group {
            queries[query * head + d] = size;
        }
    }
    Ok([queries, keys])
}

/// The expected size of each dimension of the keys, all heads, `[kv_size]`: `|bias| + 3 × ‖row of the matrix × norm‖`, the
/// matrix times its scale, which assumes normalised inputs that are independent of each other; times the weight of the keys' own norm, where
/// they have one.
fn key_sizes(
    config: &Config,
    index: usize,
    norm: Option<&Norm>,
    projection: &Projection,
    key_norm: Option<&HeadNorm>,
) -> Result<Vec<f32>> {
    let (linear, first) = match projection {
        Projection::Separate([_, keys, _]) => (keys, 0),
        Projection::Fused(all) => (all, config.query_and_gate_size(index)),
    };
    let (mut sizes, mut row) = (Vec::new(), Vec::new());
    resize(&mut sizes, config.kv_size(index), 0.0)?;
    resize(&mut row, config.hidden_size, 0.0)?;
    for (d, size) in sizes.iter_mut().enumerate() {
        linear.matrix.dequantize_row(first + d, &mut row);
        row.iter_mut().for_each(|weight| *weight *= linear.scale);
        let (mut mean, mut squares) = (0.0, 0.0);
        if let Some(bias) = &linear.bias {
            mean = bias[first + d];
        }
        for (column, weight) in row.iter().enumerate() {
            let scaled = weight * norm.map_or(1.0, |norm| norm.weight[column]);
            squares += scaled * scaled;
            if let Some(bias) = norm.and_then(|norm| norm.bias.as_ref()) {
                mean += weight * bias[column];
            }
        }
        *size = mean.abs() + SIGMAS * libm::sqrtf(squares);
        if let Some(norm) = key_norm {
            *size *= norm.weight[d % norm.weight.len()].abs();
        }
    }
    Ok(sizes)
}

/// The power of two nearest to `x`, within bounds whatever `x` is, NaN included.
#[allow(clippy::manual_clamp, reason = "what is no number is the smallest")]
fn power_of_two(x: f32) -> f32 {
    let x = (x * std::f32::consts::SQRT_2)
        .max(1.0 / MAX_SIZE)
        .min(MAX_SIZE);
    f32::from_bits(x.to_bits() & f32::INFINITY.to_bits())
}
