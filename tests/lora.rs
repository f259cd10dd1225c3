//! LoRA adapters: against llama.cpp (`tests/data/lora/make.py`), against merged weights, and one text after another.
#![cfg(not(target_arch = "wasm32"))]

mod common;
#[path = "lora/files.rs"]
mod files;

use common::runs;
use nexttoken::generator::{CacheType, Context, Generator, Options};
use nexttoken::gguf::{Header, read_header};
use nexttoken::kernels;
use nexttoken::model::{Adapter, Model, Session};
use nexttoken::{Error, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

#[derive(Deserialize)]
struct Case {
    base: String,
    adapters: Vec<(String, f32)>,
    /// After each id, the reference's tokens above one percent with their probabilities, the best first.
    predictions: Vec<Vec<(u32, f64)>>,
}

/// Held to write while the backend or the threads of the process change.
static BACKEND: RwLock<()> = RwLock::new(());

fn data(path: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("tests/data").join(path)
}

fn cases() -> Vec<Case> {
    let text = std::fs::read_to_string(data("lora/reference.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn ids() -> Vec<u32> {
    let text = std::fs::read_to_string(data("arch/reference.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    serde_json::from_value(json["ids"].clone()).unwrap()
}

fn model(name: &str) -> Arc<Model> {
    Arc::new(Model::open(data(&format!("arch/{name}.gguf"))).unwrap())
}

fn adapter(model: &Arc<Model>, name: &str) -> Arc<Adapter> {
    Arc::new(Adapter::open(model, data(&format!("lora/{name}.gguf"))).unwrap())
}

fn load(case: &Case) -> (Arc<Model>, Vec<(Arc<Adapter>, f32)>) {
    let model = model(&case.base);
    let named = case.adapters.iter();
    let adapters = named.map(|(name, scale)| (adapter(&model, name), *scale));
    (Arc::clone(&model), adapters.collect())
}

/// The logits after each id, run `chunk` ids at a time.
fn logits(
    model: &Model,
    adapters: &[(Arc<Adapter>, f32)],
    ids: &[u32],
    chunk: usize,
) -> Vec<Vec<f32>> {
    let mut session = Session::new(model, 64, CacheType::F32).unwrap();
    session.set_adapters(adapters.to_vec());
    runs::logits(model, &mut session, ids, chunk)
}

/// The same best token, and every probability of one percent or more within two percent of it.
#[test]
fn probabilities_are_those_of_llama_cpp() {
    let _shared = BACKEND.read();
    for case in cases() {
        let (model, adapters) = load(&case);
        let ours = logits(&model, &adapters, &ids(), 64);
        let plain = logits(&model, &[], &ids(), 64);
        assert_eq!(ours.len(), case.predictions.len());
        let (mut largest, mut moved): (f64, f64) = (0.0, 0.0);
        for ((mut ours, mut plain), reference) in ours.into_iter().zip(plain).zip(&case.predictions)
        {
            kernels::softmax(&mut ours);
            kernels::softmax(&mut plain);
            let best = (0..ours.len()).max_by(|a, b| ours[*a].total_cmp(&ours[*b]));
            assert_eq!(best, Some(reference[0].0 as usize));
            for &(id, probability) in reference {
                let error = |ours: &[f32]| (f64::from(ours[id as usize]) / probability - 1.0).abs();
                largest = largest.max(error(&ours));
                moved = moved.max(error(&plain));
            }
        }
        println!("{} {:?}: {largest:.5}", case.base, case.adapters);
        assert!(
            largest < 0.02,
            "{} {:?}: {largest}",
            case.base,
            case.adapters
        );
        assert!(moved > 0.5, "the adapter hardly matters: {moved}");
    }
}

/// The values of an `f32` tensor in the bytes of a file.
fn floats(bytes: &[u8], header: &Header, name: &str) -> Vec<f32> {
    let info = header
        .tensors
        .iter()
        .find(|info| info.name == name)
        .unwrap();
    let start = (header.data_start + info.offset) as usize;
    let values = bytes[start..][..info.size as usize].chunks_exact(4);
    values
        .map(|value| f32::from_le_bytes(value.try_into().unwrap()))
        .collect()
}

/// Weights to which `scale × α / rank × B A` was added give the logits of the adapter but for rounding.
#[test]
fn an_adapter_is_the_same_as_merged_weights() {
    let _shared = BACKEND.read();
    const RANK: usize = 4;
    let factor = 0.7 * 8.0 / RANK as f32;
    let mut merged = std::fs::read(data("arch/llama.f32.gguf")).unwrap();
    let header = read_header(&merged).unwrap().unwrap();
    let bytes = std::fs::read(data("lora/llama-all.gguf")).unwrap();
    let update = read_header(&bytes).unwrap().unwrap();
    let mut added = 0;
    for info in &header.tensors {
        if !update
            .tensors
            .iter()
            .any(|tensor| tensor.name == format!("{}.lora_a", info.name))
        {
            continue;
        }
        added += 1;
        let [a, b] =
            ["a", "b"].map(|half| floats(&bytes, &update, &format!("{}.lora_{half}", info.name)));
        let (cols, start) = (
            info.shape[0] as usize,
            (header.data_start + info.offset) as usize,
        );
        let weights = merged[start..][..info.size as usize].chunks_exact_mut(4);
        for (index, weight) in weights.enumerate() {
            let (row, col) = (index / cols, index % cols);
            let sum: f32 = (0..RANK)
                .map(|r| b[row * RANK + r] * a[r * cols + col])
                .sum();
            let value = f32::from_le_bytes((&*weight).try_into().unwrap()) + factor * sum;
            weight.copy_from_slice(&value.to_le_bytes());
        }
    }
    assert_eq!(added, 14);
    let model = model("llama.f32");
    let adapters = [(adapter(&model, "llama-all"), 0.7)];
    let ours = logits(&model, &adapters, &ids(), 64).concat();
    let merged = Model::from_bytes(&merged).unwrap();
    let theirs = logits(&merged, &[], &ids(), 64).concat();
    let largest = theirs
        .iter()
        .fold(0f32, |most, logit| most.max(logit.abs()));
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert!((ours - theirs).abs() < 1e-4 * largest, "{ours} {theirs}");
    }
}

/// However the ids are cut into chunks, on any number of threads and whatever the arithmetic, the bits are the same.
#[test]
fn chunks_threads_and_backends_change_nothing() {
    let _alone = BACKEND.write();
    for case in cases() {
        let (model, adapters) = load(&case);
        let whole = logits(&model, &adapters, &ids(), 64);
        assert_eq!(whole, logits(&model, &adapters, &ids(), 1), "{}", case.base);
        nexttoken::set_threads(3);
        assert_eq!(whole, logits(&model, &adapters, &ids(), 5), "{}", case.base);
        nexttoken::set_threads(1);
        kernels::force_scalar(true);
        let (model, adapters) = load(&case);
        let scalar = logits(&model, &adapters, &ids(), 64);
        kernels::force_scalar(false);
        assert_eq!(whole, scalar, "{}", case.base);
    }
}

#[test]
fn a_scale_of_zero_is_no_adapter() {
    let _shared = BACKEND.read();
    let model = model("llama.q8_0");
    let adapters = [(adapter(&model, "llama-all"), 0.0)];
    let zero = logits(&model, &adapters, &ids(), 64);
    assert_eq!(zero, logits(&model, &[], &ids(), 64));
}

const PROMPT: &str = "what comes next, and then";

/// A generator that knows both adapters of its model.
fn generator() -> Generator {
    let model = model("llama.f32");
    let mut generator = Generator::new(Arc::clone(&model), Context::default()).unwrap();
    for name in ["llama-all", "llama-some"] {
        generator.add_adapter(name, adapter(&model, name)).unwrap();
    }
    generator
}

fn options(adapters: &[(&str, f32)]) -> Options {
    Options {
        adapters: adapters
            .iter()
            .map(|(name, scale)| ((*name).to_owned(), *scale))
            .collect(),
        max_tokens: Some(12),
        seed: Some(3),
        ..Options::default()
    }
}

fn write(generator: &mut Generator, adapters: &[(&str, f32)]) -> Vec<u32> {
    generator.start(PROMPT, options(adapters)).unwrap();
    generator.tokens().for_each(|token| drop(token.unwrap()));
    generator.ids().to_vec()
}

/// What was computed with other adapters is not reused; what was computed with the same is.
#[test]
fn texts_choose_their_adapters() {
    let _shared = BACKEND.read();
    let choices: [&[(&str, f32)]; 5] = [
        &[],
        &[("llama-all", 1.0)],
        &[("llama-all", 0.5)],
        &[("llama-some", 1.0)],
        &[("llama-all", 0.5), ("llama-some", 1.0)],
    ];
    let fresh = choices.map(|choice| write(&mut generator(), choice));
    let mut one = generator();
    for _ in 0..2 {
        for (choice, expected) in choices.iter().zip(&fresh) {
            assert_eq!(write(&mut one, choice), *expected, "{choice:?}");
            assert_eq!(one.timings().reused_tokens, 0, "{choice:?}");
            assert_eq!(write(&mut one, choice), *expected, "{choice:?}");
            assert!(one.timings().reused_tokens > 0, "{choice:?}");
        }
    }
    let distinct: std::collections::HashSet<_> = fresh.iter().collect();
    assert_eq!(distinct.len(), choices.len());
}

#[test]
fn guesses_change_no_text() {
    let _shared = BACKEND.read();
    let mut generator = generator();
    generator.set_draft_cost(0.0);
    let all = [("llama-all", 1.0)];
    let mut texts = [true, false].map(|speculation| {
        let options = Options {
            speculation,
            temperature: 0.0,
            max_tokens: Some(30),
            ..options(&all)
        };
        generator.reset();
        generator.start(PROMPT, options).unwrap();
        generator.tokens().for_each(|token| drop(token.unwrap()));
        (generator.ids().to_vec(), generator.timings().drafted)
    });
    assert!(texts[0].1 > 0, "nothing was guessed");
    texts[0].1 = 0;
    assert_eq!(texts[0], texts[1]);
}

#[test]
fn a_text_keeps_its_adapters_to_the_end() {
    let _shared = BACKEND.read();
    let chosen = [("llama-all", 1.0)];
    let expected = write(&mut generator(), &chosen);
    let mut generator = generator();
    generator.start(PROMPT, options(&chosen)).unwrap();
    for _ in 0..3 {
        generator.next_token().unwrap();
    }
    assert!(generator.remove_adapter("llama-all") && !generator.remove_adapter("llama-all"));
    assert_eq!(generator.adapters().collect::<Vec<_>>(), ["llama-some"]);
    // Other options may change, adapters may not.
    generator.configure(options(&chosen)).unwrap();
    let named = |result: Result<()>| match result {
        Err(Error::InvalidOption { name, .. }) => name,
        other => panic!("{other:?}"),
    };
    assert_eq!(named(generator.configure(options(&[]))), "adapters");
    assert_eq!(named(generator.snapshot().map(drop)), "adapters");
    let mut fork = generator.fork().unwrap();
    for generator in [&mut generator, &mut fork] {
        generator.rewind(1).unwrap();
        generator.tokens().for_each(|token| drop(token.unwrap()));
        assert_eq!(generator.ids(), expected);
    }
    // A text that cannot be started leaves this one as it is.
    assert_eq!(named(generator.start(PROMPT, options(&chosen))), "adapters");
    assert_eq!(generator.ids(), expected);
    // One of the same name is another adapter.
    let other = adapter(generator.model(), "llama-some");
    generator.add_adapter("llama-all", other).unwrap();
    let some = write(&mut self::generator(), &[("llama-some", 1.0)]);
    assert_eq!(write(&mut generator, &chosen), some);
    assert_eq!(generator.timings().reused_tokens, 0);
}

#[test]
fn an_adapter_belongs_to_its_model() {
    let _shared = BACKEND.read();
    let (mine, other) = (model("llama.f32"), model("llama.f32"));
    let foreign = adapter(&other, "llama-all");
    let mut generator = Generator::new(Arc::clone(&mine), Context::default()).unwrap();
    let refused = |result: Result<()>| {
        assert!(matches!(result, Err(Error::InvalidOption { name, .. }) if name == "adapter"));
    };
    refused(generator.add_adapter("x", Arc::clone(&foreign)));
    let mut session = Session::new(&mine, 8, CacheType::F32).unwrap();
    session.set_adapters(vec![(foreign, 1.0)]);
    refused(mine.forward(&[1], &mut session));
}
