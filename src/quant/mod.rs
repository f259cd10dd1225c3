//! The block formats weights are stored in, and their reference dequantisation.
#![allow(missing_docs, unused)]
use crate::{Error, Result};

/// How a tensor's elements are stored (ggml's type numbers).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TensorType { F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2K, Q3K, Q4K, Q5K, Q6K, IQ4NL, IQ4XS }
impl TensorType {
    /// `None` for a number this crate cannot read.
    pub fn from_ggml(number: u32) -> Option<Self> { todo!() }
    /// The name of any ggml type number, also of those not supported ("IQ2_XXS"), for messages.
    pub fn ggml_name(number: u32) -> String { todo!() }
    pub fn name(self) -> &'static str { todo!() }
    /// Elements in a block.
    pub const fn block_len(self) -> usize { todo!() }
    /// Bytes in a block.
    pub const fn block_bytes(self) -> usize { todo!() }
}
/// Dequantises whole blocks: `bytes.len() / block_bytes * block_len == out.len()`, else a panic.
pub fn dequantize(kind: TensorType, bytes: &[u8], out: &mut [f32]) { todo!() }
/// IEEE 754 half → single, exact.
pub fn f16_to_f32(half: u16) -> f32 { todo!() }
/// Single → half, to nearest even.
pub fn f32_to_f16(value: f32) -> u16 { todo!() }
/// Quantises values (block-wise, the reference rounding of ggml) to `kind`; used by tests, benches and the trainer.
/// F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.
pub fn quantize(kind: TensorType, values: &[f32], out: &mut Vec<u8>) -> Result<()> { todo!() }
