//! What keys are divided by before they are kept, and queries multiplied by.
//!
//! Integers that share a step keep best what is of one size, and models have single dimensions of keys that are
//! a hundred times as large as their neighbours. Divided by how large each is to be expected, keys are even; with
//! the queries multiplied by the same, no score changes. RoPE turns two dimensions into each other, so these
//! share a number. All numbers are powers of two, which change the exponents of floats and nothing else.

use super::Config;
use super::architecture::Positions;
use super::weights::{HeadNorm, Norm, Projection};
use crate::Result;

/// How many standard deviations of a dimension are to be expected.
const DEVIATIONS: f32 = 3.0;
/// The largest number, and what the smallest is one over.
const LARGEST: f32 = 1_048_576.0;

/// What the layer `index` multiplies the queries of all heads by, and the keys of all heads.
pub(super) fn factors(
    config: &Config,
    index: usize,
    norm: Option<&Norm>,
    projection: &Projection,
    key_norm: Option<&HeadNorm>,
) -> Result<[Vec<f32>; 2]> {
    let sizes = key_sizes(config, norm, projection, key_norm)?;
    let (head, group) = (config.head_size, config.heads_per_kv_head());
    let (mut queries, mut keys) = (Vec::new(), Vec::new());
    super::resize(&mut queries, config.query_size())?;
    super::resize(&mut keys, config.kv_size())?;
    let rotated = match config.layer_positions(index).rope {
        Some(_) => config.rope_size,
        None => 0,
    };
    for at in 0..keys.len() {
        let (kv_head, d) = (at / head, at % head);
        let partner = match config.architecture.positions {
            _ if d >= rotated => d,
            Positions::RotatedHalves => (d + rotated / 2) % rotated,
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

/// How large each dimension of a key is to be expected, of all heads: `|bias| + 3 × ‖row of the matrix × norm‖`,
/// as a normalised input of independent numbers would make it; times the weight of the keys' own norm, where they
/// have one.
fn key_sizes(
    config: &Config,
    norm: Option<&Norm>,
    projection: &Projection,
    key_norm: Option<&HeadNorm>,
) -> Result<Vec<f32>> {
    let (linear, first) = match projection {
        Projection::Separate([_, keys, _]) => (keys, 0),
        Projection::Fused(all) => (all, config.query_size()),
    };
    let (mut sizes, mut row) = (Vec::new(), Vec::new());
    super::resize(&mut sizes, config.kv_size())?;
    super::resize(&mut row, config.hidden_size)?;
    for (d, size) in sizes.iter_mut().enumerate() {
        linear.matrix.dequantize_row(first + d, &mut row);
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
        *size = mean.abs() + DEVIATIONS * libm::sqrtf(squares);
        if let Some(norm) = key_norm {
            *size *= norm.weight[d % norm.weight.len()].abs();
        }
    }
    Ok(sizes)
}

/// The power of two nearest to `x`, within bounds that hold whatever a file says.
#[allow(clippy::manual_clamp, reason = "what is no number is the smallest")]
fn power_of_two(x: f32) -> f32 {
    let x = (x * std::f32::consts::SQRT_2)
        .max(1.0 / LARGEST)
        .min(LARGEST);
    f32::from_bits(x.to_bits() & f32::INFINITY.to_bits())
}
