//! A model's way into memory, and a text's to a snapshot and back: `cargo bench --bench load`.
//!
//! Needs SmolLM2-135M-Instruct Q4_1 (98 MB), where `cargo demo` puts it. Natively, on one core of an AMD EPYC:
//!
//! | | ms |
//! |---|--:|
//! | load from memory, all of it | 71 |
//! | the model's fingerprint in that | 0.5 |
//! | snapshot, restore of 100 tokens (2.3 MB) | 0.3, 0.7 |
//! | snapshot, restore of 2000 tokens (46 MB) | 37, 14 |
//! | the checksum in that | 4 |
#![allow(missing_docs)]

use std::hash::Hasher;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fnv::FnvHasher;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::gguf::read_header;
use nexttoken::model::{Loader, Model};
use xxhash_rust::xxh64::xxh64;

const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf";
/// Bytes that arrive at a time.
const CHUNK: usize = 1 << 20;

fn load(bytes: &[u8]) -> Model {
    let mut loader = Loader::new();
    for chunk in bytes.chunks(CHUNK) {
        loader.push(chunk).unwrap();
    }
    loader.finish().unwrap()
}

/// What tells the model from others, by itself: see `Model::fingerprint`.
fn fingerprint(bytes: &[u8], data_start: usize) -> u64 {
    let (header, data) = bytes.split_at(data_start);
    let mut hasher = FnvHasher::with_key(xxh64(header, 0));
    for byte in data.iter().step_by(1021) {
        hasher.write_u8(*byte);
    }
    hasher.finish()
}

fn loading(criterion: &mut Criterion, bytes: &[u8]) {
    let header = read_header(bytes).unwrap().unwrap();
    let data_start = header.data_start as usize;
    let mut group = criterion.benchmark_group("load SmolLM2-135M Q4_1");
    group.sample_size(10);
    group.bench_function("all", |bencher| bencher.iter(|| load(black_box(bytes))));
    group.bench_function("fingerprint", |bencher| {
        bencher.iter(|| fingerprint(black_box(bytes), data_start));
    });
    group.finish();
}

fn snapshots(criterion: &mut Criterion, model: Arc<Model>) {
    let mut generator = Generator::new(model, Context::default()).unwrap();
    let mut group = criterion.benchmark_group("snapshot SmolLM2-135M Q4_1");
    group.sample_size(10);
    for tokens in [100, 2000] {
        let options = Options {
            max_tokens: Some(1),
            ..Options::default()
        };
        let prompt = " once".repeat(tokens);
        generator.start(&prompt, options).unwrap();
        generator.next_token().unwrap();
        let snapshot = generator.snapshot().unwrap();
        group.throughput(Throughput::Bytes(snapshot.len() as u64));
        group.bench_function(format!("take, {tokens} tokens"), |bencher| {
            bencher.iter(|| generator.snapshot().unwrap());
        });
        group.bench_function(format!("restore, {tokens} tokens"), |bencher| {
            bencher.iter(|| generator.restore(black_box(&snapshot)).unwrap());
        });
        group.bench_function(format!("checksum, {tokens} tokens"), |bencher| {
            bencher.iter(|| xxh64(black_box(&snapshot), 0));
        });
    }
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(MODEL);
    let Ok(bytes) = std::fs::read(&path) else {
        eprintln!("{} is missing: `cargo demo` gets it", path.display());
        return;
    };
    loading(criterion, &bytes);
    snapshots(criterion, Arc::new(load(&bytes)));
}

criterion_group!(benches, all);
criterion_main!(benches);
