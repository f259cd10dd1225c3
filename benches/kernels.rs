//! Matrix products as a decode step and as a prefill chunk see them: `cargo bench`.
//!
//! Throughput is in multiply-adds. The matrix is that of SmolLM2-135M's feed-forward network, the
//! backend the best of the machine. It has more columns than the model's 576: whole blocks of every type.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexttoken::kernels::{
    Activations, AttentionScratch, CacheType, HeadCache, Scoring, attend, backend, linear,
};
use nexttoken::quant::{MatrixBuilder, TensorType, quantize};

const ROWS: usize = 1536;
const COLS: usize = 768;

fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f32 * 0.618).sin()).collect()
}

fn products(criterion: &mut Criterion) {
    for tokens in [1, 64] {
        let mut group =
            criterion.benchmark_group(format!("linear, {tokens} tokens, {}", backend()));
        group.throughput(Throughput::Elements((ROWS * COLS * tokens) as u64));
        for kind in [
            TensorType::Q4_0,
            TensorType::Q4_1,
            TensorType::Q5_0,
            TensorType::Q8_0,
            TensorType::Q2K,
            TensorType::Q3K,
            TensorType::Q4K,
            TensorType::Q6K,
            TensorType::IQ4NL,
            TensorType::IQ4XS,
            TensorType::Q1_0,
            TensorType::TQ2_0,
            TensorType::F16,
            TensorType::F32,
        ] {
            let mut bytes = Vec::new();
            if kind.is_quantizable() {
                quantize(kind, &values(ROWS * COLS), &mut bytes).unwrap();
            } else {
                // Any bits will do: of the byte 2c a half is made that is a fine scale.
                bytes.resize(ROWS * COLS / kind.block_len() * kind.block_bytes(), 0x2c);
            }
            let mut builder = MatrixBuilder::new("bench", kind, ROWS, COLS).unwrap();
            builder.push(&bytes);
            let matrix = builder.finish().unwrap();
            let mut x = Activations::default();
            x.prepare(tokens, COLS)
                .unwrap()
                .copy_from_slice(&values(tokens * COLS));
            let mut y = vec![0.0; ROWS * tokens];
            group.bench_function(BenchmarkId::from_parameter(kind.name()), |bencher| {
                bencher.iter(|| linear(black_box(&matrix), &mut x, &mut y));
            });
        }
        group.finish();
    }
}

/// Three query heads that share keys and values, as in SmolLM2.
fn attention(criterion: &mut Criterion) {
    const SIZE: usize = 64;
    const HEADS: usize = 3;
    for kind in [CacheType::F32, CacheType::Q16, CacheType::Q8] {
        let name = format!("attention, 3 heads of 64, {kind:?}, {}", backend());
        let mut group = criterion.benchmark_group(name);
        for positions in [100, 2000] {
            // As many as the model has, so that they come from memory.
            let filled = || {
                let mut cache = HeadCache::new(kind, SIZE);
                cache.reserve(2048).unwrap();
                for (position, row) in values(SIZE * positions).chunks(SIZE).enumerate() {
                    cache.store(position, row, row);
                }
                cache
            };
            let caches: Vec<_> = (0..90).map(|_| filled()).collect();
            let mut turn = caches.iter().cycle();
            let mut scratch = AttentionScratch::default();
            scratch.prepare(HEADS, SIZE, positions).unwrap();
            let scoring = Scoring {
                sinks: &[],
                factor: 0.125,
                cap: None,
            };
            let (query, mut out) = (values(HEADS * SIZE), vec![0.0; HEADS * SIZE]);
            group.throughput(Throughput::Elements((2 * HEADS * SIZE * positions) as u64));
            group.bench_function(BenchmarkId::from_parameter(positions), |bencher| {
                bencher.iter(|| {
                    let query = black_box(&query);
                    let cache = turn.next().unwrap();
                    attend(cache, query, 0..positions, scoring, &mut scratch, &mut out);
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, products, attention);
criterion_main!(benches);
