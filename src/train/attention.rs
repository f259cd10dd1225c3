//! Causal self-attention over whole sequences, forward and backward.

use super::ops::{add_product, matrix, matrix_mut, product};
use super::shape::{ROPE_BASE, Shape};
use crate::kernels;

/// Queries computed at once. Keys behind the last query of a block are masked for all of them, and left out.
pub(super) const BLOCK: usize = 64;

/// The heads of an attention layer. With fewer key and value heads than query heads, each serves a group of query heads
/// (grouped-query attention, Ainslie et al. 2023).
#[derive(Debug, Clone, Copy)]
pub(super) struct Heads {
    /// Query heads.
    pub queries: usize,
    /// Key and value heads, a divisor of the query heads.
    pub key_values: usize,
    /// Values in one head's query, key or value.
    pub size: usize,
}

impl Heads {
    /// The heads of a model of this shape.
    pub fn of(shape: &Shape) -> Self {
        Self {
            queries: shape.heads,
            key_values: shape.heads,
            size: shape.head_size(),
        }
    }

    /// Values in the queries of a token, and in the outputs of its heads.
    pub fn query_size(self) -> usize {
        self.queries * self.size
    }

    /// Values in the keys of a token; its values are as many.
    pub fn key_size(self) -> usize {
        self.key_values * self.size
    }

    /// Values in a row: all queries of a token, all keys, all values.
    pub fn row_size(self) -> usize {
        self.query_size() + 2 * self.key_size()
    }

    /// Where in a row the query, the key and the value of a query head begin.
    fn offsets(self, head: usize) -> [usize; 3] {
        let shared = head / (self.queries / self.key_values) * self.size;
        let keys = self.query_size();
        [
            head * self.size,
            keys + shared,
            keys + self.key_size() + shared,
        ]
    }
}

/// The cosines and sines of RoPE (Su et al. 2021) for every position, in the layout that `kernels::rotate_pairs` reads.
pub(super) struct Rope {
    cos: Vec<f32>,
    sin: Vec<f32>,
    minus_sin: Vec<f32>,
    head_size: usize,
}

impl Rope {
    pub fn new(shape: &Shape) -> Self {
        let head_size = shape.head_size();
        let (mut cos, mut sin) = (Vec::new(), Vec::new());
        for position in 0..shape.context_length {
            for pair in 0..head_size / 2 {
                let exponent = -2.0 * pair as f64 / head_size as f64;
                let angle = position as f64 * libm::pow(f64::from(ROPE_BASE), exponent);
                let (s, c) = libm::sincos(angle);
                cos.extend([c as f32; 2]);
                sin.extend([-s as f32, s as f32]);
            }
        }
        let minus_sin = sin.iter().map(|s| -s).collect();
        Self {
            cos,
            sin,
            minus_sin,
            head_size,
        }
    }

    /// Rotates the heads in `row`, the queries or keys of one position. `backwards` rotates the other way, which undoes
    /// a rotation and is also its derivative, because the matrix is orthogonal.
    fn rotate(&self, row: &mut [f32], position: usize, backwards: bool) {
        let at = position * self.head_size..(position + 1) * self.head_size;
        let sin = if backwards {
            &self.minus_sin
        } else {
            &self.sin
        };
        for head in row.chunks_exact_mut(self.head_size) {
            kernels::rotate_pairs(head, &self.cos[at.clone()], &sin[at.clone()]);
        }
    }

    /// Rotates the queries and keys of sequences of `length` tokens. Each of `rows` is a query, a key and a value.
    pub fn rotate_all(&self, rows: &mut [f32], hidden: usize, length: usize, backwards: bool) {
        for (index, row) in rows.chunks_exact_mut(3 * hidden).enumerate() {
            self.rotate(&mut row[..2 * hidden], index % length, backwards);
        }
    }
}

