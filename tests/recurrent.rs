//! Layers with a gated delta net (Qwen3.5) or a Mamba-2 mixer (Granite 4.0 H, Mamba-2, Falcon-H1) keep one state of all
//! that was read, which cannot be taken back, and those with a short convolution (LFM2) what was read last: however a text
//! comes about, and whatever was there before, the bits are those of a text run at once.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::long::{ALL, generator, rest, resumes};
use common::runs::{changed, last_hidden};
use nexttoken::generator::{CacheType, Context, Options};
use nexttoken::gguf::{Value, read_header};
use nexttoken::model::{Model, Session};
use nexttoken::{Error, Inspection};
use std::sync::Arc;

/// Two layers with a delta net, one with attention, and one that only predicts further tokens.
const QWEN35: [&[u8]; 2] = [
    include_bytes!("data/arch/qwen35.q8_0.gguf"),
    include_bytes!("data/arch/qwen35.f32.gguf"),
];
/// Two layers with a Mamba-2 mixer, one with attention.
const GRANITE: [&[u8]; 2] = [
    include_bytes!("data/arch/granitehybrid.q8_0.gguf"),
    include_bytes!("data/arch/granitehybrid.f32.gguf"),
];
/// Three layers, all with a Mamba-2 mixer alone.
const MAMBA2: [&[u8]; 2] = [
    include_bytes!("data/arch/mamba2.q8_0.gguf"),
    include_bytes!("data/arch/mamba2.f32.gguf"),
];
/// Two layers with a Mamba-2 mixer beside attention.
const FALCON: [&[u8]; 2] = [
    include_bytes!("data/arch/falcon-h1.q8_0.gguf"),
    include_bytes!("data/arch/falcon-h1.f32.gguf"),
];
/// Two layers with a short convolution, one with attention between them.
const LFM2: &[u8] = include_bytes!("data/arch/lfm2.q8_0.gguf");
/// Of each, the quantised file and the one in floats.
const FILES: [[&[u8]; 2]; 4] = [QWEN35, GRANITE, MAMBA2, FALCON];
/// Long enough for several checkpoints of the state.
const LENGTH: usize = 420;

fn load(bytes: &[u8]) -> Arc<Model> {
    Arc::new(Model::from_bytes(bytes).unwrap())
}

fn quantized() -> [Arc<Model>; 5] {
    // Its context is too short for these texts.
    let longer = [("lfm2.context_length", Value::U32(1024))];
    let lfm2 = changed(LFM2, &longer, |_| true).unwrap();
    let [qwen35, granite, mamba2, falcon] = FILES.map(|[quantized, _]| load(quantized));
    [qwen35, granite, mamba2, falcon, Arc::new(lfm2)]
}

fn text(seed: u32, length: usize) -> Vec<u32> {
    (0..length as u32)
        .map(|i| (i * i * 7 + i / 9 + seed * 5) % 62)
        .collect()
}

fn session(model: &Model, cache: CacheType) -> Session {
    Session::new(model, 2 * LENGTH, cache).unwrap()
}

#[test]
fn chunks_change_nothing() {
    for model in FILES.iter().flatten().map(|file| load(file)) {
        for cache in ALL {
            let ids = text(1, 40);
            let whole = last_hidden(&model, &mut session(&model, cache), &ids, 40);
            for chunk in [1, 2, 3, 7] {
                let pieces = last_hidden(&model, &mut session(&model, cache), &ids, chunk);
                assert_eq!(pieces, whole, "{cache:?}, {chunk}");
            }
        }
    }
}

#[test]
fn a_text_can_be_cut_anywhere() {
    quantized().iter().for_each(cuts_anywhere);
}

