//! The default model, `www/stories.gguf`: what a visitor sees first.
#![cfg(not(target_arch = "wasm32"))]

use nexttoken::generator::{Context, FinishReason, Generator, Options};
use nexttoken::model::Model;
use nexttoken::score;
use std::sync::Arc;

fn model() -> Arc<Model> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/www/stories.gguf");
    let bytes = std::fs::read(path).expect("the default model is in the repository");
    assert!(bytes.len() < 5_000_000, "{} bytes", bytes.len());
    Arc::new(Model::from_bytes(&bytes).expect("it loads"))
}

#[test]
fn it_expects_stories_it_has_never_seen() {
    let model = model();
    let (mut sum, mut tokens) = (0.0, 0);
    // Of seed 1, where the model was trained on those of seed 0.
    for story in include_str!("data/stories.txt").split("<|endoftext|>") {
        if let Ok(score) = score::score(&model, story.trim()) {
            sum += score.nll.iter().map(|&nll| f64::from(nll)).sum::<f64>();
            tokens += score.nll.len();
        }
    }
    assert!(tokens > 2000, "{tokens} tokens");
    let perplexity = (sum / tokens as f64).exp();
    // It is 1.589; of what training held out, 1.566.
    assert!(perplexity < 1.6, "{perplexity}");
}

#[test]
fn its_stories_begin_end_and_differ() {
    let mut generator = Generator::new(model(), Context::default()).unwrap();
    let mut stories = Vec::new();
    for seed in 0..12 {
        let options = Options {
            seed: Some(seed),
            ..Options::default()
        };
        generator.start("", options).unwrap();
        while generator.next_token().unwrap().is_some() {}
        let text = generator.text().to_owned();
        let ended = generator.finish_reason() == Some(FinishReason::Stop);
        stories.push((ended, text));
    }
    let ended = stories.iter().filter(|(ended, _)| *ended).count();
    assert!(ended >= 10, "{ended} of 12 end");
    for (_, story) in &stories {
        assert!(story.starts_with(char::is_uppercase), "{story}");
        assert!(story.split_whitespace().count() > 50, "{story}");
    }
    stories.sort();
    stories.dedup();
    assert_eq!(stories.len(), 12);
}
