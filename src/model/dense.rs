//! The weights of a model in single precision, for fine-tuning, whose matrix products run on floats.
//!
//! They take four bytes each, whatever the model's file stores them in.

use std::sync::Arc;

use super::feed_forward::FeedForwardInput;
use super::layer::{FeedForwardKind, Layer};
use super::linear::{Linear, Projection};
use super::{Config, Model};
use crate::allocation::{copy, resize};
use crate::quant::Matrix;
use crate::{Error, Result};

/// The architectures whose layers are those of [`DenseLayer`].
const SUPPORTED: [&str; 2] = ["llama", "qwen2"];

/// The weights of a model, dequantised, and its RoPE angles.
pub(crate) struct DenseModel {
    model: Arc<Model>,
    /// `[vocabulary_size][hidden_size]`.
    pub embedding: Vec<f32>,
    /// The weights of the head, `[vocabulary_size][hidden_size]`; `None` where it shares those of the embedding.
    head: Option<Vec<f32>>,
    pub final_norm: Vec<f32>,
    pub layers: Vec<DenseLayer>,
    /// Cosines and sines of every position, in the layout that [`Rope::rotate`](super::rope::Rope::rotate) reads.
    cos: Vec<f32>,
    sin: Vec<f32>,
    minus_sin: Vec<f32>,
}

/// The weights of one layer: RMSNorm, attention, RMSNorm, SwiGLU.
pub(crate) struct DenseLayer {
    pub attention_norm: Vec<f32>,
    pub query_key_value: DenseLinear,
    pub attention_output: DenseLinear,
    pub feed_forward_norm: Vec<f32>,
    pub gate_up: DenseLinear,
    pub down: DenseLinear,
}

/// Linear layers that read the same input, as one: their matrices stand one above the other.
pub(crate) struct DenseLinear {
    /// The name of each matrix in the file, and its rows.
    pub parts: Vec<(String, usize)>,
    /// Columns of the matrices.
    pub inputs: usize,
    /// `[outputs][inputs]`.
    pub weights: Vec<f32>,
    /// `[outputs]`, with zeros for layers that have none; `None` where no layer has one.
    pub bias: Option<Vec<f32>>,
}

impl DenseModel {
    /// Dequantises the weights of `model`, and computes the angles of `positions` positions.
    ///
    /// # Errors
    /// [`Error::BadMetadata`] for a model of another architecture or with other layers, [`Error::OutOfMemory`].
    pub fn new(model: &Arc<Model>, positions: usize) -> Result<Self> {
        let (config, transformer) = (&model.config, &model.transformer);
        let name = config.architecture.name;
        if !SUPPORTED.contains(&name) {
            return Err(unusable(format!(
                "it is {name:?}, and fine-tuning knows {}",
                SUPPORTED.join(" and ")
            )));
        }
        let other = || unusable("the model's layers are not those that fine-tuning knows".into());
        let head = model.head.matrix().ok_or_else(other)?;
        let head = match Arc::ptr_eq(head, &transformer.token_embedding.matrix) {
            true => None,
            false => Some(dequantized(head)?),
        };
        let layers = transformer.layers.iter();
        let mut dense = Self {
            model: Arc::clone(model),
            embedding: dequantized(&transformer.token_embedding.matrix)?,
            head,
            final_norm: copy(&transformer.final_norm.weight)?,
            layers: layers
                .map(|layer| DenseLayer::new(layer)?.ok_or_else(other))
                .collect::<Result<_>>()?,
            cos: Vec::new(),
            sin: Vec::new(),
            minus_sin: Vec::new(),
        };
        dense.compute_angles(positions)?;
        Ok(dense)
    }

    fn compute_angles(&mut self, positions: usize) -> Result<()> {
        let rope = &self.model.transformer.ropes[0];
        let stride = rope.stride();
        let len = positions.saturating_mul(stride);
        for values in [&mut self.cos, &mut self.sin, &mut self.minus_sin] {
            resize(values, len, 0.0)?;
        }
        let rows = self.cos.chunks_exact_mut(stride);
        for (position, (cos, sin)) in rows.zip(self.sin.chunks_exact_mut(stride)).enumerate() {
            // With the frequencies of a text that may become as long as the model allows, as it has by default.
            rope.angles(position, self.model.config.context_length, cos, sin);
        }
        for (minus, sin) in self.minus_sin.iter_mut().zip(&self.sin) {
            *minus = -sin;
        }
        Ok(())
    }

