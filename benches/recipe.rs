//! Which steps, learning rate and weight decay suit a text: `cargo bench --bench recipe -- TEXT small 200,400 3e-3,6e-3 0.1,2`.
//!
//! Trains every combination to its end, one thread each, and prints for each the best held-out loss and where it
//! was, and that of the last step, as lines of a table. `benches/recipe.md` keeps what was found with it.

use nexttoken::train::{Options, Preset, Trainer};
use std::str::FromStr;

fn main() {
    // `cargo bench` adds an argument of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [text, preset, steps, rates, decays] = &arguments[..] else {
        eprintln!("usage: cargo bench --bench recipe -- TEXT PRESET STEPS,… RATE,… DECAY,…");
        return;
    };
    let text = std::fs::read_to_string(text).expect("the text can be read");
    let preset: Preset = preset.parse().expect("the preset is known");
    println!("| steps | epochs | peak rate | decay | best loss | at step | last loss | counting |");
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    for &steps in &list::<u64>(steps) {
        for &learning_rate in &list::<f32>(rates) {
            for &weight_decay in &list::<f32>(decays) {
                let options = Options {
                    steps: Some(steps),
                    learning_rate: Some(learning_rate),
                    weight_decay: Some(weight_decay),
                    patience: 0,
                    ..Options::preset(preset)
                };
                run(&text, options);
            }
        }
    }
}

fn run(text: &str, options: Options) {
    let tokens = options.batch_size * options.shape.context_length;
    let mut trainer = Trainer::new(text, options).expect("the text can be learnt");
    let schedule = *trainer.schedule();
    let read = schedule.steps as usize * tokens;
    let epochs = read as f64 / trainer.corpus_tokens().0 as f64;
    let mut last = f64::NAN;
    while !trainer.is_complete() {
        let report = trainer.step().expect("the training goes on");
        last = report.validation.map_or(last, |validation| validation.loss);
    }
    let best = trainer.best().expect("there is memory");
    println!(
        "| {} | {epochs:.1} | {} | {} | {:.3} | {} | {last:.3} | {:.3} |",
        schedule.steps,
        schedule.learning_rate,
        schedule.weight_decay,
        best.loss,
        best.step,
        trainer.baselines().unigram,
    );
}

fn list<T: FromStr>(text: &str) -> Vec<T> {
    let number = |part: &str| part.parse().ok().expect("a list of numbers");
    text.split(',').map(number).collect()
}
