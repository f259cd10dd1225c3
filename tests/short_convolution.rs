//! Layers that convolve (LFM2) remember what they read as exactly as attention does: however a text comes about, and
//! whatever was there before, the bits are those of a text run at once.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::long::{ALL, generator, rest, resumes};
use common::runs::{changed, last_hidden};
use common::*;
use nexttoken::generator::{CacheType, Context, Options};
use nexttoken::gguf::{Value, read_header};
use nexttoken::model::{Model, Session};
use nexttoken::{Error, Inspection};

/// As [`LFM2`], a layer that attends between two that convolve three positions.
const FLOATS: &[u8] = include_bytes!("data/arch/lfm2.f32.gguf");
const LENGTH: usize = 20;

fn text(seed: u32) -> Vec<u32> {
    (0..LENGTH as u32)
        .map(|i| (i * i * 7 + seed * 5) % 62)
        .collect()
}

fn session(model: &Model, cache: CacheType) -> Session {
    Session::new(model, 2 * LENGTH, cache).unwrap()
}

/// The contract of the numbers, as for attention alone.
#[test]
fn pinned_tokens() {
    let mut generator = generator(&load(LFM2), 64, CacheType::Q16);
    generator.start(LFM2_PROMPT, pinned_options()).unwrap();
    let ids: Vec<u32> = rest(&mut generator).iter().map(|token| token.id).collect();
    assert_eq!(ids, LFM2_IDS);
}

#[test]
fn chunks_change_nothing() {
    for model in [LFM2, FLOATS].map(load) {
        for cache in ALL {
            let whole = last_hidden(&model, &mut session(&model, cache), &text(1), LENGTH);
            for chunk in [1, 2, 3, 7] {
                let pieces = last_hidden(&model, &mut session(&model, cache), &text(1), chunk);
                assert_eq!(pieces, whole, "{cache:?}, {chunk}");
            }
        }
    }
}

#[test]
fn a_text_can_be_cut_anywhere() {
    let model = load(LFM2);
    let (before, after) = (text(1), text(2));
    for cache in ALL {
        let mut cut = session(&model, cache);
        for len in (0..LENGTH).chain([3, 0]) {
            cut.truncate(0);
            last_hidden(&model, &mut cut, &before, 5);
            cut.truncate(len);
            let mut fork = cut.fork().unwrap();
            let ids = [&before[..len], &after].concat();
            let expected = last_hidden(&model, &mut session(&model, cache), &ids, 64);
            assert_eq!(
                last_hidden(&model, &mut cut, &after, 3),
                expected,
                "{cache:?}, {len}"
            );
            // A fork is a text of its own.
            assert_eq!(last_hidden(&model, &mut fork, &after, 64), expected);
        }
    }
}

#[test]
fn a_saved_text_is_the_same_elsewhere() {
    let model = load(LFM2);
    let (before, after) = (text(1), text(2));
    for cache in ALL {
        let mut saved = session(&model, cache);
        last_hidden(&model, &mut saved, &before, 64);
        let expected = last_hidden(&model, &mut saved.fork().unwrap(), &after, 64);
        let mut bytes = Vec::new();
        saved.save(LENGTH, &mut bytes).unwrap();
        let mut restored = saved.empty(&model).unwrap();
        assert!(restored.restore(LENGTH, &bytes).unwrap());
        assert_eq!(
            last_hidden(&model, &mut restored, &after, 4),
            expected,
            "{cache:?}"
        );
        // Neither less nor more than there was.
        bytes.push(0);
        assert!(!restored.restore(LENGTH, &bytes).unwrap());
        bytes.truncate(bytes.len() - 2);
        assert!(!restored.restore(LENGTH, &bytes).unwrap());
    }
}

/// The loop by hand, with a text that outgrows its context.
#[test]
fn a_text_goes_on_as_it_would_have() {
    let model = load(LFM2);
    let prompt = model.tokenizer.decode(&text(1)[..9]);
    for cache in ALL {
        let options = Options {
            seed: Some(4),
            max_tokens: Some(50),
            context_shift: true,
            banned_tokens: vec![63],
            ..Options::default()
        };
        let mut first = generator(&model, 25, cache);
        first.start(&prompt, options.clone()).unwrap();
        let tokens = rest(&mut first);
        assert_eq!(tokens.len(), 50);
        resumes(&mut first, &tokens, &[1, 2, 3, 13, 40, 50], || {
            generator(&model, 25, cache)
        });
        // What a text has in common with the one before is not run again.
        let within = Options {
            max_tokens: Some(5),
            ..options
        };
        first.start(&prompt, within.clone()).unwrap();
        let expected = rest(&mut first);
        let other = format!("{prompt}!");
        first.start(&other, within.clone()).unwrap();
        assert!(first.timings().reused_tokens >= 8);
        rest(&mut first);
        first.start(&prompt, within).unwrap();
        assert!(first.timings().reused_tokens >= 8);
        assert_eq!(rest(&mut first), expected);
    }
}

#[test]
fn the_memory_is_told_in_advance() {
    for file in [LFM2, FLOATS] {
        let model = Model::from_bytes(file).unwrap();
        for cache_type in ALL {
            let header = read_header(file).unwrap().unwrap();
            let context = Context {
                cache_type,
                ..Context::default()
            };
            let inspection = Inspection::new(header, 1, context, None).unwrap();
            let memory = inspection.memory.unwrap();
            assert_eq!(memory.weights, model.weight_bytes as u64);
            let mut session = session(&model, cache_type);
            last_hidden(&model, &mut session, &text(1), 64);
            assert_eq!(memory.cache, session.cache_bytes() as u64);
        }
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(changed(FLOATS, &[], |_| true).is_ok());
    let length = changed(FLOATS, &[("lfm2.shortconv.l_cache", Value::U32(4))], |_| {
        true
    });
    let expected = Error::TensorShape {
        tensor: "blk.0.shortconv.conv.weight".to_owned(),
        found: vec![3, 32],
        expected: vec![4, 32],
    };
    assert_eq!(length.err(), Some(expected));

    for tensor in [
        "token_embd_norm.weight",
        "blk.0.shortconv.in_proj.weight",
        "blk.2.shortconv.conv.weight",
        "blk.2.shortconv.out_proj.weight",
        "blk.1.attn_q.weight",
    ] {
        let lacking = changed(FLOATS, &[], |name| name != tensor);
        assert_eq!(lacking.err(), Some(Error::MissingTensor(tensor.to_owned())));
    }

    // A layer is of one kind: what the other kind has is out of place.
    let key = "lfm2.attention.head_count_kv";
    for heads in [vec![2, 2, 0], vec![0, 0, 2], vec![0, 2, 2]] {
        let other = changed(FLOATS, &[(key, Value::Integers(heads.into()))], |_| true);
        assert_eq!(other.err().map(|error| error.code()), Some("corrupt"));
    }
    for heads in [vec![0, 2], vec![0, 2, 0, 0], vec![0, 3, 0], vec![0, 0, 0]] {
        let other = changed(FLOATS, &[(key, Value::Integers(heads.into()))], |_| true);
        assert_eq!(other.err().map(|error| error.code()), Some("bad_metadata"));
    }
}
