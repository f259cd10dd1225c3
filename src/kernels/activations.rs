//! The input of a matrix product, quantised at most once however many matrices it meets.

use super::Backend;
use crate::quant::tiles::TILE_COLS;
use crate::{Error, Result};

/// Activations of `tokens` × `cols`: as floats, and in blocks of 32 as int8 with a scale.
#[derive(Debug, Default)]
pub struct Activations {
    pub(super) tokens: usize,
    cols: usize,
    values: Vec<f32>,
    quantized: bool,
    /// `[block][token][32]`, −127 to 127.
    q: Vec<i8>,
    /// `[block][token]`: what one step of `q` is worth.
    pub(super) scales: Vec<f32>,
    /// `[block][token]`: Σ q.
    pub(super) sums: Vec<i32>,
    /// `[block][token]`: Σ q of the first half of the block.
    pub(super) low_sums: Vec<i32>,
    /// `[block][token]`: scale × Σ q.
    pub(super) scaled_sums: Vec<f32>,
    /// `q` in the form the machine's dot products read.
    pub(super) spread: Vec<u8>,
}

impl Activations {
    /// Sets the shape and gives the values, row by row, to be written.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub fn prepare(&mut self, tokens: usize, cols: usize) -> Result<&mut [f32]> {
        let len = tokens * cols;
        let missing = len.saturating_sub(self.values.len());
        if missing > 0 {
            // Room for the quantised forms too, so that nothing can fail half-way through a layer.
            let blocks = len / TILE_COLS;
            reserve(&mut self.values, len)?;
            reserve(&mut self.q, len)?;
            reserve(&mut self.scales, blocks)?;
            reserve(&mut self.sums, blocks)?;
            reserve(&mut self.low_sums, blocks)?;
            reserve(&mut self.scaled_sums, blocks)?;
            reserve(&mut self.spread, blocks * spread_bytes())?;
        }
        (self.tokens, self.cols, self.quantized) = (tokens, cols, false);
        self.values.resize(len, 0.0);
        Ok(&mut self.values)
    }

    /// Tokens: rows of activations.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Values of each token.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All values, to be changed in place.
    pub fn values_mut(&mut self) -> &mut [f32] {
        self.quantized = false;
        &mut self.values
    }

    pub(super) fn values(&self, token: usize) -> &[f32] {
        &self.values[token * self.cols..(token + 1) * self.cols]
    }

    pub(super) fn block(&self, block: usize, token: usize) -> &[i8] {
        &self.q[(block * self.tokens + token) * TILE_COLS..][..TILE_COLS]
    }

    pub(super) fn scale(&self, block: usize, token: usize) -> f32 {
        self.scales[block * self.tokens + token]
    }

    pub(super) fn scaled_sum(&self, block: usize, token: usize) -> f32 {
        self.scaled_sums[block * self.tokens + token]
    }

    /// Quantises the values unless that is done; columns must be whole blocks.
    pub(super) fn quantize(&mut self) {
        if self.quantized {
            return;
        }
        let blocks = self.cols / TILE_COLS;
        let all = blocks * self.tokens;
        self.q.resize(all * TILE_COLS, 0);
        self.scales.resize(all, 0.0);
        self.sums.resize(all, 0);
        self.low_sums.resize(all, 0);
        self.scaled_sums.resize(all, 0.0);
        self.spread.resize(all * spread_bytes(), 0);
        for block in 0..blocks {
            for token in 0..self.tokens {
                let at = block * self.tokens + token;
                let x = &self.values[token * self.cols + block * TILE_COLS..][..TILE_COLS];
                let q = &mut self.q[at * TILE_COLS..][..TILE_COLS];
                let scale = super::quantize_block(x, q);
                let total = |q: &[i8]| q.iter().map(|q| i32::from(*q)).sum::<i32>();
                let (low, high) = q.split_at(TILE_COLS / 2);
                let low = total(low);
                let sum = low + total(high);
                let scale = to_half_precision(scale);
                self.scales[at] = scale;
                self.sums[at] = sum;
                self.low_sums[at] = low;
                self.scaled_sums[at] = scale * sum as f32;
                let bytes = spread_bytes();
                spread(q, &mut self.spread[at * bytes..][..bytes]);
            }
        }
        self.quantized = true;
    }
}

/// Rounds to the eleven bits of a half, to nearest even: llama.cpp keeps these scales as halves, and
/// models tuned beside it notice. What is beyond the range of normal halves stays as it is.
fn to_half_precision(x: f32) -> f32 {
    if !(6.103_515_6e-5..65504.0).contains(&x.abs()) {
        return x;
    }
    let bits = x.to_bits();
    f32::from_bits((bits + 0xfff + ((bits >> 13) & 1)) & !0x1fff)
}

fn reserve<T>(vec: &mut Vec<T>, len: usize) -> Result<()> {
    let more = len.saturating_sub(vec.len());
    vec.try_reserve_exact(more)
        .map_err(|_| Error::OutOfMemory(more * size_of::<T>()))
}

/// Bytes in which the machine's dot products read 32 activations.
fn spread_bytes() -> usize {
    match Backend::detect() {
        Backend::Scalar => 0,
        #[cfg(target_arch = "x86_64")]
        Backend::Avx2 | Backend::AvxVnni => {
            <super::isa::x86::X86<false> as super::isa::Isa>::SPREAD
        }
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        Backend::Wasm => <super::isa::wasm::Wasm as super::isa::Isa>::SPREAD,
    }
}

#[allow(unused_variables)]
fn spread(q: &[i8], out: &mut [u8]) {
    match Backend::detect() {
        Backend::Scalar => {}
        #[cfg(target_arch = "x86_64")]
        // SAFETY: a copy of 32 bytes, which every x86-64 can do.
        Backend::Avx2 | Backend::AvxVnni => unsafe {
            super::simd::spread::<super::isa::x86::X86<false>>(q, out);
        },
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        // SAFETY: the whole module is compiled for these instructions.
        Backend::Wasm => unsafe { super::simd::spread::<super::isa::wasm::Wasm>(q, out) },
    }
}
