//! What benchmarks that write texts have in common.

use nexttoken::generator::{Generator, Options, Timings};

/// What stands after the name of the benchmark on the command line.
pub fn arguments() -> impl Iterator<Item = String> {
    let arguments = std::env::args().skip(1);
    // Cargo adds it.
    arguments.filter(|argument| argument != "--bench")
}

/// The next argument, a number; `default` where there is none.
pub fn number(arguments: &mut impl Iterator<Item = String>, default: usize) -> usize {
    arguments
        .next()
        .map_or(default, |number| number.parse().unwrap())
}

/// Writes a text to its end: its tokens, and the time they took.
pub fn write(generator: &mut Generator, prompt: &str, options: Options) -> (Vec<u32>, Timings) {
    generator.start(prompt, options).unwrap();
    while generator.next_token().unwrap().is_some() {}
    (generator.ids().to_vec(), generator.timings())
}

/// The middle one of some rates.
pub fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}
