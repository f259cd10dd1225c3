//! Looks into the loop: predicts, chooses, goes back and branches off. `cargo run --release --example steps -- [MODEL]`.

use std::sync::Arc;

use nexttoken::Result;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;

/// Prints two continuations of one text, and returns them.
pub fn steps(model: &str) -> Result<[String; 2]> {
    let model = Arc::new(Model::open(model)?);
    let mut generator = Generator::new(model, Context::default())?;
    let options = Options {
        seed: Some(7),
        max_tokens: Some(30),
        ..Options::default()
    };
    generator.start("The little fox", options)?;
    generator.next_token()?;
    generator.rewind(1)?;
    // The next step, without taking it: the most probable tokens.
    let Some(step) = generator.peek(5)? else {
        return Ok(Default::default());
    };
    for candidate in &step.candidates {
        let percent = 100.0 * candidate.logprob.exp();
        println!("{percent:>6.2} %  {:?}", candidate.text);
    }
    // One branch takes the first of them, the other the second.
    let mut branches = [generator.fork()?, generator];
    for (branch, candidate) in branches.iter_mut().zip(&step.candidates) {
        branch.accept(candidate.id)?;
        while branch.next_token()?.is_some() {}
        println!("{:?}", branch.text());
    }
    Ok(branches.map(|branch| branch.text().to_owned()))
}

#[allow(dead_code)]
fn main() -> Result<()> {
    let model = std::env::args().nth(1);
    steps(model.as_deref().unwrap_or("www/stories.gguf")).map(drop)
}