/// Attention: writes `out[token][hidden]` from rows of query, key and value, for sequences of `length` tokens. The
/// attention weights go to `probabilities`, `[sequence][head][length][length]`, for the backward pass.
pub(super) fn attend(
    heads: Heads,
    length: usize,
    rows: &[f32],
    probabilities: &mut [f32],
    out: &mut [f32],
) {
    let (hidden, size) = (heads.query_size(), heads.size);
    let stride = heads.row_size();
    let factor = 1.0 / libm::sqrtf(size as f32);
    let maps = probabilities.chunks_exact_mut(length * length);
    for (index, map) in maps.enumerate() {
        let (sequence, head) = (index / heads.queries, index % heads.queries);
        let rows = &rows[sequence * length * stride..];
        let out = &mut out[sequence * length * hidden..];
        let [query, key, value] = heads.offsets(head).map(|offset| &rows[offset..]);
        for start in (0..length).step_by(BLOCK) {
            let end = length.min(start + BLOCK);
            let count = end - start;
            let map = &mut map[start * length..];
            product(
                factor,
                matrix(&query[start * stride..], count, size, stride),
                matrix(key, end, size, stride).t(),
                matrix_mut(map, count, end, length),
            );
            for (row, map) in map.chunks_mut(length).take(count).enumerate() {
                let (past, future) = map[..end].split_at_mut(start + row + 1);
                kernels::softmax(past);
                future.fill(0.0);
            }
            product(
                1.0,
                matrix(map, count, end, length),
                matrix(value, end, size, stride),
                matrix_mut(
                    &mut out[start * hidden + head * size..],
                    count,
                    size,
                    hidden,
                ),
            );
        }
    }
}

/// The backward pass of [`attend`]: the derivative by `rows` goes to `d_rows`. `scratch` holds at least
/// [`BLOCK`] × `length` values.
pub(super) fn attend_backward(
    heads: Heads,
    length: usize,
    rows: &[f32],
    probabilities: &[f32],
    d_out: &[f32],
    d_rows: &mut [f32],
    scratch: &mut [f32],
) {
    let (hidden, size) = (heads.query_size(), heads.size);
    let stride = heads.row_size();
    let factor = 1.0 / libm::sqrtf(size as f32);
    d_rows.fill(0.0);
    for (index, map) in probabilities.chunks_exact(length * length).enumerate() {
        let (sequence, head) = (index / heads.queries, index % heads.queries);
        let first = sequence * length;
        let (rows, d_rows) = (&rows[first * stride..], &mut d_rows[first * stride..]);
        let d_out = &d_out[first * hidden + head * size..];
        let [query, key, value] = heads.offsets(head);
        for start in (0..length).step_by(BLOCK) {
            let end = length.min(start + BLOCK);
            let count = end - start;
            let map = &map[start * length..];
            let d_out = matrix(&d_out[start * hidden..], count, size, hidden);
            let values = matrix(&rows[value..], end, size, stride);
            product(1.0, d_out, values.t(), matrix_mut(scratch, count, end, end));
            let weights = matrix(map, count, end, length);
            let d_values = matrix_mut(&mut d_rows[value..], end, size, stride);
            add_product(1.0, weights.t(), d_out, d_values);
            softmax_backward(map, length, scratch, end, count);
            let d_scores = matrix(scratch, count, end, end);
            product(
                factor,
                d_scores,
                matrix(&rows[key..], end, size, stride),
                matrix_mut(&mut d_rows[start * stride + query..], count, size, stride),
            );
            let queries = matrix(&rows[start * stride + query..], count, size, stride);
            let d_keys = matrix_mut(&mut d_rows[key..], end, size, stride);
            add_product(factor, d_scores.t(), queries, d_keys);
        }
    }
}

/// The backward pass of softmax, `d = p × (d − Σ p × d)`, for `rows` rows of `columns` values. The rows of `p` begin
/// `stride` values apart, those of `d` follow each other.
fn softmax_backward(p: &[f32], stride: usize, d: &mut [f32], columns: usize, rows: usize) {
    let p = p.chunks(stride).take(rows);
    for (p, d) in p.zip(d.chunks_exact_mut(columns)) {
        let dot: f32 = p.iter().zip(d.iter()).map(|(p, d)| p * d).sum();
        for (d, p) in d.iter_mut().zip(p) {
            *d = p * (*d - dot);
        }
    }
}
