//! The operations of the network, each with its backward pass.
//!
//! Matrix products go through ndarray to `matrixmultiply`; everything else is plain loops in a fixed order. A backward
//! pass takes the derivative of the loss by the operation's output (`d_out`) and computes those by its inputs and
//! weights.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, ShapeBuilder};

use crate::kernels;

/// A view of `values` as a matrix of `rows` × `columns`, whose rows begin `stride` values apart.
///
/// # Panics
/// If `values` is too short.
pub(super) fn matrix(
    values: &[f32],
    rows: usize,
    columns: usize,
    stride: usize,
) -> ArrayView2<'_, f32> {
    let shape = (rows, columns).strides((stride, 1));
    ArrayView2::from_shape(shape, values).expect("the matrix lies within its buffer")
}

/// Like [`matrix`], with elements that can be written.
pub(super) fn matrix_mut(
    values: &mut [f32],
    rows: usize,
    columns: usize,
    stride: usize,
) -> ArrayViewMut2<'_, f32> {
    let shape = (rows, columns).strides((stride, 1));
    ArrayViewMut2::from_shape(shape, values).expect("the matrix lies within its buffer")
}

/// `out = factor × a × b`.
pub(super) fn product(
    factor: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    mut out: ArrayViewMut2<'_, f32>,
) {
    general_mat_mul(factor, &a, &b, 0.0, &mut out);
}

/// `out += factor × a × b`.
pub(super) fn add_product(
    factor: f32,
    a: ArrayView2<'_, f32>,
    b: ArrayView2<'_, f32>,
    mut out: ArrayViewMut2<'_, f32>,
) {
    general_mat_mul(factor, &a, &b, 1.0, &mut out);
}

/// A linear layer, `out[rows][outputs] = x[rows][inputs] × weightᵀ`, with `weight[outputs][inputs]`.
pub(super) fn linear(x: &[f32], weight: &[f32], inputs: usize, out: &mut [f32]) {
    let (rows, outputs) = (x.len() / inputs, weight.len() / inputs);
    let weight = matrix(weight, outputs, inputs, inputs);
    let x = matrix(x, rows, inputs, inputs);
    product(1.0, x, weight.t(), matrix_mut(out, rows, outputs, outputs));
}

/// The backward pass of [`linear`]: `d_x = d_out × weight`, `d_weight += d_outᵀ × x`.
pub(super) fn linear_backward(
    x: &[f32],
    weight: &[f32],
    inputs: usize,
    d_out: &[f32],
    d_x: &mut [f32],
    d_weight: &mut [f32],
) {
    linear_backward_input(weight, inputs, d_out, d_x);
    let (rows, outputs) = (x.len() / inputs, weight.len() / inputs);
    let x = matrix(x, rows, inputs, inputs);
    let d_out = matrix(d_out, rows, outputs, outputs);
    let d_weight = matrix_mut(d_weight, outputs, inputs, inputs);
    add_product(1.0, d_out.t(), x, d_weight);
}

/// The half of [`linear_backward`] that frozen weights need: `d_x = d_out × weight`.
pub(super) fn linear_backward_input(weight: &[f32], inputs: usize, d_out: &[f32], d_x: &mut [f32]) {
    let outputs = weight.len() / inputs;
    let rows = d_out.len() / outputs;
    let weight = matrix(weight, outputs, inputs, inputs);
    let d_out = matrix(d_out, rows, outputs, outputs);
    product(1.0, d_out, weight, matrix_mut(d_x, rows, inputs, inputs));
}

/// RMSNorm of every row, as [`kernels::rms_norm`].
pub(super) fn norm(x: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let size = weight.len();
    for (x, out) in x.chunks_exact(size).zip(out.chunks_exact_mut(size)) {
        kernels::rms_norm(x, weight, epsilon, out);
    }
}

/// The backward pass of [`norm`], with `r = 1 / √(mean(x²) + ε)`:
/// `d_x += r × (d_out × weight) − x × r³ × mean(d_out × weight × x)`, `d_weight += d_out × x × r`.
pub(super) fn norm_backward(
    x: &[f32],
    weight: &[f32],
    epsilon: f32,
    d_out: &[f32],
    d_x: &mut [f32],
    d_weight: &mut [f32],
) {
    let size = weight.len();
    let rows = x.chunks_exact(size).zip(d_out.chunks_exact(size));
    for ((x, d_out), d_x) in rows.zip(d_x.chunks_exact_mut(size)) {
        let (mut squares, mut dot) = (0.0, 0.0);
        for ((x, d_out), weight) in x.iter().zip(d_out).zip(weight) {
            squares += x * x;
            dot += d_out * weight * x;
        }
        let r = 1.0 / (squares / size as f32 + epsilon).sqrt();
        let shared = r * r * r * dot / size as f32;
        for i in 0..size {
            d_x[i] += r * d_out[i] * weight[i] - shared * x[i];
            d_weight[i] += d_out[i] * x[i] * r;
        }
    }
}

/// SwiGLU of every row, `out = silu(gate) × up`, where a row of `gate_up` holds `gate` and then `up`.
pub(super) fn swiglu(gate_up: &[f32], size: usize, out: &mut [f32]) {
    let rows = gate_up.chunks_exact(2 * size);
    for (gate_up, out) in rows.zip(out.chunks_exact_mut(size)) {
        let (gate, up) = gate_up.split_at(size);
        out.copy_from_slice(gate);
        kernels::silu_mul(out, up);
    }
}

/// The backward pass of [`swiglu`]; with σ the logistic function, silu′(g) = σ(g) × (1 + g × (1 − σ(g))).
pub(super) fn swiglu_backward(gate_up: &[f32], size: usize, d_out: &[f32], d_gate_up: &mut [f32]) {
    let rows = gate_up
        .chunks_exact(2 * size)
        .zip(d_out.chunks_exact(size))
        .zip(d_gate_up.chunks_exact_mut(2 * size));
    for ((gate_up, d_out), d_gate_up) in rows {
        let (gate, up) = gate_up.split_at(size);
        let (d_gate, d_up) = d_gate_up.split_at_mut(size);
        for i in 0..size {
            let sigmoid = kernels::sigmoid(gate[i]);
            d_gate[i] = d_out[i] * up[i] * sigmoid * (1.0 + gate[i] * (1.0 - sigmoid));
            d_up[i] = d_out[i] * gate[i] * sigmoid;
        }
    }
}

/// The cross-entropy of `target`, in nats: −ln of its probability under softmax. The logits are replaced by the
/// probabilities.
pub(super) fn cross_entropy(logits: &mut [f32], target: u32) -> f64 {
    let logit = logits[target as usize];
    f64::from(kernels::softmax(logits) - logit)
}

/// The derivative of the cross-entropy by the logits, times `scale`: the probabilities, minus one for the target.
pub(super) fn cross_entropy_backward(probabilities: &mut [f32], target: u32, scale: f32) {
    probabilities[target as usize] -= 1.0;
    for value in probabilities {
        *value *= scale;
    }
}
