//! Trains a small model on a text, and lets it write: `cargo run --release --example train`.

use std::sync::Arc;

use nexttoken::Result;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;
use nexttoken::quant::TensorType;
use nexttoken::train::{self, Preset, Trainer};

/// Prints the loss of `steps` steps, then what the model writes. Returns the losses.
pub fn train(text: &str, steps: u64) -> Result<Vec<f64>> {
    let options = train::Options {
        steps: Some(steps),
        ..train::Options::preset(Preset::Tiny)
    };
    let mut trainer = Trainer::new(text, options)?;
    let mut losses = Vec::new();
    while !trainer.is_complete() {
        let report = trainer.step()?;
        println!("step {:>4}  {:.3} nats", report.step, report.loss);
        losses.push(report.loss);
    }
    // A GGUF file, to be saved or loaded at once.
    let file = trainer.to_gguf(TensorType::F32)?;
    let mut generator = Generator::new(Arc::new(Model::from_bytes(&file)?), Context::default())?;
    generator.start("", Options::default())?;
    for token in generator.tokens() {
        print!("{}", token?.text);
    }
    println!();
    Ok(losses)
}

#[allow(dead_code)]
fn main() -> Result<()> {
    train(include_str!("../../www/alice.txt"), 200).map(drop)
}
