//! The input of a matrix product, quantised at most once, however many matrices it is multiplied with.

use super::threads::for_each_chunk;
use crate::Result;
use crate::allocation::reserve_total;
use crate::quant::tiles::TILE_COLS;

/// 32 activations of one token as int8, with their scale and the sums that some formats need.
#[derive(Debug, Clone, Copy, Default)]
#[repr(C, align(16))]
pub(super) struct Block {
    /// The quantised activations, −127 to 127.
    pub q: [i8; TILE_COLS],
    /// The scale: an activation is scale × q.
    pub scale: f32,
    /// scale × Σ q.
    pub scaled_sum: f32,
    /// Σ q.
    pub sum: i32,
    /// Σ q of the first 16.
    pub low_sum: i32,
}

/// Bytes of a block's integers in the form that a machine's dot products read ("packed"); see
/// [`Isa::pack`](super::isa::Isa::pack).
pub(super) const PACKED_BYTES: usize = 80;

/// Activations, `[tokens][cols]`: as floats, and in blocks of 32 as int8 with a scale.
#[derive(Debug, Default)]
pub struct Activations {
    pub(super) tokens: usize,
    cols: usize,
    values: Vec<f32>,
    is_quantized: bool,
    is_packed: bool,
    /// `[token][block]`.
    pub(super) blocks: Vec<Block>,
    /// `[token][block]`: the integers as the machine's dot products read them, where these need another form.
    pub(super) packed: Vec<[u8; PACKED_BYTES]>,
}

impl Activations {
    /// Sets the shape and returns the values, row by row, to be written.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`](crate::Error::OutOfMemory).
    pub fn prepare(&mut self, tokens: usize, cols: usize) -> Result<&mut [f32]> {
        let len = tokens * cols;
        let missing = len.saturating_sub(self.values.len());
        if missing > 0 {
            // Take memory for the quantised forms too, so that nothing can fail half-way through a layer.
            let blocks = len / TILE_COLS;
            reserve_total(&mut self.values, len)?;
            reserve_total(&mut self.blocks, blocks)?;
            reserve_total(&mut self.packed, blocks)?;
        }
        (self.tokens, self.cols) = (tokens, cols);
        (self.is_quantized, self.is_packed) = (false, false);
        self.values.resize(len, 0.0);
        Ok(&mut self.values)
    }

    /// The number of tokens, which are the rows.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// The number of values of each token.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// The values of one token.
    pub fn values(&self, token: usize) -> &[f32] {
        &self.values[token * self.cols..(token + 1) * self.cols]
    }

    /// Quantises the values unless that has been done, and packs them for weights that are `signed` or not. The
    /// columns must be whole blocks.
    pub(super) fn quantize(&mut self, signed: bool) {
        let (cols, blocks) = (self.cols, self.cols / TILE_COLS);
        if !self.is_quantized {
            self.blocks.resize(blocks * self.tokens, Block::default());
            let values = &self.values;
            for_each_chunk(&mut self.blocks, blocks, cols, |token, blocks, _| {
                super::quantize_blocks(&values[token * cols..][..cols], blocks);
            });
            self.is_quantized = true;
        }
        if !self.is_packed && super::packs()[usize::from(signed)] {
            self.packed.resize(self.blocks.len(), [0; PACKED_BYTES]);
            let all = &self.blocks;
            for_each_chunk(&mut self.packed, blocks, cols, |token, packed, _| {
                super::pack_blocks(&all[token * blocks..][..blocks], packed);
            });
            self.is_packed = true;
        }
    }
}

impl Block {
    /// Calls `quantize` with the values of every block and the block. It sets the block's integers and their sums, and
    /// returns their scale.
    #[inline(always)]
    pub fn quantize_each(
        values: &[f32],
        blocks: &mut [Self],
        mut quantize: impl FnMut(&[f32], &mut Self) -> f32,
    ) {
        for (x, block) in values.chunks_exact(TILE_COLS).zip(blocks) {
            block.scale = to_half_precision(quantize(x, block));
            block.scaled_sum = block.scale * block.sum as f32;
        }
    }
}

/// Rounds to the eleven significant bits of a half, to nearest even: llama.cpp stores these scales as halves, and
/// models tuned with it are sensitive to that. Scales in floats would take no more than 2 % off the distance to the truth
/// (`tests/reference.rs`: SmolLM2 2.46e-3 to 2.41e-3, Gemma 3 1.86e-3 to 1.84e-3), and would change every text. Numbers
/// beyond the range of normal halves stay as they are.
fn to_half_precision(x: f32) -> f32 {
    if !(6.103_515_6e-5..65504.0).contains(&x.abs()) {
        return x;
    }
    let bits = x.to_bits();
    f32::from_bits((bits + 0xfff + ((bits >> 13) & 1)) & !0x1fff)
}
