//! What the targets have in common: a small model, and a few tokens of it.

use std::sync::{Arc, LazyLock};

use nexttoken::generator::{Context, Generator, Options};
use nexttoken::model::Model;

/// A whole model of 20 kB with random weights; it knows no small letters.
pub const LLAMA: &[u8] = include_bytes!("../../data/arch/llama.q8_0.gguf");

static MODEL: LazyLock<Arc<Model>> =
    LazyLock::new(|| Arc::new(Model::from_bytes(LLAMA).expect("the model is whole")));

/// A generator of the small model that has begun nothing.
pub fn generator() -> Generator {
    Generator::new(Arc::clone(&MODEL), Context::default()).expect("there is memory for it")
}

/// Writes up to three tokens of a text that was started; errors are as good an end.
pub fn three_tokens(generator: &mut Generator) {
    for _ in 0..3 {
        match generator.next_token() {
            Ok(Some(token)) => assert!(!token.logprob.is_nan()),
            Ok(None) | Err(_) => break,
        }
    }
}

/// The same options for every run.
pub fn options() -> Options {
    Options {
        seed: Some(1),
        max_tokens: Some(3),
        ..Options::default()
    }
}
