//! The block formats that weights are stored in, and their reference dequantisation.
//!
//! A row of a matrix is a sequence of blocks. A block holds a fixed number of consecutive elements as small integers,
//! with the scales that turn them back into numbers. The formats are ggml's: `ggml-common.h` and `ggml-quants.c` of
//! <https://github.com/ggml-org/ggml> define the meaning of a block's bytes. The floating-point operations here come in
//! the same order as there, so that the results are equal bit for bit.
//!
//! | family | module | elements in a block |
//! |---|---|---|
//! | F32, F16, BF16 | [`float`](self) | 1 |
//! | Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 | `legacy` | 32 |
//! | Q2_K … Q6_K | `k_quants` | 256, in sub-blocks of 16 or 32 with scales of their own |
//! | Q1_0, Q2_0, TQ1_0, TQ2_0 | `bits` | 128, 64, 256; a sign, one of four steps, or −1, 0 or 1 |
//! | MXFP4, NVFP4 | `fp4` | 32, 64; floats of four bits |
//! | IQ4_NL, IQ4_XS | `iq4` | 32, 256; four bits that index a table of unevenly spaced levels |
//! | IQ1_S … IQ3_S | `iq` | 256; vectors of several elements from a table of them |

mod bits;
mod float;
pub(crate) mod fp4;
mod iq;
pub(crate) mod iq4;
mod k_quants;
mod legacy;
mod matrix;
mod pack;
mod tensor_type;
// As `kernels`: no public promise.
#[doc(hidden)]
pub mod tiles;

pub use float::{f16_to_f32, f32_to_f16};
pub use matrix::{Matrix, MatrixBuilder};
pub use tensor_type::TensorType;
pub use tiles::TileFormat;

use crate::Result;
use crate::allocation::reserve;
use crate::error::invalid_option;

/// Dequantises whole blocks of the type `kind`.
///
/// # Panics
/// If `bytes` is not a whole number of blocks, or `out` does not have as many values as the blocks.
pub fn dequantize(kind: TensorType, bytes: &[u8], out: &mut [f32]) {
    let blocks = bytes.len() / kind.block_bytes();
    assert!(
        blocks * kind.block_bytes() == bytes.len() && blocks * kind.block_len() == out.len(),
        "{} bytes of {} are not {} values",
        bytes.len(),
        kind.name(),
        out.len()
    );
    match kind {
        TensorType::F32 => by_block(bytes, out, float::dequantize_f32),
        TensorType::F16 => by_block(bytes, out, float::dequantize_f16),
        TensorType::BF16 => by_block(bytes, out, float::dequantize_bf16),
        TensorType::Q4_0 => by_block(bytes, out, legacy::dequantize_q4_0),
        TensorType::Q4_1 => by_block(bytes, out, legacy::dequantize_q4_1),
        TensorType::Q5_0 => by_block(bytes, out, legacy::dequantize_q5_0),
        TensorType::Q5_1 => by_block(bytes, out, legacy::dequantize_q5_1),
        TensorType::Q8_0 => by_block(bytes, out, legacy::dequantize_q8_0),
        TensorType::Q2K => by_block(bytes, out, k_quants::dequantize_q2_k),
        TensorType::Q3K => by_block(bytes, out, k_quants::dequantize_q3_k),
        TensorType::Q4K => by_block(bytes, out, k_quants::dequantize_q4_k),
        TensorType::Q5K => by_block(bytes, out, k_quants::dequantize_q5_k),
        TensorType::Q6K => by_block(bytes, out, k_quants::dequantize_q6_k),
        TensorType::IQ4NL => by_block(bytes, out, iq4::dequantize_iq4_nl),
        TensorType::IQ4XS => by_block(bytes, out, iq4::dequantize_iq4_xs),
        TensorType::TQ1_0 => by_block(bytes, out, bits::dequantize_tq1_0),
        TensorType::TQ2_0 => by_block(bytes, out, bits::dequantize_tq2_0),
        TensorType::Q1_0 => by_block(bytes, out, bits::dequantize_q1_0),
        TensorType::Q2_0 => by_block(bytes, out, bits::dequantize_q2_0),
        TensorType::MXFP4 => by_block(bytes, out, fp4::dequantize_mxfp4),
        TensorType::NVFP4 => by_block(bytes, out, fp4::dequantize_nvfp4),
        TensorType::IQ1S
        | TensorType::IQ1M
        | TensorType::IQ2XXS
        | TensorType::IQ2XS
        | TensorType::IQ2S
        | TensorType::IQ3XXS
        | TensorType::IQ3S => iq::dequantize(kind, bytes, out),
    }
}

/// Quantises `values` block by block with ggml's reference rounding, and appends the blocks to `out`. Tests, benches
/// and the trainer use it. For F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.
///
/// # Errors
/// [`Error::InvalidOption`](crate::Error::InvalidOption) for the other types and where `values` are not a whole number of
/// blocks, [`Error::OutOfMemory`](crate::Error::OutOfMemory); `out` is then unchanged.
pub fn quantize(kind: TensorType, values: &[f32], out: &mut Vec<u8>) -> Result<()> {
    if !kind.is_quantizable() {
        let allowed = format!("one that values can be quantised to, not {}", kind.name());
        return Err(invalid_option("kind", &allowed));
    }
    let blocks = values.len() / kind.block_len();
    if blocks * kind.block_len() != values.len() {
        let (len, block) = (values.len(), kind.block_len());
        let allowed = format!("a whole number of blocks of {block}, which {len} are not");
        return Err(invalid_option("values", &allowed));
    }
    // Where the product would overflow, the allocation fails anyway.
    let size = blocks.saturating_mul(kind.block_bytes());
    reserve(out, size)?;
    for block in values.chunks_exact(kind.block_len()) {
        match kind {
            TensorType::F32 => out.extend(block[0].to_le_bytes()),
            TensorType::F16 => out.extend(f32_to_f16(block[0]).to_le_bytes()),
            TensorType::BF16 => out.extend(float::f32_to_bf16(block[0]).to_le_bytes()),
            TensorType::Q4_0 => legacy::quantize_q4_0(block, out),
            TensorType::Q4_1 => legacy::quantize_q4_1(block, out),
            TensorType::Q5_0 => legacy::quantize_q5_0(block, out),
            TensorType::Q5_1 => legacy::quantize_q5_1(block, out),
            TensorType::Q8_0 => legacy::quantize_q8_0(block, out),
            _ => unreachable!("checked above"),
        }
    }
    Ok(())
}

/// Runs `dequantize` on each block of `BYTES` bytes and its `LEN` values.
fn by_block<const BYTES: usize, const LEN: usize>(
    bytes: &[u8],
    out: &mut [f32],
    dequantize: fn(&[u8; BYTES], &mut [f32; LEN]),
) {
    let (blocks, _) = bytes.as_chunks();
    let (outs, _) = out.as_chunks_mut();
    for (block, out) in blocks.iter().zip(outs) {
        dequantize(block, out);
    }
}

/// The half-precision number at byte `at`, in single precision.
fn f16_at(block: &[u8], at: usize) -> f32 {
    f16_to_f32(u16::from_le_bytes([block[at], block[at + 1]]))
}
