//! How long the forward pass of a few tokens takes, in units of that of one: what speculation saves depends on it.
//! `cargo bench --bench batch [-- MODEL THREADS ROUNDS]`.
//!
//! Needs SmolLM2-135M-Instruct Q4_1 (98 MB), where `cargo demo` puts it. The tokens come after a text of 200; the
//! numbers of tokens are measured in turn, and of the rounds the medians count.
#![allow(missing_docs)]

// It writes no text.
#[allow(dead_code)]
mod common;

use std::time::Instant;

use common::{arguments, median, number};
use nexttoken::kernels::CacheType;
use nexttoken::model::{Model, Session};

const MODEL: &str = ".cache/models/SmolLM2-135M-Instruct.Q4_1.gguf";
const CONTEXT: usize = 200;
const COUNTS: [usize; 9] = [1, 2, 3, 4, 5, 6, 8, 12, 16];

fn main() {
    let mut arguments = arguments();
    let model = Model::open(arguments.next().unwrap_or_else(|| MODEL.into())).unwrap();
    nexttoken::set_threads(number(&mut arguments, 1));
    let rounds = number(&mut arguments, 15);
    let mut session = Session::new(&model, 512, CacheType::Q16).unwrap();
    let text: Vec<u32> = (0..CONTEXT as u32 + 16).map(|id| 100 + id).collect();
    model.forward(&text[..CONTEXT], &mut session).unwrap();
    let mut times = COUNTS.map(|_| Vec::new());
    for _ in 0..=rounds {
        for (count, times) in COUNTS.iter().zip(&mut times) {
            session.truncate(CONTEXT);
            let start = Instant::now();
            model
                .forward(&text[CONTEXT..][..*count], &mut session)
                .unwrap();
            times.push(1e3 * start.elapsed().as_secs_f64());
        }
    }
    // The first round warms up.
    let times = times.map(|times| median(times[1..].to_vec()));
    println!("| tokens | ms | of one |\n|--:|--:|--:|");
    for (count, time) in COUNTS.iter().zip(times) {
        println!("| {count} | {time:.2} | {:.2} |", time / times[0]);
    }
}
