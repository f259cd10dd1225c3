//! How speed grows with the number of threads: `cargo bench --bench threads [-- MODEL THREADS,… ROUNDS]`, say
//! `-- model.gguf 1,2,4,8`.
//!
//! Needs SmolLM2-135M-Instruct Q4_1 (98 MB), where `cargo demo` puts it. Each number of threads reads the same prompt and
//! writes the same text, in turn; of the rounds the medians count, and × is against the first number. Decode reads
//! all weights for each token, so that it grows no further than the machine's memory does: the last column tells how
//! many bytes of them a second that is.
#![allow(missing_docs)]

mod common;

use std::sync::Arc;

use common::{arguments, median, write};
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
    let rounds = arguments.next().map_or(5, |rounds| rounds.parse().unwrap());
    let bytes = std::fs::metadata(&path).unwrap().len() as f64;
    let model = Arc::new(Model::open(path).unwrap());
    let mut generator = Generator::new(Arc::clone(&model), Context::default()).unwrap();
    let prompt = "The quick brown fox jumps over the lazy dog. ".repeat(24);
    let options = Options {
        temperature: 0.0,
        max_tokens: Some(TOKENS),
        speculation: false,
        ..Options::default()
    };
    let mut rates = vec![[const { Vec::new() }; 2]; counts.len()];
    let mut expected = None;
    for _ in 0..=rounds {
        for (threads, rates) in counts.iter().zip(&mut rates) {
            nexttoken::set_threads(*threads);
            generator.reset();
            let (ids, timings) = write(&mut generator, &prompt, options.clone());
            assert_eq!(expected.get_or_insert_with(|| ids.clone()), &ids);
            rates[0].push(timings.prefill_tokens_per_second);
            rates[1].push(timings.decode_tokens_per_second);
        }
    }
    println!("| threads | prefill, tok/s | decode, tok/s | GB/s |\n|--:|--:|--:|--:|");
    // The first round warms up.
    let medians: Vec<[f64; 2]> = rates
        .into_iter()
        .map(|rates| rates.map(|rates| median(rates[1..].to_vec())))
        .collect();
    for (threads, [prefill, decode]) in counts.iter().zip(&medians) {
        let [of_prefill, of_decode] = [prefill / medians[0][0], decode / medians[0][1]];
        println!(
            "| {threads} | {prefill:.0} ({of_prefill:.2} ×) | {decode:.1} ({of_decode:.2} ×) | {:.1} |",
            decode * bytes / 1e9
        );
    }
}
