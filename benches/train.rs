//! Steps of training per second: `cargo bench --bench train`.
//!
//! One step of the small preset: 8 sequences of 128 tokens, hidden size 128, 4 layers, 1024 tokens.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use nexttoken::train::{Options, Preset, Trainer};

fn steps(criterion: &mut Criterion) {
    let options = Options::preset(Preset::Small);
    let text = words(60_000);
    let mut group = criterion.benchmark_group("train small");
    let tokens = options.batch_size * options.shape.context_length;
    group
        .throughput(Throughput::Elements(tokens as u64))
        .sample_size(10);
    for threads in [1, 2] {
        let mut trainer = Trainer::new(&text, options.clone()).expect("the text is long enough");
        assert_eq!(trainer.shape().vocabulary_size, 1024);
        trainer.set_threads(threads).expect("there is memory");
        group.bench_function(format!("{threads} threads"), |bencher| {
            bencher.iter(|| trainer.step().expect("the training goes on"));
        });
    }
    group.finish();
}

/// Words of random letters: what they are makes no difference to the time.
fn words(count: usize) -> String {
    let mut state = 1u32;
    let mut next = |bound: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % bound
    };
    let mut text = String::new();
    for _ in 0..count {
        for _ in 0..2 + next(6) {
            text.push(char::from(b'a' + next(26) as u8));
        }
        text.push(' ');
    }
    text
}

criterion_group!(benches, steps);
criterion_main!(benches);
