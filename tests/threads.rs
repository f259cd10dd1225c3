//! The same text, to the bit, on any number of threads.
//!
//! The number is one for the whole process, so that this file has one test.

mod common;

use common::{END, random_model};
use nexttoken::generator::{CacheType, Context, Generator, Options};
use nexttoken::model::{Model, Session};
use nexttoken::quant::TensorType;
use nexttoken::{search_threads, set_threads, threads};
use std::path::Path;
use std::sync::Arc;

/// More threads than this machine may have processors: some then wait for one.
const THREADS: [usize; 4] = [1, 2, 3, 8];

/// The bits of the logits after a prompt of many tokens and after one more token, and the ids of a text at random.
fn outcome(model: &Arc<Model>, cache_type: CacheType) -> (Vec<u32>, Vec<u32>) {
    let mut session = Session::new(model, 128, cache_type).unwrap();
    let vocabulary = model.config.vocabulary_size as u32;
    let prompt: Vec<u32> = (0..61).map(|index| index * 7 % vocabulary).collect();
    let mut bits = Vec::new();
    for tokens in [&prompt[..], &prompt[3..4]] {
        model.forward(tokens, &mut session).unwrap();
        for hidden in session.hidden().outer_iter() {
            let mut logits = Vec::new();
            model.head.logits(hidden, &mut logits).unwrap();
            bits.extend(logits.iter().map(|logit| logit.to_bits()));
        }
    }
    let context = Context {
        cache_type,
        ..Context::default()
    };
    let mut generator = Generator::new(Arc::clone(model), context).unwrap();
    let options = Options {
        temperature: 1.5,
        seed: Some(7),
        max_tokens: Some(24),
        ..Options::default()
    };
    generator.start("the hen on the inn", options).unwrap();
    while generator.next_token().unwrap().is_some() {}
    (bits, generator.ids().to_vec())
}

/// The tiny models of all architectures, random ones of several types, and the storyteller, whose kernels are large
/// enough to be shared.
fn models() -> Vec<(String, Arc<Model>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut models = Vec::new();
    for entry in std::fs::read_dir(root.join("tests/data/arch")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "gguf")
            && let Ok(model) = Model::open(&path)
        {
            models.push((path.display().to_string(), model));
        }
    }
    assert!(models.len() > 10, "{}", models.len());
    models.push((
        "stories".to_owned(),
        Model::open(root.join("www/stories.gguf")).unwrap(),
    ));
    for kind in [TensorType::F32, TensorType::Q4_1, TensorType::Q8_0] {
        let model = Model::from_bytes(&random_model(kind)).unwrap();
        models.push((format!("{kind:?}"), model));
    }
    let shared = models.into_iter();
    shared
        .map(|(name, model)| (name, Arc::new(model)))
        .collect()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    assert_eq!(threads(), 1, "a library starts no threads by itself");
    for (name, model) in models() {
        for cache_type in [CacheType::Q16, CacheType::F32] {
            let outcomes = THREADS.map(|count| {
                assert_eq!(set_threads(count), count);
                outcome(&model, cache_type)
            });
            for (count, shared) in THREADS.iter().zip(&outcomes) {
                assert!(*shared == outcomes[0], "{name} on {count} threads");
            }
        }
    }
    guesses_wait_for_the_number();
    set_threads(1);
}

/// A draft model guesses nothing while the fastest number of threads is searched for, which is measured in steps of one
/// token.
fn guesses_wait_for_the_number() {
    let model = Arc::new(Model::from_bytes(&random_model(TensorType::Q8_0)).unwrap());
    // How many tokens are drafted in a short text, and in the rest of a long one.
    let drafted = || {
        let mut generator = Generator::new(Arc::clone(&model), Context::default()).unwrap();
        generator.set_clock(|| 0.0);
        generator.set_draft(Some(Arc::clone(&model))).unwrap();
        generator.set_draft_cost(0.0);
        let options = Options {
            temperature: 1.5,
            seed: Some(7),
            max_tokens: Some(100),
            banned_tokens: vec![END],
            ..Options::default()
        };
        generator.start("the then on", options).unwrap();
        [5, 95].map(|count| {
            for _ in 0..count {
                generator.next_token().unwrap();
            }
            generator.timings().drafted
        })
    };
    set_threads(2);
    let [soon, _] = drafted();
    assert!(soon > 0);
    search_threads(2);
    let [soon, later] = drafted();
    assert!(soon == 0 && later > 0, "{soon} {later}");
}
