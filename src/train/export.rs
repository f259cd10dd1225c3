//! The trained model as a GGUF file.

use super::Trainer;
use super::shape::{NORM_EPSILON, ROPE_BASE, Shape};
use crate::error::invalid_option;
use crate::gguf::{Value, Writer};
use crate::quant::{TensorType, quantize};
use crate::{Error, Result};

/// The tensor type called `name`: "f32", "f16" or "q8_0".
///
/// # Errors
/// [`Error::InvalidOption`] for any other name.
pub fn storage_type(name: &str) -> Result<TensorType> {
    match name {
        "f32" => Ok(TensorType::F32),
        "f16" => Ok(TensorType::F16),
        "q8_0" => Ok(TensorType::Q8_0),
        _ => Err(refused()),
    }
}

fn refused() -> Error {
    invalid_option("type", "\"f32\", \"f16\" or \"q8_0\"")
}

impl Trainer {
    /// The model in its best state (see [`Trainer::best`]) as a GGUF file. Matrices are stored as `kind`: F32, F16 or
    /// Q8_0.
    ///
    /// # Errors
    /// [`Error::InvalidOption`] for another type, [`Error::OutOfMemory`].
    pub fn to_gguf(&self, kind: TensorType) -> Result<Vec<u8>> {
        write(self, self.best_state()?.1, kind)
    }
}

/// Writes the model of `trainer` with the given `weights` as a GGUF file. Matrices are stored as `kind`, the weights of
/// norms in F32.
pub(super) fn write(trainer: &Trainer, weights: &[f32], kind: TensorType) -> Result<Vec<u8>> {
    let file_type = match kind {
        TensorType::F32 => 0,
        TensorType::F16 => 1,
        TensorType::Q8_0 => 7,
        _ => return Err(refused()),
    };
    let mut data = Vec::new();
    for tensor in trainer.tensors() {
        let kind = tensor.columns.map_or(TensorType::F32, |_| kind);
        let mut bytes = Vec::new();
        quantize(kind, &weights[tensor.range.clone()], &mut bytes)?;
        data.push((kind, bytes));
    }
    let mut writer = Writer::new();
    for (key, value) in metadata(trainer.shape()) {
        writer.metadata(key, value)?;
    }
    writer.metadata("general.file_type", Value::U32(file_type))?;
    for (key, value) in trainer.corpus.vocabulary.metadata() {
        writer.metadata(key, value)?;
    }
    for (tensor, (kind, bytes)) in trainer.tensors().iter().zip(&data) {
        let columns = tensor.columns.unwrap_or(tensor.range.len());
        let mut shape = vec![columns as u64];
        if tensor.columns.is_some() {
            shape.push((tensor.range.len() / columns) as u64);
        }
        writer.tensor(&tensor.name, &shape, *kind, bytes)?;
    }
    writer.to_vec()
}

fn metadata(shape: &Shape) -> Vec<(&'static str, Value)> {
    let text = |text: &str| Value::String(text.into());
    let number = |number: usize| Value::U32(number as u32);
    vec![
        ("general.architecture", text("llama")),
        ("general.name", text("nexttoken")),
        ("llama.vocab_size", number(shape.vocabulary_size)),
        ("llama.context_length", number(shape.context_length)),
        ("llama.embedding_length", number(shape.hidden_size)),
        ("llama.block_count", number(shape.layers)),
        ("llama.feed_forward_length", number(shape.feed_forward_size)),
        ("llama.attention.head_count", number(shape.heads)),
        ("llama.attention.head_count_kv", number(shape.heads)),
        (
            "llama.attention.layer_norm_rms_epsilon",
            Value::F32(NORM_EPSILON),
        ),
        ("llama.rope.dimension_count", number(shape.head_size())),
        ("llama.rope.freq_base", Value::F32(ROPE_BASE)),
    ]
}
