//! Guessed tokens that are run ahead of their turn change nothing but the time: the same tokens, records, logits and
//! snapshots to the bit, whatever is done to the text.
#![cfg(not(target_arch = "wasm32"))]

mod common;
#[path = "../src/test_random.rs"]
mod test_random;

use common::long::{ALL, endless, generator};
use common::pair::{Pair, schema, seeded};
use common::*;
use nexttoken::generator::{CacheType, Generator, Options};
use nexttoken::model::Model;
use nexttoken::quant::TensorType;
use std::path::Path;
use std::sync::Arc;
use test_random::WideTestRandom;
use xxhash_rust::xxh64::xxh64;

#[test]
fn the_text_of_every_architecture_is_the_same() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/arch");
    let (mut models, mut drafted, mut accepted) = (0, 0, 0);
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "gguf") {
            continue;
        }
        let model = Arc::new(Model::open(&path).unwrap());
        models += 1;
        for (temperature, cache_type) in [(0.0, ALL[models % 3]), (1.5, CacheType::Q16)] {
            let mut pair = Pair::new(&model, 64, cache_type);
            pair.start(
                "the hen on the inn on the hen on the",
                &seeded(temperature, 24),
            );
            pair.finish();
            let counts = pair.counts();
            let ended = pair.0[0].ids().len() < 9;
            // A draft that is not accepted is taken back, and the state of a recurrent layer cannot be.
            let recurrent = ["qwen35", "granitehybrid", "mamba2", "falcon-h1"];
            let drafts = !recurrent.contains(&model.config.architecture.name);
            assert!(
                (counts.0 > 0) == drafts || ended,
                "{} {temperature}",
                path.display()
            );
            (drafted, accepted) = (drafted + counts.0, accepted + counts.1);
        }
    }
    assert!(
        models > 20 && accepted > 0 && accepted < drafted,
        "{models} {drafted} {accepted}"
    );
}

/// The storyteller, whose kernels are large enough for every number of tokens to take another way through them.
#[test]
fn the_text_of_a_trained_model_is_the_same() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("www/stories.gguf");
    let model = Arc::new(Model::open(path).unwrap());
    for temperature in [0.0, 1.5] {
        let mut pair = Pair::new(&model, 256, CacheType::Q16);
        pair.start(
            "The fox and the owl. The fox and the owl. The fox",
            &seeded(temperature, 60),
        );
        pair.finish();
        assert!(pair.counts().0 > 0);
    }
}

/// Whatever the sampler remembers, and where the oldest tokens are dropped.
#[test]
fn samplers_with_a_memory_and_long_texts_are_the_same() {
    for cache_type in ALL {
        let mut pair = Pair::new(&load(&random_model(TensorType::Q8_0)), 24, cache_type);
        pair.start("the then on", &endless(3, 90));
        pair.finish();
        assert!(pair.counts().0 > 0);
        pair.start(
            "the then on",
            &Options {
                context_shift: true,
                ..seeded(0.0, 90)
            },
        );
        pair.finish();
        assert!(pair.counts().1 > 0);
    }
}

/// One of the things that can be done to a text, chosen by two numbers.
fn act(generator: &mut Generator, speculation: bool, action: usize, number: usize) -> String {
    match action {
        0 => format!("{:?}", generator.peek(3)),
        1 => format!("{:?}", generator.accept(number as u32 % 260)),
        2 | 3 => {
            let count = number % (generator.ids().len() + 1);
            format!("{:?}", generator.rewind(count % 12))
        }
        4 => {
            *generator = generator.fork().unwrap();
            String::new()
        }
        5 => {
            let snapshot = generator.snapshot().unwrap();
            if number.is_multiple_of(2) {
                generator.restore(&snapshot).unwrap();
                let options = Options {
                    speculation,
                    ..generator.options().unwrap().clone()
                };
                generator.configure(options).unwrap();
            }
            xxh64(&snapshot, 0).to_string()
        }
        6 => {
            let options = Options {
                temperature: [0.0, 1.5][number % 2],
                ..generator.options().unwrap().clone()
            };
            format!("{:?}", generator.configure(options))
        }
        7 => {
            let prompt = &"the then on the then"[..4 + number % 16];
            let options = generator.options().unwrap().clone();
            generator.start(prompt, options).unwrap();
            let looked = number.is_multiple_of(3);
            format!("{:?}", looked.then(|| generator.prefill()))
        }
        8 => {
            generator.abort();
            let count = generator.ids().len().min(1);
            format!("{:?}", generator.rewind(count))
        }
        _ => format!("{:?}", generator.next_token()),
    }
}

