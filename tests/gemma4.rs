//! Gemma 4, whose layers differ in the size of their heads and networks, attend to the keys and values of others, and read
//! a vector of their own of each token: a text is the same however it is run, and a file that does not fit is refused.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::continued::{self, LENGTH, session, text};
use common::long::ALL;
use common::runs::{changed, last_hidden};
use common::{GEMMA4, GEMMA4_IDS, GEMMA4_PROMPT};
use nexttoken::generator::CacheType;
use nexttoken::gguf::Value;
use nexttoken::model::Model;
use nexttoken::{Error, set_threads};
use std::sync::Arc;

/// Two layers with keys and values, with a window of 8 and without, and two that attend to these.
const FLOATS: &[u8] = include_bytes!("data/arch/gemma4.f32.gguf");
const FILES: [&[u8]; 2] = [FLOATS, GEMMA4];
/// What converted files have in the last layers though it is not used.
const UNUSED: [&str; 3] = [".attn_k.weight", ".attn_v.weight", ".attn_k_norm.weight"];

fn load(file: &[u8]) -> Arc<Model> {
    Arc::new(Model::from_bytes(file).unwrap())
}

#[test]
fn pinned_tokens() {
    continued::writes_what_is_pinned(&load(GEMMA4), GEMMA4_PROMPT, &GEMMA4_IDS);
}

#[test]
fn chunks_and_threads_change_nothing() {
    for model in FILES.map(load) {
        for cache in ALL {
            set_threads(1);
            let run = |chunk| last_hidden(&model, &mut session(&model, cache), &text(1), chunk);
            let whole = run(LENGTH);
            for threads in [1, 2, 5] {
                set_threads(threads);
                for chunk in [1, 2, 7, LENGTH] {
                    assert_eq!(run(chunk), whole, "{threads} threads, {cache:?}, {chunk}");
                }
            }
        }
    }
}

#[test]
fn a_text_can_be_cut_anywhere() {
    continued::can_be_cut_anywhere(&load(FILES[1]));
}

#[test]
fn a_saved_text_is_the_same_elsewhere() {
    continued::is_the_same_elsewhere(&load(FILES[1]));
}

#[test]
fn a_text_goes_on_as_it_would_have() {
    continued::goes_on_as_it_would_have(&load(FILES[1]));
}

#[test]
fn the_layers_can_be_looked_into() {
    let model = load(FLOATS);
    let mut session = session(&model, CacheType::Q16);
    let ids = text(1);
    last_hidden(&model, &mut session, &ids[1..], LENGTH);
    let outputs = model
        .forward_with_outputs(ids[0], &mut session, true)
        .unwrap();
    let config = &model.config;
    assert_eq!(outputs.attention.len(), config.layers);
    for (layer, heads) in outputs.attention.iter().enumerate() {
        let first = if layer % 2 == 0 { LENGTH - 8 } else { 0 };
        for weights in heads.chunks_exact(LENGTH) {
            assert!(weights[..first].iter().all(|weight| *weight == 0.0));
            assert!(weights[first..].iter().all(|weight| *weight > 0.0));
            assert!((weights.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
    // What the last layer leaves is what the head reads.
    let mut lens = Vec::new();
    let last = &outputs.residuals[(config.layers - 1) * config.hidden_size..];
    model.logit_lens(last, &mut lens).unwrap();
    let mut logits = Vec::new();
    let hidden = session.hidden();
    model.head.logits(hidden.row(0), &mut logits).unwrap();
    assert_eq!(lens, logits);
}

#[test]
fn the_memory_is_told_in_advance() {
    FILES
        .into_iter()
        .for_each(continued::takes_the_memory_that_is_told);
}

/// The keys and values of the layers that attend to those of others are not even loaded.
#[test]
fn what_is_not_used_may_be_missing() {
    let is_used = |name: &str| {
        let is_last = name.starts_with("blk.2") || name.starts_with("blk.3");
        !(is_last && UNUSED.iter().any(|end| name.ends_with(end)))
    };
    let [whole, lacking] = [
        load(FLOATS),
        Arc::new(changed(FLOATS, &[], is_used).unwrap()),
    ];
    assert!(lacking.parameters < whole.parameters);
    assert_eq!(lacking.weight_bytes, whole.weight_bytes);
    let [whole, lacking] = [whole, lacking].map(|model| {
        let mut session = session(&model, CacheType::Q16);
        last_hidden(&model, &mut session, &text(1), LENGTH)
    });
    assert_eq!(lacking, whole);
}

#[test]
fn what_does_not_fit_is_refused() {
    let integers = |list: &[i64]| Value::Integers(list.to_vec().into());
    for (key, value, code) in [
        ("attention.key_length_swa", Value::U32(16), "bad_metadata"),
        ("rope.dimension_count_swa", Value::U32(7), "bad_metadata"),
        ("rope.dimension_count_swa", Value::U32(10), "bad_metadata"),
        ("attention.shared_kv_layers", Value::U32(4), "bad_metadata"),
        ("attention.shared_kv_layers", Value::U32(3), "bad_metadata"),
        (
            "feed_forward_length",
            integers(&[32, 32, 64]),
            "bad_metadata",
        ),
        (
            "feed_forward_length",
            integers(&[32, 32, 64, 0]),
            "bad_metadata",
        ),
        (
            "feed_forward_length",
            integers(&[32, 32, 64, -64]),
            "bad_metadata",
        ),
        (
            "feed_forward_length",
            integers(&[32, 64, 64, 64]),
            "tensor_shape",
        ),
        (
            "embedding_length_per_layer_input",
            Value::U32(16),
            "tensor_shape",
        ),
        ("embedding_length_per_layer_input", Value::U32(0), "corrupt"),
        (
            "embedding_length_per_layer_input",
            Value::U32(1 << 23),
            "bad_metadata",
        ),
    ] {
        let key = format!("gemma4.{key}");
        let refused = changed(FLOATS, &[(&key, value.clone())], |_| true);
        let refused = refused.err().map(|error| error.code());
        assert_eq!(refused, Some(code), "{key} = {value:?}");
    }
    for tensor in [
        "per_layer_token_embd.weight",
        "per_layer_model_proj.weight",
        "per_layer_proj_norm.weight",
        "blk.1.attn_v.weight",
        "blk.0.attn_k_norm.weight",
        "blk.3.attn_q.weight",
        "blk.3.inp_gate.weight",
        "blk.0.proj.weight",
        "blk.2.post_norm.weight",
    ] {
        let lacking = changed(FLOATS, &[], |name| name != tensor).err();
        assert_eq!(lacking, Some(Error::MissingTensor(tensor.to_owned())));
    }
}
