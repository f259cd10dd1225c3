//! How well a model expects a text: `cargo run --release --example score -- [MODEL]`.

use nexttoken::Result;
use nexttoken::generator::CacheType;
use nexttoken::model::Model;
use nexttoken::score::{Score, Scorer};

/// Prints the cross-entropy of each token, and returns the score.
pub fn score(model: &str, text: &str) -> Result<Score> {
    let model = Model::open(model)?;
    let mut scorer = Scorer::new(&model, text, CacheType::default())?;
    while !scorer.step()?.is_complete() {}
    let score = scorer.finish()?;
    for (nll, text) in score.nll.iter().zip(&score.texts[1..]) {
        println!("{nll:>7.3} nats  {text:?}");
    }
    println!("perplexity {:.2}", score.perplexity);
    Ok(score)
}

#[allow(dead_code)]
fn main() -> Result<()> {
    let model = std::env::args().nth(1);
    let model = model.as_deref().unwrap_or("www/stories.gguf");
    score(model, "Once upon a time, there was a little rabbit.").map(drop)
}