fn cuts_anywhere(model: &Arc<Model>) {
    let (before, after) = (text(1, LENGTH), text(2, 5));
    let mut cut = session(model, CacheType::Q16);
    for len in [0, 1, 63, 64, 65, 130, 200, 257, 330, 400, 419, 420] {
        cut.truncate(0);
        assert_eq!(cut.len(), 0);
        for ids in before.chunks(23) {
            model.forward(ids, &mut cut).unwrap();
        }
        cut.truncate(len);
        let held = cut.len();
        // Nothing is run again where nothing was taken back; else little beside what was.
        assert!(
            held <= len && (held == len || held > 0 || len < 90),
            "{len}: {held}"
        );
        let mut fork = cut.fork().unwrap();
        let expected = {
            let ids = [&before[..len], &after].concat();
            last_hidden(model, &mut session(model, CacheType::Q16), &ids, 64)
        };
        let ids = [&before[held..len], &after].concat();
        assert_eq!(last_hidden(model, &mut cut, &ids, 3), expected, "{len}");
        // A fork is a text of its own, and can be cut as well.
        assert_eq!(last_hidden(model, &mut fork, &ids, 64), expected, "{len}");
        fork.truncate(len);
        let ids = [&before[fork.len()..len], &after].concat();
        assert_eq!(last_hidden(model, &mut fork, &ids, 64), expected, "{len}");
    }
}

/// The loop by hand, with a text that outgrows its context.
#[test]
fn a_text_goes_on_as_it_would_have() {
    quantized().iter().for_each(goes_on);
}

fn goes_on(model: &Arc<Model>) {
    let prompt = model.tokenizer.decode(&text(1, 90));
    for cache in ALL {
        let options = Options {
            seed: Some(4),
            max_tokens: Some(220),
            context_shift: true,
            banned_tokens: vec![63],
            ..Options::default()
        };
        let mut first = generator(model, 200, cache);
        first.start(&prompt, options.clone()).unwrap();
        let tokens = rest(&mut first);
        assert_eq!(tokens.len(), 220);
        resumes(&mut first, &tokens, &[1, 2, 70, 130, 219, 220], || {
            generator(model, 200, cache)
        });
    }
}

/// What a chat's next turn has in common with the last one is not run again, but for the tokens since a checkpoint.
#[test]
fn the_next_turn_reuses_the_last() {
    quantized().iter().for_each(reuses_the_last);
}

fn reuses_the_last(model: &Arc<Model>) {
    let options = |max_tokens| Options {
        temperature: 0.0,
        max_tokens: Some(max_tokens),
        banned_tokens: vec![63],
        ..Options::default()
    };
    let mut generator = generator(model, 400, CacheType::Q16);
    let prompt = model.tokenizer.decode(&text(1, 150));
    generator.start(&prompt, options(3)).unwrap();
    let expected = rest(&mut generator);
    let turn = format!("{prompt}and");
    generator.start(&turn, options(60)).unwrap();
    assert!(generator.timings().reused_tokens >= 64);
    rest(&mut generator);
    generator.start(&prompt, options(3)).unwrap();
    assert!(generator.timings().reused_tokens >= 64);
    assert_eq!(rest(&mut generator), expected);
}

/// A look inside and a score do not disturb the text, nor does the way to them matter.
#[test]
fn internals_are_those_of_the_text() {
    let hybrid = &[false, true, false][..];
    let attending = [hybrid, hybrid, &[false; 3], &[true; 2], hybrid];
    for (model, attending) in quantized().iter().zip(attending) {
        looks_inside(model, attending);
    }
}

fn looks_inside(model: &Arc<Model>, attending: &[bool]) {
    let options = || Options {
        temperature: 0.0,
        max_tokens: Some(30),
        banned_tokens: vec![63],
        ..Options::default()
    };
    let prompt = model.tokenizer.decode(&text(3, 100));
    let mut plain = generator(model, 200, CacheType::Q16);
    plain.start(&prompt, options()).unwrap();
    let tokens = rest(&mut plain);
    let mut looked = generator(model, 200, CacheType::Q16);
    looked.start(&prompt, options()).unwrap();
    for token in &tokens {
        let internals = looked.internals(1, true).unwrap().unwrap();
        assert_eq!(internals.layers.len(), attending.len());
        let attention = internals.attention.iter();
        let attends = attention.map(|weights| !weights.is_empty());
        assert_eq!(attends.collect::<Vec<_>>(), attending);
        assert_eq!(looked.next_token().unwrap().as_ref(), Some(token));
    }
}

