//! The low-rank updates (LoRA, Hu et al. 2021) of a model's linear layers, and their layout in one flat buffer.

use std::ops::Range;

use super::super::ops::{add_product, linear, linear_backward_input, matrix, matrix_mut, product};
use super::super::shape::Tensor;
use crate::Result;
use crate::allocation::resize;
use crate::model::{DenseLinear, DenseModel};

/// The standard deviation of the initial A, in units of 1 / √columns: that of Hugging Face's PEFT, which draws from a
/// uniform distribution of this variance. B begins with zeros, so that the model begins as it was.
const SPREAD: f32 = 0.577_350_26;

/// The update of one matrix: `scale × B A` is added to it.
struct Update {
    /// The rows of the matrix among those that are [stacked](DenseLinear) with it.
    outputs: Range<usize>,
    /// Where A lies in the flat buffer, `[rank][inputs]`.
    a: Range<usize>,
    /// Where B lies, `[outputs][rank]`.
    b: Range<usize>,
}

/// The updates of one layer's linear layers.
pub(super) struct LayerUpdates {
    pub query_key_value: LinearUpdates,
    pub attention_output: LinearUpdates,
    pub gate_up: LinearUpdates,
    pub down: LinearUpdates,
}

/// The updates of linear layers that read the same input.
pub(super) struct LinearUpdates {
    list: Vec<Update>,
    rank: usize,
}

/// The updates of all layers.
pub(super) struct Updates {
    pub rank: usize,
    pub layers: Vec<LayerUpdates>,
    /// A and B of every update in the order of the flat buffer, by their names in an adapter's file.
    pub tensors: Vec<Tensor>,
}

/// Memory for the product of an input with A, and for the derivative by it.
#[derive(Default)]
pub(super) struct LowRank {
    product: Vec<f32>,
    derivative: Vec<f32>,
}

impl LowRank {
    /// Takes the memory for this many rows.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn prepare(&mut self, rows: usize, rank: usize) -> Result<()> {
        resize(&mut self.product, rows * rank, 0.0)?;
        resize(&mut self.derivative, rows * rank, 0.0)
    }
}

impl Updates {
    /// Updates of this rank for the matrices of `base` whose names without layer and ending are among `targets`.
    pub fn new(base: &DenseModel, rank: usize, targets: &[String]) -> Self {
        let mut tensors = Vec::new();
        let mut updates = |linear: &DenseLinear| LinearUpdates {
            list: updates(linear, rank, targets, &mut tensors),
            rank,
        };
        let layers = base.layers.iter().map(|layer| LayerUpdates {
            query_key_value: updates(&layer.query_key_value),
            attention_output: updates(&layer.attention_output),
            gate_up: updates(&layer.gate_up),
            down: updates(&layer.down),
        });
        Self {
            rank,
            layers: layers.collect(),
            tensors,
        }
    }

    /// Numbers in the flat buffer.
    pub fn parameters(&self) -> usize {
        self.tensors.last().map_or(0, |tensor| tensor.range.end)
    }
}

/// The updates of the matrices in `linear`; their tensors are appended to `tensors`.
fn updates(
    linear: &DenseLinear,
    rank: usize,
    targets: &[String],
    tensors: &mut Vec<Tensor>,
) -> Vec<Update> {
    let mut list = Vec::new();
    let mut first = 0;
    for (name, rows) in &linear.parts {
        let outputs = first..first + rows;
        first = outputs.end;
        if !targets
            .iter()
            .any(|target| Some(target.as_str()) == stem(name))
        {
            continue;
        }
        let mut push = |ending: &str, rows: usize, columns: usize, spread: f32| {
            let start = tensors.last().map_or(0, |tensor| tensor.range.end);
            let range = start..start + rows * columns;
            tensors.push(Tensor {
                name: format!("{name}.{ending}"),
                range: range.clone(),
                columns: Some(columns),
                spread,
            });
            range
        };
        list.push(Update {
            a: push("lora_a", rank, linear.inputs, SPREAD),
            b: push("lora_b", *rows, rank, 0.0),
            outputs,
        });
    }
    list
}

/// `attn_q` of `blk.3.attn_q.weight`.
fn stem(name: &str) -> Option<&str> {
    name.strip_suffix(".weight")?.rsplit('.').next()
}

/// A frozen linear layer with its updates: `y = (W + scale × B A) x + bias`.
#[derive(Clone, Copy)]
pub(super) struct Adapted<'a> {
    pub linear: &'a DenseLinear,
    pub updates: &'a LinearUpdates,
    /// The flat buffer of all updates.
    pub weights: &'a [f32],
    pub scale: f32,
}

impl Adapted<'_> {
    /// `x[rows][inputs]` → `out[rows][outputs]`.
    pub fn forward(self, x: &[f32], low: &mut LowRank, out: &mut [f32]) {
        let (inputs, outputs) = (self.linear.inputs, self.linear.outputs());
        let (rows, rank) = (x.len() / inputs, self.updates.rank);
        linear(x, &self.linear.weights, inputs, out);
        if let Some(bias) = &self.linear.bias {
            for out in out.chunks_exact_mut(outputs) {
                crate::kernels::add(out, bias);
            }
        }
        for update in &self.updates.list {
            linear(x, &self.weights[update.a.clone()], inputs, &mut low.product);
            let b = matrix(
                &self.weights[update.b.clone()],
                update.outputs.len(),
                rank,
                rank,
            );
            let low = matrix(&low.product, rows, rank, rank);
            let out = &mut out[update.outputs.start..];
            let out = matrix_mut(out, rows, update.outputs.len(), outputs);
            add_product(self.scale, low, b.t(), out);
        }
    }

    /// The backward pass of [`forward`](Self::forward): from `d_out` to `d_x`, and to the derivatives by A and B, which
    /// are added to `gradient`. The frozen weights get none.
    pub fn backward(
        self,
        x: &[f32],
        d_out: &[f32],
        low: &mut LowRank,
        d_x: &mut [f32],
        gradient: &mut [f32],
    ) {
        let (inputs, outputs) = (self.linear.inputs, self.linear.outputs());
        let (rows, rank) = (x.len() / inputs, self.updates.rank);
        linear_backward_input(&self.linear.weights, inputs, d_out, d_x);
        for update in &self.updates.list {
            let count = update.outputs.len();
            let a = matrix(&self.weights[update.a.clone()], rank, inputs, inputs);
            let b = matrix(&self.weights[update.b.clone()], count, rank, rank);
            let d_out = matrix(&d_out[update.outputs.start..], rows, count, outputs);
            let x = matrix(x, rows, inputs, inputs);
            let LowRank {
                product: low,
                derivative: d_low,
            } = &mut *low;
            product(1.0, x, a.t(), matrix_mut(low, rows, rank, rank));
            product(self.scale, d_out, b, matrix_mut(d_low, rows, rank, rank));
            let (low, d_low) = (
                matrix(low, rows, rank, rank),
                matrix(d_low, rows, rank, rank),
            );
            let d_b = matrix_mut(&mut gradient[update.b.clone()], count, rank, rank);
            add_product(self.scale, d_out.t(), low, d_b);
            let d_a = matrix_mut(&mut gradient[update.a.clone()], rank, inputs, inputs);
            add_product(1.0, d_low.t(), x, d_a);
            add_product(1.0, d_low, a, matrix_mut(d_x, rows, inputs, inputs));
        }
    }
}