    /// The configuration of the model.
    pub fn config(&self) -> &Config {
        &self.model.config
    }

    /// The weights of the head, `[vocabulary_size][hidden_size]`.
    pub fn head(&self) -> &[f32] {
        self.head.as_deref().unwrap_or(&self.embedding)
    }

    /// Rotates the heads in `row`, queries or keys of one position, by RoPE. `backwards` is the derivative of that: the
    /// rotation the other way.
    pub fn rotate(&self, row: &mut [f32], position: usize, backwards: bool) {
        let rope = &self.model.transformer.ropes[0];
        let at = position * rope.stride()..(position + 1) * rope.stride();
        let sin = match backwards {
            true => &self.minus_sin,
            false => &self.sin,
        };
        let size = self.model.config.head_size;
        rope.rotate(row, size, &self.cos[at.clone()], &sin[at]);
    }
}

impl DenseLayer {
    /// The weights of `layer`; `None` where it is built in another way.
    fn new(layer: &Layer) -> Result<Option<Self>> {
        let (Projection::Separate(projections), Some(FeedForwardKind::Dense(network))) =
            (&layer.token_mixer.projection, &layer.feed_forward)
        else {
            return Ok(None);
        };
        let FeedForwardInput::Gated { gate, up } = &network.input else {
            return Ok(None);
        };
        let (Some(attention_norm), Some(feed_forward_norm)) =
            (&layer.token_mixer_norm, &layer.feed_forward_norm)
        else {
            return Ok(None);
        };
        Ok(Some(Self {
            attention_norm: copy(&attention_norm.weight)?,
            query_key_value: DenseLinear::stack(&projections.each_ref())?,
            attention_output: DenseLinear::stack(&[&layer.token_mixer.output])?,
            feed_forward_norm: copy(&feed_forward_norm.weight)?,
            gate_up: DenseLinear::stack(&[gate, up])?,
            down: DenseLinear::stack(&[&network.down])?,
        }))
    }
}

impl DenseLinear {
    /// `layers` one above the other. All have as many inputs as the first.
    fn stack(layers: &[&Linear]) -> Result<Self> {
        let inputs = layers[0].matrix.cols();
        let mut dense = Self {
            parts: Vec::new(),
            inputs,
            weights: Vec::new(),
            bias: None,
        };
        let outputs = layers.iter().map(|layer| layer.matrix.rows()).sum();
        resize(&mut dense.weights, inputs.saturating_mul(outputs), 0.0)?;
        let mut first = 0;
        for layer in layers {
            let rows = layer.matrix.rows();
            let weights = &mut dense.weights[first * inputs..][..rows * inputs];
            dequantize(&layer.matrix, weights);
            weights.iter_mut().for_each(|weight| *weight *= layer.scale);
            if let Some(bias) = &layer.bias {
                let all = dense.bias.get_or_insert_default();
                resize(all, outputs, 0.0)?;
                all[first..first + rows].copy_from_slice(bias);
            }
            dense.parts.push((layer.name.clone(), rows));
            first += rows;
        }
        Ok(dense)
    }

    /// Rows of the matrices together.
    pub fn outputs(&self) -> usize {
        self.weights.len() / self.inputs
    }
}

fn dequantized(matrix: &Matrix) -> Result<Vec<f32>> {
    let mut values = Vec::new();
    resize(
        &mut values,
        matrix.rows().saturating_mul(matrix.cols()),
        0.0,
    )?;
    dequantize(matrix, &mut values);
    Ok(values)
}

/// Writes the values of `matrix` to the beginning of `out`, row by row.
fn dequantize(matrix: &Matrix, out: &mut [f32]) {
    let rows = out.chunks_exact_mut(matrix.cols()).take(matrix.rows());
    for (index, row) in rows.enumerate() {
        matrix.dequantize_row(index, row);
    }
}

fn unusable(reason: String) -> Error {
    Error::BadMetadata {
        key: "general.architecture".into(),
        reason,
    }
}
