//! The updates as an adapter's GGUF file, in the format of llama.cpp's `convert_lora_to_gguf.py`.

use super::super::shape::Tensor;
use crate::Result;
use crate::gguf::{Value, Writer};
use crate::quant::{TensorType, quantize};

/// Writes the updates with these `weights` as an adapter for models of `architecture`.
pub(super) fn write(
    architecture: &str,
    alpha: f32,
    tensors: &[Tensor],
    weights: &[f32],
) -> Result<Vec<u8>> {
    let mut data = Vec::new();
    quantize(TensorType::F32, weights, &mut data)?;
    let mut writer = Writer::new();
    for (key, text) in [
        ("general.type", "adapter"),
        ("general.architecture", architecture),
        ("adapter.type", "lora"),
    ] {
        writer.metadata(key, Value::String(text.into()))?;
    }
    writer.metadata("adapter.lora.alpha", Value::F32(alpha))?;
    for tensor in tensors {
        let columns = tensor.columns.unwrap_or(1);
        let shape = [columns as u64, (tensor.range.len() / columns) as u64];
        let bytes = &data[4 * tensor.range.start..4 * tensor.range.end];
        writer.tensor(&tensor.name, &shape, TensorType::F32, bytes)?;
    }
    writer.to_vec()
}
