//! The sampler at the size of real vocabularies: `cargo bench --bench sampler`.
//!
//! What counts is what a chain takes beyond the softmax every step needs. A step of SmolLM2-135M (49,152
//! tokens) takes some 7.5 ms, of which any chain may take 3 %: 225 µs. Natively, on one core of an AMD EPYC
//! (AVX-512), µs, before candidates were selected by exact sums and after:
//!
//! | chain | 49,152 tokens | | 262,144 tokens | |
//! |---|--:|--:|--:|--:|
//! | softmax | 62 | 57 | 333 | 311 |
//! | default (top-k 40, top-p, min-p, temperature) | 94 | 97 | 484 | 506 |
//! | top-p 0.95 alone | 238 | 167 | 1279 | 903 |
//! | min-p 0.05 alone | 130 | 142 | 706 | 752 |
//! | typical-p 0.9 alone | 686 | 195 | 3727 | 1074 |
//! | top-n-sigma 1 alone | 235 | 205 | 1332 | 1114 |
//! | XTC alone | | 187 | | 990 |
//! | temperature 0.8 alone (a softmax of its own) | 250 | 216 | 1374 | 1118 |
//! | dynamic temperature alone (the same) | | 285 | | 1467 |
//! | mirostat | 295 | 110 | 1596 | 576 |
#![allow(missing_docs)]

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use nexttoken::TokenId;
use nexttoken::kernels::softmax;
use nexttoken::sampler::{
    Dry, MinP, MirostatV2, Penalties, Sampler, Stage, Step, Temperature, TopK, TopNSigma, TopP,
    TypicalP, Xtc,
};

/// A few large logits and a long tail, flatter than a model's: thousands of tokens share 95 % of the mass.
fn logits(count: usize) -> Vec<f32> {
    let noise = |i: usize| (i.wrapping_mul(2_654_435_761) % 65_536) as f32 / 65_536.0;
    (0..count)
        .map(|i| {
            let u = noise(i + 1);
            u * u * u * 14.0 - 4.0 + noise(i.wrapping_mul(31))
        })
        .collect()
}

fn chains() -> Vec<(&'static str, Vec<Stage>)> {
    let top_k = || Stage::TopK(TopK { top_k: 40 });
    let top_p = || Stage::TopP(TopP { top_p: 0.95 });
    let min_p = || Stage::MinP(MinP { min_p: 0.05 });
    let temperature = |temperature: f32| {
        Stage::Temperature(Temperature {
            temperature,
            dynatemp_range: 0.0,
            dynatemp_exponent: 1.0,
        })
    };
    let penalties = || {
        Stage::Penalties(Penalties {
            penalty_last_n: 64,
            repetition_penalty: 1.1,
            frequency_penalty: 0.1,
            presence_penalty: 0.1,
            no_repeat_ngram_size: 3,
        })
    };
    let dry = || {
        Stage::Dry(Dry {
            dry_multiplier: 0.8,
            dry_base: 1.75,
            dry_allowed_length: 2,
            dry_penalty_last_n: -1,
            dry_sequence_breakers: ["\n", ":", "\"", "*"].map(String::from).to_vec(),
        })
    };
    vec![
        ("greedy", vec![temperature(0.0)]),
        ("default", vec![top_k(), top_p(), min_p(), temperature(0.8)]),
        (
            "penalties and default",
            vec![penalties(), top_k(), top_p(), min_p(), temperature(0.8)],
        ),
        (
            "dry and default",
            vec![dry(), top_k(), top_p(), min_p(), temperature(0.8)],
        ),
        ("top_p alone", vec![top_p()]),
        ("min_p alone", vec![min_p()]),
        (
            "typical_p alone",
            vec![Stage::TypicalP(TypicalP { typical_p: 0.9 })],
        ),
        (
            "top_n_sigma alone",
            vec![Stage::TopNSigma(TopNSigma { top_n_sigma: 1.0 })],
        ),
        (
            "xtc alone",
            vec![Stage::Xtc(Xtc {
                xtc_probability: 1.0,
                xtc_threshold: 0.1,
            })],
        ),
        ("temperature alone", vec![temperature(0.8)]),
        (
            "dynamic temperature alone",
            vec![Stage::Temperature(Temperature {
                temperature: 0.8,
                dynatemp_range: 0.3,
                dynatemp_exponent: 1.0,
            })],
        ),
        (
            "mirostat",
            vec![Stage::MirostatV2(MirostatV2 {
                mirostat_tau: 5.0,
                mirostat_eta: 0.1,
            })],
        ),
    ]
}

fn steps(criterion: &mut Criterion) {
    let history: Vec<TokenId> = (0..2000).map(|i| (i * 7919) % 3001).collect();
    for vocabulary in [49_152, 262_144] {
        let mut group = criterion.benchmark_group(format!("sampler, {vocabulary} tokens"));
        let logits = logits(vocabulary);
        let mut copy = logits.clone();
        group.bench_function("softmax", |bencher| {
            bencher.iter(|| {
                copy.copy_from_slice(black_box(&logits));
                softmax(&mut copy)
            });
        });
        for (name, stages) in chains() {
            let mut sampler = Sampler::new(stages, 42);
            let mut index = 0;
            group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
                bencher.iter(|| {
                    index += 1;
                    let step = Step {
                        index,
                        history: &history,
                        bytes: &|_| &b" word"[..],
                        allowed: None,
                    };
                    sampler.choose(black_box(&logits), &step, 0).unwrap()
                });
            });
        }
        group.finish();
    }
}

criterion_group!(benches, steps);
criterion_main!(benches);
