//! A draft model changes nothing but the time: the text is the same to the bit, whatever the model is and whatever is
//! done to the text.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::long::{endless, generator};
use common::pair::{Pair, schema, seeded};
use common::*;
use nexttoken::Error;
use nexttoken::generator::{CacheType, Generator, Options};
use nexttoken::gguf::{Value, read_header};
use nexttoken::model::Model;
use nexttoken::quant::TensorType;
use std::path::Path;
use std::sync::Arc;

fn open(path: &str) -> Arc<Model> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    Arc::new(Model::open(path).unwrap())
}

/// A model that is as good as the target expects the same, and so draws the same: on one thread or three.
#[test]
fn the_same_model_guesses_every_token_at_any_temperature() {
    let model = open("www/stories.gguf");
    for (temperature, threads) in [(0.0, 1), (1.5, 3)] {
        nexttoken::set_threads(threads);
        let mut pair = Pair::with_draft(&model, &model, 256);
        pair.start("The owl", &seeded(temperature, 100));
        pair.finish();
        nexttoken::set_threads(1);
        let (length, (drafted, accepted)) = (pair.0[0].ids().len(), pair.counts());
        // In each batch of sixteen the first is the one that is chosen; the first of all comes from the prompt.
        assert!(accepted * 10 > length * 8, "{accepted} of {length}");
        assert_eq!(accepted, drafted, "{temperature}");
    }
}

/// Another quantisation guesses much, another model hardly anything.
#[test]
fn other_models_change_no_text_either() {
    let model = load(&random_model(TensorType::Q4_1));
    let letters: Vec<u8> = (b'a'..=b'z').collect();
    let [close, far] = [
        random_model(TensorType::Q8_0),
        spelling_model(&spell(&letters)),
    ];
    let [mut close, mut far] = [close, far].map(|draft| {
        let mut pair = Pair::with_draft(&model, &load(&draft), 256);
        pair.start("the then on", &seeded(0.8, 150));
        pair.finish();
        pair
    });
    let [(_, right), (drafted, few)] = [close.counts(), far.counts()];
    assert!(right > 2 * few && drafted > 50, "{right} {few} {drafted}");
    // Text after text, where each begins like the one before or does not.
    for pair in [&mut close, &mut far] {
        for prompt in ["the then on the", "the the", "on"] {
            pair.start(prompt, &seeded(0.0, 30));
            pair.finish();
        }
        pair.both("reset", |generator, _| {
            generator.reset();
            String::new()
        });
        pair.start("the then", &seeded(1.5, 30));
        pair.finish();
    }
}

/// Where a text is taken back, forked, saved and longer than the context, with a sampler that remembers.
#[test]
fn texts_go_on_as_without_a_draft_model() {
    let model = load(&random_model(TensorType::Q8_0));
    let mut pair = Pair::with_draft(&model, &model, 24);
    pair.start("the then on", &endless(3, 90));
    pair.finish();
    let (drafted, accepted) = pair.counts();
    assert!(accepted > 30, "{accepted} of {drafted}");
    for count in [1, 5, 40, 80] {
        pair.both("rewind", |generator, _| {
            format!("{:?}", generator.rewind(count))
        });
        pair.both("fork", |generator, _| {
            *generator = generator.fork().unwrap();
            String::new()
        });
        assert_eq!(pair.0[0].draft().is_some(), pair.0[1].draft().is_none());
        pair.both("snapshot", |generator, speculation| {
            let snapshot = generator.snapshot().unwrap();
            generator.restore(&snapshot).unwrap();
            let options = generator.options().unwrap().clone();
            generator
                .configure(Options {
                    speculation,
                    ..options
                })
                .unwrap();
            format!("{snapshot:?}")
        });
        pair.finish();
    }
}

/// The draft model comes and goes in the middle of a text.
#[test]
fn it_can_be_set_and_removed_at_any_time() {
    let model = load(&random_model(TensorType::Q8_0));
    let mut pair = Pair::new(&model, 256, CacheType::Q16);
    let options = Options {
        banned_tokens: vec![END],
        ..seeded(1.5, 90)
    };
    pair.start("the then on", &options);
    for draft in [Some(&model), None, Some(&model)] {
        let before = pair.counts().1;
        pair.0[0].set_draft(draft.cloned()).unwrap();
        pair.0[0].set_draft_cost(0.0);
        assert_eq!(pair.0[0].draft().is_some(), draft.is_some());
        for _ in 0..30 {
            pair.both("next_token", |generator, _| {
                format!("{:?}", generator.next_token())
            });
        }
        let accepted = pair.counts().1 - before;
        assert_eq!(accepted > 20, draft.is_some(), "{accepted}");
    }
}

/// What it guesses is allowed: a text of free choices, of which most come to pass. What was chosen before from the same
/// tokens is guessed too, and is wrong where the text turns.
#[test]
fn it_guesses_what_a_constraint_allows() {
    let source = r#"{"type": "string", "minLength": 60, "maxLength": 60, "pattern": "^[a-z ]*$"}"#;
    let model = load(&random_model(TensorType::Q8_0));
    for temperature in [0.0, 1.5] {
        let mut pair = Pair::with_draft(&model, &model, 256);
        let options = Options {
            constraint: Some(schema(&model, source)),
            ..seeded(temperature, 200)
        };
        pair.start("the", &options);
        pair.finish();
        let (length, (drafted, accepted)) = (pair.0[0].ids().len(), pair.counts());
        assert!(accepted * 10 > length * 7, "{accepted} of {length}");
        assert!(drafted * 2 < accepted * 3, "{accepted} of {drafted}");
        pair.both("rewind", |generator, _| {
            format!("{:?}", generator.rewind(20))
        });
        pair.both("accept", |generator, _| {
            format!("{:?}", generator.accept(u32::from(b'u')))
        });
        pair.finish();
    }
}