#[test]
fn the_memory_is_told_in_advance() {
    let each =
        FILES.map(|[quantized, floats]| [(quantized, CacheType::Q16), (floats, CacheType::F32)]);
    for (file, cache_type) in each.into_iter().flatten() {
        let model = load(file);
        let header = read_header(file).unwrap().unwrap();
        let context = Context {
            cache_type,
            length: Some(LENGTH),
        };
        let memory = Inspection::new(header, 1, context, None)
            .unwrap()
            .memory
            .unwrap();
        assert_eq!(memory.weights, model.weight_bytes);
        let mut session = session(&model, cache_type);
        last_hidden(&model, &mut session, &text(1, LENGTH), 64);
        // With as many checkpoints as there may be.
        assert_eq!(memory.cache, session.cache_bytes() as u64);
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    assert!(changed(QWEN35[1], &[], |_| true).is_ok());
    for tensor in [
        "blk.0.attn_qkv.weight",
        "blk.0.attn_gate.weight",
        "blk.0.ssm_a",
        "blk.2.ssm_dt.bias",
        "blk.2.ssm_conv1d.weight",
        "blk.1.attn_q.weight",
    ] {
        let lacking = changed(QWEN35[1], &[], |name| name != tensor);
        assert_eq!(lacking.err(), Some(Error::MissingTensor(tensor.to_owned())));
    }
    // The layer that is not loaded may be anything.
    assert!(changed(QWEN35[1], &[], |name| !name.starts_with("blk.3.ffn")).is_ok());
    for (key, value) in [
        ("qwen35.ssm.group_count", 3),
        ("qwen35.ssm.inner_size", 16),
        ("qwen35.ssm.conv_kernel", 65),
        ("qwen35.nextn_predict_layers", 4),
        ("qwen35.ssm.state_size", 1 << 23),
    ] {
        let other = changed(QWEN35[1], &[(key, Value::U32(value))], |_| true);
        let code = other.err().map(|error| error.code());
        assert_eq!(code, Some("bad_metadata"), "{key}");
    }
    let conv = changed(
        QWEN35[1],
        &[("qwen35.ssm.conv_kernel", Value::U32(3))],
        |_| true,
    );
    assert_eq!(conv.err().map(|error| error.code()), Some("tensor_shape"));
}

#[test]
fn what_does_not_fit_a_mamba_2_layer_is_refused() {
    for (file, name) in [(GRANITE[1], "granitehybrid"), (MAMBA2[1], "mamba2")] {
        assert!(changed(file, &[], |_| true).is_ok());
        for tensor in [
            "blk.0.ssm_in.weight",
            "blk.0.ssm_a",
            "blk.0.ssm_d",
            "blk.0.ssm_norm.weight",
            "blk.2.ssm_dt.bias",
            "blk.2.ssm_conv1d.weight",
            "blk.2.ssm_out.weight",
        ] {
            let lacking = changed(file, &[], |name| name != tensor);
            assert_eq!(lacking.err(), Some(Error::MissingTensor(tensor.to_owned())));
        }
        for (key, value, code) in [
            ("ssm.group_count", 3, "bad_metadata"),
            ("ssm.group_count", 0, "bad_metadata"),
            ("ssm.inner_size", 62, "bad_metadata"),
            ("ssm.inner_size", 3, "bad_metadata"),
            ("ssm.time_step_rank", 0, "bad_metadata"),
            ("ssm.conv_kernel", 65, "bad_metadata"),
            ("ssm.state_size", 1 << 23, "tensor_shape"),
            ("ssm.state_size", u32::MAX, "bad_metadata"),
            ("ssm.time_step_rank", 8, "tensor_shape"),
            ("ssm.conv_kernel", 3, "tensor_shape"),
        ] {
            let key = format!("{name}.{key}");
            let other = changed(file, &[(&key, Value::U32(value))], |_| true);
            let found = other.err().map(|error| error.code());
            assert_eq!(found, Some(code), "{key} = {value}");
        }
    }
}
