//! How speed grows with the number of threads: `cargo bench --bench threads [-- MODEL THREADS,… ROUNDS]`, say
//! `-- model.gguf 1,2,4,8`.
//!
//! Needs SmolLM2-135M-Instruct Q4_1 (98 MB), where `cargo demo` puts it. Each number of threads reads the same prompt and
//! writes the same text, in turn; of the rounds the medians count, and × is against the first number. Decode reads
//! all weights for each token, so that it grows no further than the machine's memory does: one column tells how many
//! bytes of them a second that is, and the last how many the same number of threads read where they do nothing else.
#![allow(missing_docs)]

mod common;

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use common::{arguments, median, number, write};
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;

const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf";
const TOKENS: usize = 64;

fn main() {
    let mut arguments = arguments();
    let path = arguments.next().unwrap_or_else(|| MODEL.into());
    let counts: Vec<usize> = arguments.next().map_or_else(
        || vec![1, std::thread::available_parallelism().unwrap().get()],
        |list| {
            list.split(',')
                .map(|count| count.parse().unwrap())
                .collect()
        },
    );
    let rounds = number(&mut arguments, 5);
    let model = Arc::new(Model::open(&path).unwrap());
    let mut generator = Generator::new(Arc::clone(&model), Context::default()).unwrap();
    let prompt = "The quick brown fox jumps over the lazy dog. ".repeat(24);
    let options = Options {
        temperature: 0.0,
        max_tokens: Some(TOKENS),
        speculation: false,
        ..Options::default()
    };
    let weights = vec![1_u64; std::fs::metadata(&path).unwrap().len() as usize / 8];
    let mut rates = vec![[const { Vec::new() }; 3]; counts.len()];
    let mut expected = None;
    for _ in 0..=rounds {
        for (threads, rates) in counts.iter().zip(&mut rates) {
            nexttoken::set_threads(*threads);
            generator.reset();
            let (ids, timings) = write(&mut generator, &prompt, options.clone());
            assert_eq!(expected.get_or_insert_with(|| ids.clone()), &ids);
            rates[0].push(timings.prefill_tokens_per_second);
            rates[1].push(timings.decode_tokens_per_second);
            rates[2].push(1.0 / read(&weights, *threads));
        }
    }
    println!(
        "| threads | prefill, tok/s | decode, tok/s | GB/s | memory, GB/s |\n|--:|--:|--:|--:|--:|"
    );
    // The first round warms up.
    let medians: Vec<[f64; 3]> = rates
        .into_iter()
        .map(|rates| rates.map(|rates| median(rates[1..].to_vec())))
        .collect();
    let gigabytes = 8.0 * weights.len() as f64 / 1e9;
    for (threads, rates) in counts.iter().zip(&medians) {
        let [of_prefill, of_decode, of_memory] =
            [0, 1, 2].map(|column| rates[column] / medians[0][column]);
        let [prefill, decode, memory] = rates;
        println!(
            "| {threads} | {prefill:.0} ({of_prefill:.2} ×) | {decode:.1} ({of_decode:.2} ×) | {:.1} | {:.1} ({of_memory:.2} ×) |",
            decode * gigabytes,
            memory * gigabytes,
        );
    }
}

/// The seconds in which so many threads read as many bytes as the weights have: a mean of several times.
fn read(weights: &[u64], threads: usize) -> f64 {
    const TIMES: usize = 8;
    let sum = |part: &[u64]| {
        (0..TIMES)
            .map(|_| black_box(part).iter().fold(0, |sum, word| sum ^ word))
            .fold(0, |sum, part| sum ^ part)
    };
    let start = Instant::now();
    std::thread::scope(|scope| {
        for part in weights.chunks(weights.len().div_ceil(threads)) {
            scope.spawn(move || black_box(sum(part)));
        }
    });
    start.elapsed().as_secs_f64() / TIMES as f64
}