/// A text may be longer than the draft model can take; then it goes on without.
#[test]
fn its_context_may_be_shorter() {
    let length = ("llama.context_length".to_owned(), Value::U32(32));
    let short = random_model_with(TensorType::Q8_0, &[length]);
    let mut pair = Pair::with_draft(&load(&random_model(TensorType::Q8_0)), &load(&short), 256);
    pair.start("the then on", &seeded(1.5, 20));
    pair.finish();
    assert!(pair.counts().1 > 10);
    pair.start("the then on", &seeded(1.5, 120));
    pair.finish();
    assert!((10..60).contains(&pair.counts().1), "{:?}", pair.counts());
}

#[test]
fn nothing_is_guessed_with_recurrent_layers() {
    let folder = "tests/data/arch";
    for (target, draft) in [("qwen35.f32", "qwen3.f32"), ("qwen3.f32", "qwen35.f32")] {
        let [target, draft] = [target, draft].map(|name| open(&format!("{folder}/{name}.gguf")));
        let run = |draft: Option<Arc<Model>>| {
            let mut generator = generator(&target, 64, CacheType::Q16);
            generator.set_clock(|| 0.0);
            generator.set_draft(draft).unwrap();
            generator.set_draft_cost(0.0);
            generator.start("what next", seeded(1.5, 40)).unwrap();
            generator.tokens().for_each(|token| drop(token.unwrap()));
            (generator.ids().to_vec(), generator.timings().drafted)
        };
        assert_eq!(run(Some(draft)), run(None));
    }
}

/// With the same number of tokens, too, where a token is another one. Another kind makes no difference to guesses.
#[test]
fn another_vocabulary_is_refused() {
    let file = random_model(TensorType::Q8_0);
    let metadata = read_header(&file).unwrap().unwrap().metadata;
    let mut changes = Vec::new();
    for (key, value) in metadata.iter() {
        match (key, value.clone()) {
            ("tokenizer.ggml.tokens", Value::Strings(tokens)) => {
                let mut other = nexttoken::gguf::StringArray::default();
                for (id, token) in tokens.iter().enumerate() {
                    let spelling: &[u8] = if id as u32 == USER {
                        b"<|other|>"
                    } else {
                        token
                    };
                    other.push(spelling).unwrap();
                }
                changes.push((key.to_owned(), Value::Strings(other)));
            }
            ("tokenizer.ggml.token_type", _) => {
                let mut types = vec![1; VOCABULARY];
                types[BEGIN as usize..].fill(3);
                types[USER as usize] = 4;
                changes.push((key.to_owned(), Value::Integers(types.into())));
            }
            _ => {}
        }
    }
    assert_eq!(changes.len(), 2);
    let model = load(&file);
    let mut generator = generator(&model, 64, CacheType::Q16);
    generator.set_draft(Some(Arc::clone(&model))).unwrap();
    let mut refused = |draft: Arc<Model>| {
        let result = generator.set_draft(Some(draft));
        assert!(matches!(result, Err(Error::InvalidOption { name, .. }) if name == "draft"));
        // The one before stays.
        assert!(Arc::ptr_eq(generator.draft().unwrap(), &model));
    };
    refused(open("www/stories.gguf"));
    let changed = |change: &(String, Value)| {
        load(&random_model_with(
            TensorType::Q8_0,
            std::slice::from_ref(change),
        ))
    };
    let is_spelling = |(key, _): &&(String, Value)| key.ends_with("tokens");
    let (spelling, kind): (Vec<_>, Vec<_>) = changes.iter().partition(is_spelling);
    refused(changed(spelling[0]));
    generator.set_draft(Some(changed(kind[0]))).unwrap();
}

/// Drafted and accepted tokens of a text, where a guess takes this part of a step.
fn counts(target: &Arc<Model>, draft: &Arc<Model>, cost: f32, length: usize) -> (usize, usize) {
    let mut generator: Generator = generator(target, 64, CacheType::Q16);
    generator.set_clock(|| 0.0);
    generator.set_draft(Some(Arc::clone(draft))).unwrap();
    generator.set_draft_cost(cost);
    let options = Options {
        context_shift: true,
        banned_tokens: vec![END],
        ..seeded(1.5, length)
    };
    generator.start("the then on", options).unwrap();
    generator.tokens().for_each(|token| drop(token.unwrap()));
    let timings = generator.timings();
    (timings.drafted, timings.accepted)
}

/// Good guesses are drafted unless they are dear; bad ones only to see whether they have become better.
#[test]
fn it_is_asked_where_that_pays() {
    let target = load(&random_model(TensorType::Q8_0));
    let (drafted, accepted) = counts(&target, &target, 0.2, 300);
    assert!(
        accepted > 200 && drafted == accepted,
        "{drafted} {accepted}"
    );
    assert_eq!(counts(&target, &target, 0.5, 300), (0, 0));
    let letters: Vec<u8> = (b'a'..=b'z').collect();
    let bad = load(&spelling_model(&spell(&letters)));
    let [first, more] = [300, 1500].map(|length| counts(&target, &bad, 0.2, length).0);
    assert!(
        first < 30 && more > first && more < 5 * first + 30,
        "{first} {more}"
    );
}