#[test]
fn whatever_is_done_to_a_text_has_the_same_outcome() {
    let lfm2 = load(LFM2);
    let models = [load(&random_model(TensorType::Q4_1)), lfm2];
    // Drafts of the first are often right and often wrong, those of the second always right.
    let drafts = [load(&random_model(TensorType::Q8_0)), load(LFM2)];
    let (mut drafted, mut accepted) = (0, 0);
    for (seed, model) in (1u64..).zip(models.iter().cycle().take(8)) {
        let mut random = WideTestRandom(seed);
        let mut pair = match seed > 4 {
            false => Pair::new(model, 40, CacheType::Q16),
            true => Pair::with_draft(model, &drafts[(seed as usize - 1) % 2], 40),
        };
        let options = Options {
            context_shift: (seed - 1) % 4 > 1,
            ..seeded(0.0, 60)
        };
        pair.start("the then on", &options);
        for step in 0..400 {
            let (action, number) = (random.below(40), random.next());
            // Only now and then something else than the next token.
            let action = if action < 9 { action } else { 9 };
            pair.both(
                &format!("{seed}: {step}, {action}"),
                |generator, speculation| act(generator, speculation, action, number),
            );
            let counts = pair.counts();
            (drafted, accepted) = (drafted + counts.0, accepted + counts.1);
        }
    }
    assert!(accepted > 100 && drafted > accepted, "{drafted} {accepted}");
}

/// Names and punctuation of a schema come in one piece, and are what would have been drawn one by one.
#[test]
fn what_a_constraint_leaves_no_choice_in_is_drafted() {
    let source = r#"{
        "type": "object", "required": ["temperature", "pressure"], "additionalProperties": false,
        "properties": {"temperature": {"type": "boolean"}, "pressure": {"enum": ["high", "low"]}},
        "x-guidance": {"whitespace_flexible": false}
    }"#;
    let model = load(&random_model(TensorType::Q8_0));
    for temperature in [0.0, 1.5] {
        let constraint = Some(schema(&model, source));
        let options = Options {
            constraint,
            ..seeded(temperature, 200)
        };
        let mut pair = Pair::new(&model, 256, CacheType::Q16);
        pair.start("the", &options);
        pair.finish();
        let (length, (_, accepted)) = (pair.0[0].ids().len(), pair.counts());
        // A vocabulary of bytes with few merges: hardly any byte is a choice.
        assert!(accepted * 10 > length * 7, "{accepted} of {length}");
        for count in [1, 7, 30] {
            pair.both("rewind", |generator, _| {
                format!("{:?}", generator.rewind(count))
            });
            pair.both("accept", |generator, _| {
                format!("{:?}", generator.accept(u32::from(b'u')))
            });
            pair.finish();
        }
    }
}

/// As it is when nothing is set: copies are drafted, noise is not.
#[test]
fn guesses_are_drafted_where_they_come_true() {
    let alphabet: Vec<u8> = (b'a'..=b'z').collect();
    let mut pairs = spell(&alphabet);
    pairs.push((u32::from(b'z'), u32::from(b'a')));
    let run = |file: &[u8], temperature: f32| {
        let mut generator = generator(&load(file), 256, CacheType::Q16);
        generator.set_clock(|| 0.0);
        generator.start("abc", seeded(temperature, 200)).unwrap();
        while generator.next_token().unwrap().is_some() {}
        let timings = generator.timings();
        (timings.drafted, timings.accepted)
    };
    let (drafted, accepted) = run(&spelling_model(&pairs), 0.0);
    assert!(
        accepted > 140 && drafted < accepted + 20,
        "{drafted} {accepted}"
    );
    let (drafted, _) = run(&random_model(TensorType::Q8_0), 1.5);
    assert!(drafted < 10, "{drafted}");
}
