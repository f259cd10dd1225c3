//! Mixtures of experts: a text is the same however it is run and wherever the file is cut while it arrives, the memory is
//! told in advance, and a file that does not fit its header is refused.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::long::{ALL, generator, rest};
use common::pinned_options;
use common::runs::{changed, last_hidden};
use nexttoken::generator::{CacheType, Context};
use nexttoken::gguf::{Value, read_header};
use nexttoken::model::{Loader, Model, Session};
use nexttoken::{Error, Inspection, set_threads};

/// Of architectures with mixtures, one with an expert that all tokens share, and one whose experts have biases.
const FILES: [&[u8]; 6] = [
    include_bytes!("data/arch/granitemoe.q8_0.gguf"),
    include_bytes!("data/arch/granitemoe-shared.f32.gguf"),
    include_bytes!("data/arch/olmoe.q8_0.gguf"),
    include_bytes!("data/arch/qwen3moe.q8_0.gguf"),
    include_bytes!("data/arch/lfm2moe.q8_0.gguf"),
    include_bytes!("data/arch/gpt-oss.mxfp4.gguf"),
];
const LENGTH: usize = 40;

fn text() -> Vec<u32> {
    (0..LENGTH as u32).map(|i| (i * i * 7 + 5) % 62).collect()
}

fn session(model: &Model, cache: CacheType) -> Session {
    Session::new(model, 2 * LENGTH, cache).unwrap()
}

/// The sum over a token's experts does not depend on which other tokens run at once, nor on how many threads do.
#[test]
fn chunks_and_threads_change_nothing() {
    for file in FILES {
        let model = Model::from_bytes(file).unwrap();
        set_threads(1);
        let run = |chunk| last_hidden(&model, &mut session(&model, CacheType::Q16), &text(), chunk);
        let whole = run(LENGTH);
        for threads in [1, 2, 5] {
            set_threads(threads);
            for chunk in [1, 2, 7, LENGTH] {
                assert_eq!(run(chunk), whole, "{threads} threads, {chunk}");
            }
        }
    }
}

/// A piece may end within an expert, or hold several.
#[test]
fn pieces_of_the_file_change_nothing() {
    for file in FILES {
        let whole = Model::from_bytes(file).unwrap();
        let expected = last_hidden(
            &whole,
            &mut session(&whole, CacheType::Q16),
            &text(),
            LENGTH,
        );
        for piece in [97, 5000, 70_000] {
            let mut loader = Loader::new();
            for bytes in file.chunks(piece) {
                loader.push(bytes).unwrap();
            }
            let model = loader.finish().unwrap();
            let hidden = last_hidden(
                &model,
                &mut session(&model, CacheType::Q16),
                &text(),
                LENGTH,
            );
            assert_eq!(hidden, expected, "{piece}");
            assert_eq!(model.fingerprint, whole.fingerprint);
        }
    }
}

/// A text that is restored from a snapshot goes on as it would have.
#[test]
fn a_saved_text_goes_on() {
    for file in FILES {
        let model = Model::from_bytes(file).unwrap();
        for cache in ALL {
            let mut first = session(&model, cache);
            last_hidden(&model, &mut first, &text()[..30], 30);
            let mut saved = Vec::new();
            first.save(30, &mut saved).unwrap();
            let mut second = session(&model, cache);
            assert!(second.restore(30, &saved).unwrap());
            let [first, second] = [first, second]
                .map(|mut session| last_hidden(&model, &mut session, &text()[30..], 10));
            assert_eq!(first, second, "{cache:?}");
        }
    }
}

#[test]
fn the_memory_and_the_parameters_are_told_in_advance() {
    for file in FILES {
        let model = Model::from_bytes(file).unwrap();
        let header = read_header(file).unwrap().unwrap();
        let inspection = Inspection::new(header, 1, Context::default(), None).unwrap();
        let memory = inspection.memory.unwrap();
        assert_eq!(memory.weights, model.weight_bytes);
        assert_eq!(inspection.parameters, model.parameters);
        // Those of all experts, not only of those that a token runs through.
        assert!(model.parameters > 45_000, "{}", model.parameters);
    }
}

/// The tokens of a text, which no later version may change.
#[test]
fn pinned_tokens() {
    let model = Model::from_bytes(FILES[0]).unwrap();
    let mut generator = generator(&std::sync::Arc::new(model), 64, CacheType::Q16);
    generator.start("ON THE THEN", pinned_options()).unwrap();
    let ids: Vec<u32> = rest(&mut generator).iter().map(|token| token.id).collect();
    assert_eq!(
        ids,
        [46, 27, 47, 3, 13, 57, 3, 55, 40, 44, 57, 24, 44, 57, 1, 35]
    );
}

#[test]
fn what_does_not_fit_is_refused() {
    let file = FILES[4];
    assert!(changed(file, &[], |_| true).is_ok());
    for (key, value) in [
        ("lfm2moe.expert_count", 4),
        ("lfm2moe.expert_count", 6),
        ("lfm2moe.expert_feed_forward_length", 64),
        ("lfm2moe.feed_forward_length", 32),
    ] {
        let refused = changed(file, &[(key, Value::U32(value))], |_| true).err();
        assert!(
            matches!(refused, Some(Error::TensorShape { .. })),
            "{key} = {value}: {refused:?}"
        );
    }
    // Layers that are mixtures by one header and have one network by the other.
    for (key, value) in [("leading_dense_block_count", 2), ("expert_count", 0)] {
        let key = format!("lfm2moe.{key}");
        let refused = changed(file, &[(&key, Value::U32(value))], |_| true).err();
        assert!(matches!(refused, Some(Error::Corrupt(_))), "{refused:?}");
    }
    for tensor in [
        "blk.1.ffn_gate_inp.weight",
        "blk.1.ffn_up_exps.weight",
        "blk.2.ffn_down_exps.weight",
        "blk.2.exp_probs_b.bias",
        "blk.0.ffn_up.weight",
    ] {
        let refused = changed(file, &[], |name| name != tensor).err();
        assert_eq!(refused, Some(Error::MissingTensor(tensor.to_owned())));
    }
    for tensor in ["blk.1.ffn_gate_exps.bias", "blk.0.attn_sinks.weight"] {
        let refused = changed(FILES[5], &[], |name| name != tensor).err();
        assert_eq!(refused, Some(Error::MissingTensor(tensor.to_owned())));
    }
}
