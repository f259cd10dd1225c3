//! Matrix products as a decode step and as a prefill chunk see them: `cargo bench`.
//!
//! Throughput is in multiply-adds. The matrix is that of SmolLM2-135M's feed-forward network, the
//! backend the best of the machine.
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use nexttoken::kernels::{Activations, attend, backend, linear};
use nexttoken::quant::{MatrixBuilder, TensorType, quantize};

const ROWS: usize = 1536;
const COLS: usize = 576;

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
            TensorType::F16,
            TensorType::F32,
        ] {
            let mut bytes = Vec::new();
            quantize(kind, &values(ROWS * COLS), &mut bytes).unwrap();
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

fn attention(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group(format!("attention, one head of 64, {}", backend()));
    for positions in [100, 2000] {
        let (query, keys, cached) = (values(64), values(64 * positions), values(64 * positions));
        let (mut weights, mut out) = (vec![0.0; positions], vec![0.0; 64]);
        group.throughput(Throughput::Elements(2 * 64 * positions as u64));
        group.bench_function(BenchmarkId::from_parameter(positions), |bencher| {
            bencher.iter(|| {
                attend(
                    black_box(&query),
                    &keys,
                    &cached,
                    0.125,
                    &mut weights,
                    &mut out,
                )
            });
        });
    }
    group.finish();
}

criterion_group!(benches, products, attention);
criterion_main!(benches);
