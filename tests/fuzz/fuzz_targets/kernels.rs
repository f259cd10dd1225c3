//! Matrix products and attention over any bytes and shapes: the best backend of the machine gives the bits of the
//! specification. Built with AddressSanitizer too, because this is the only code that is unsafe.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use nexttoken::kernels::{
    self, Activations, AttentionScratch, CacheType, HeadCache, Scoring, attend, force_scalar,
    linear,
};
use nexttoken::quant::{MatrixBuilder, TensorType};

#[derive(Arbitrary, Debug)]
struct Work {
    kind: u8,
    rows: u8,
    blocks: u8,
    tokens: u8,
    weights: Vec<u8>,
    values: Vec<f32>,
    size: u8,
    positions: u8,
    heads: u8,
    first: u8,
    cache: u8,
    cap: Option<f32>,
}

/// The same NaN: which of several operands' a sum keeps is not said.
fn bits(values: &[f32]) -> Vec<u32> {
    let bits = |value: &f32| {
        if value.is_nan() {
            u32::MAX
        } else {
            value.to_bits()
        }
    };
    values.iter().map(bits).collect()
}

/// What the work gives with the specification, and with the best backend.
fn both(work: impl Fn() -> Vec<f32>) {
    let results = [true, false].map(|scalar| {
        force_scalar(scalar);
        bits(&work())
    });
    assert_eq!(results[0], results[1]);
}

impl Work {
    /// `len` values, those of the input over and over.
    fn values(&self, len: usize) -> Vec<f32> {
        let usual = [1.0, -0.5, 0.25];
        let given = if self.values.is_empty() {
            &usual[..]
        } else {
            &self.values
        };
        given.iter().copied().cycle().take(len).collect()
    }

    fn product(&self) -> Vec<f32> {
        let kinds = TensorType::ALL;
        let kind = kinds[usize::from(self.kind) % kinds.len()];
        let rows = 1 + usize::from(self.rows) % 40;
        let cols = kind.block_len() * (1 + usize::from(self.blocks) % 9);
        let tokens = 1 + usize::from(self.tokens) % 70;
        let mut builder = MatrixBuilder::new("fuzz", kind, rows, cols).expect("it is small");
        let bytes = rows * (cols / kind.block_len()) * kind.block_bytes();
        let usual = [7];
        let given = if self.weights.is_empty() {
            &usual[..]
        } else {
            &self.weights
        };
        let weights: Vec<u8> = given.iter().copied().cycle().take(bytes).collect();
        builder.push(&weights);
        let matrix = builder.finish().expect("all rows are there");
        let mut x = Activations::default();
        let values = self.values(tokens * cols);
        x.prepare(tokens, cols)
            .expect("it is small")
            .copy_from_slice(&values);
        let mut y = vec![0.0; rows * tokens];
        linear(&matrix, &mut x, &mut y);
        y
    }

    fn attention(&self) -> Vec<f32> {
        let kinds = [CacheType::F32, CacheType::Q16, CacheType::Q8];
        let size = 2 * (1 + usize::from(self.size) % 70);
        let end = 1 + usize::from(self.positions);
        let heads = 1 + usize::from(self.heads) % 5;
        let mut cache = HeadCache::new(kinds[usize::from(self.cache) % 3], size);
        cache.reserve(end.next_multiple_of(4)).expect("it is small");
        let values = self.values(size * (2 * end + heads));
        for (position, pair) in values[..2 * size * end].chunks_exact(2 * size).enumerate() {
            cache.store(position, &pair[..size], &pair[size..]);
        }
        let mut scratch = AttentionScratch::default();
        scratch.prepare(heads, size, end).expect("it is small");
        let mut out = vec![0.0; heads * size];
        let queries = &values[2 * size * end..];
        let window = usize::from(self.first) % end..end;
        let scoring = Scoring {
            sinks: &[],
            factor: 0.3,
            cap: self.cap,
        };
        attend(&cache, queries, window, scoring, &mut scratch, &mut out);
        out
    }

    fn elements(&self) -> Vec<f32> {
        let len = 2 * (1 + usize::from(self.size));
        let (x, y) = (self.values(len), self.values(2 * len)[len..].to_vec());
        let mut out = [(); 8].map(|()| x.clone());
        let [a, b, c, d, e, f, g, h] = &mut out;
        kernels::add(a, &y);
        kernels::silu_mul(b, &y);
        kernels::gelu_mul(c, &y);
        kernels::soft_cap(d, self.cap.unwrap_or(2.0));
        kernels::rms_norm(&x, &y, 1e-5, e);
        kernels::layer_norm(&x, &y, None, 1e-5, f);
        kernels::rotate_pairs(g, &y, &x);
        kernels::rotate_halves(h, &y, &x);
        out.concat()
    }
}

fuzz_target!(|work: Work| {
    both(|| work.product());
    both(|| work.attention());
    both(|| work.elements());
});
