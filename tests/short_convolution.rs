//! Layers that convolve (LFM2) remember what they read as exactly as attention does: however a text comes about, and
//! whatever was there before, the bits are those of a text run at once.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::continued::{self, LENGTH, session, text};
use common::long::ALL;
use common::runs::{changed, last_hidden};
use common::*;
use nexttoken::generator::{CacheType, Context};
use nexttoken::gguf::{Value, read_header};
use nexttoken::model::Session;
use nexttoken::{Error, Inspection};

/// As [`LFM2`], a layer that attends between two that convolve three positions.
const FLOATS: &[u8] = include_bytes!("data/arch/lfm2.f32.gguf");

#[test]
fn pinned_tokens() {
    continued::writes_what_is_pinned(&load(LFM2), LFM2_PROMPT, &LFM2_IDS);
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
    continued::can_be_cut_anywhere(&load(LFM2));
}

#[test]
fn a_saved_text_is_the_same_elsewhere() {
    continued::is_the_same_elsewhere(&load(LFM2));
}

#[test]
fn a_text_goes_on_as_it_would_have() {
    continued::goes_on_as_it_would_have(&load(LFM2));
}

#[test]
fn the_memory_is_told_in_advance() {
    for (file, cache_type) in [(LFM2, CacheType::Q16), (FLOATS, CacheType::F32)] {
        let model = load(file);
        let context = Context {
            cache_type,
            ..Context::default()
        };
        let header = read_header(file).unwrap().unwrap();
        let told = Inspection::new(header, 1, context, None).unwrap();
        let told = told.memory.unwrap();
        let mut session = session(&model, cache_type);
        last_hidden(&model, &mut session, &text(1), 64);
        // Six checkpoints, of which so short a text has none, with two inputs of two layers each.
        let checkpoints = 6 * 2 * 2 * 32 * 4;
        assert_eq!(told.cache, session.cache_bytes() as u64 + checkpoints);
        assert_eq!(told.weights, model.weight_bytes);
    }
}

/// What was written last can be taken back without running anything again, 64 tokens of it; farther back, the text goes on
/// from a checkpoint.
#[test]
fn the_last_tokens_are_taken_back_for_nothing() {
    let model = load(LFM2);
    let ids: Vec<u32> = (0..8).flat_map(text).collect();
    let mut session = Session::new(&model, 200, CacheType::Q16).unwrap();
    assert!(session.truncates_freely());
    for (back, kept) in [(1, 159), (64, 96), (65, 70), (90, 70), (91, 0), (160, 0)] {
        session.truncate(0);
        // There is a checkpoint after each.
        for ids in [&ids[..70], &ids[70..]] {
            model.forward(ids, &mut session).unwrap();
        }
        session.truncate(ids.len() - back);
        assert_eq!(session.len(), kept, "{back}");
        let rest = &ids[kept..];
        let found = last_hidden(&model, &mut session, rest, 64);
        let mut whole = Session::new(&model, 200, CacheType::Q16).unwrap();
        assert_eq!(found, last_hidden(&model, &mut whole, &ids, 64), "{back}");
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
