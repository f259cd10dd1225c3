//! Continues a prompt, token by token: `cargo run --release --example generate -- [MODEL]`.

use std::sync::Arc;

use nexttoken::Result;
use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;

/// Prints what the model writes, and returns it.
pub fn generate(model: &str) -> Result<String> {
    let model = Arc::new(Model::open(model)?);
    let mut generator = Generator::new(model, Context::default())?;
    let options = Options {
        temperature: 0.8,
        top_p: 0.95,
        seed: Some(42),
        max_tokens: Some(100),
        ..Options::default()
    };
    generator.start("Once upon a time", options)?;
    while let Some(token) = generator.next_token()? {
        print!("{}", token.text);
    }
    println!();
    Ok(generator.text().to_owned())
}

#[allow(dead_code)]
fn main() -> Result<()> {
    let model = std::env::args().nth(1);
    generate(model.as_deref().unwrap_or("www/stories.gguf")).map(drop)
}
