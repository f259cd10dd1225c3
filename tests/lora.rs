//! LoRA adapters: against llama.cpp (`tests/data/lora/make.py`), against merged weights, and one text after another.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::runs;
use nexttoken::generator::{CacheType, Context, Generator, Options};
use nexttoken::gguf::{Header, Value, Writer, read_header};
use nexttoken::kernels;
use nexttoken::model::{Adapter, AdapterLoader, Model, Session};
use nexttoken::quant::TensorType;
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

/// A file in the making: a usable adapter of rank 2, unless it is changed.
struct File {
    metadata: Vec<(&'static str, Value)>,
    tensors: Vec<(&'static str, Vec<u64>, Vec<f32>)>,
}

const ALPHA: &str = "adapter.lora.alpha";

impl File {
    fn usable() -> Self {
        let string = |text: &str| Value::String(text.into());
        File {
            metadata: vec![
                ("general.type", string("adapter")),
                ("adapter.type", string("lora")),
                ("general.architecture", string("llama")),
                (ALPHA, Value::F32(1.0)),
            ],
            tensors: vec![
                ("blk.1.attn_k.weight.lora_a", vec![32, 2], vec![0.5; 64]),
                ("blk.1.attn_k.weight.lora_b", vec![2, 16], vec![0.5; 32]),
            ],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        for (key, value) in &self.metadata {
            writer.metadata(key, value.clone()).unwrap();
        }
        let data: Vec<Vec<u8>> = self
            .tensors
            .iter()
            .map(|(_, _, values)| {
                values
                    .iter()
                    .flat_map(|value| value.to_le_bytes())
                    .collect()
            })
            .collect();
        for ((name, shape, _), data) in self.tensors.iter().zip(&data) {
            writer.tensor(name, shape, TensorType::F32, data).unwrap();
        }
        writer.to_vec().unwrap()
    }
}

/// The error for the usable file after a change.
fn refused(change: impl FnOnce(&mut File)) -> Error {
    let mut file = File::usable();
    change(&mut file);
    match Adapter::from_bytes(&model("llama.f32"), &file.bytes()) {
        Err(error) => error,
        Ok(_) => panic!("it was loaded"),
    }
}

/// An adapter changes the router of a mixture and what is no mixture, but none of the experts.
#[test]
fn adapters_of_experts_are_refused() {
    let model = model("granitemoe.f32");
    let adapter = |[a, b]: [&'static str; 2], rows: u64| {
        let mut file = File::usable();
        file.metadata[2].1 = Value::String("granitemoe".into());
        let values = vec![0.5; 2 * rows as usize];
        file.tensors = vec![(a, vec![32, 2], vec![0.5; 64]), (b, vec![2, rows], values)];
        Adapter::from_bytes(&model, &file.bytes())
    };
    let router = [
        "blk.1.ffn_gate_inp.weight.lora_a",
        "blk.1.ffn_gate_inp.weight.lora_b",
    ];
    adapter(router, 6).unwrap();
    let experts = [
        "blk.1.ffn_up_exps.weight.lora_a",
        "blk.1.ffn_up_exps.weight.lora_b",
    ];
    let refused = adapter(experts, 32).err().unwrap();
    assert_eq!(refused.code(), "invalid_option");
    assert!(refused.to_string().contains("experts"), "{refused}");
}

#[test]
fn what_is_no_adapter_of_the_model_is_refused() {
    Adapter::from_bytes(&model("llama.f32"), &File::usable().bytes()).unwrap();
    let set = |key: &str, value: Value| {
        let error = refused(|file| {
            let pair = file.metadata.iter_mut().find(|(known, _)| *known == key);
            pair.unwrap().1 = value;
        });
        assert!(
            matches!(&error, Error::BadMetadata { key: named, .. } if named == key),
            "{error}"
        );
    };
    set("general.type", Value::String("model".into()));
    set("adapter.type", Value::String("ia3".into()));
    set("general.architecture", Value::String("qwen2".into()));
    set(ALPHA, Value::F32(f32::INFINITY));
    set(ALPHA, Value::String("8".into()));
    let without = refused(|file| drop(file.metadata.remove(0)));
    assert_eq!(without, Error::MissingMetadata("general.type".into()));
    let invocation = "adapter.alora.invocation_tokens";
    let late = refused(|file| file.metadata.push((invocation, Value::U32(1))));
    assert!(matches!(late, Error::BadMetadata { key, .. } if key == invocation));

    for index in [0, 1] {
        let missing = File::usable().tensors[index].0.to_owned();
        let error = refused(|file| drop(file.tensors.remove(index)));
        assert_eq!(error, Error::MissingTensor(missing));
    }
    let shaped = |index: usize, shape: &[u64]| {
        let error = refused(|file| {
            let count = shape.iter().product::<u64>() as usize;
            let tensor = &mut file.tensors[index];
            (tensor.1, tensor.2) = (shape.to_vec(), vec![0.5; count]);
        });
        assert!(
            matches!(error.code(), "tensor_shape" | "corrupt"),
            "{shape:?}: {error}"
        );
    };
    shaped(0, &[16, 2]);
    shaped(0, &[32, 3]);
    shaped(0, &[32]);
    shaped(0, &[32, 2, 1]);
    shaped(0, &[32, 4097]);
    shaped(1, &[2, 32]);
    shaped(1, &[16, 2]);
    for name in [
        "blk.1.attn_k.weight",
        "blk.1.attn_k.lora_a",
        "blk.2.attn_k.weight.lora_a",
        "blk.01.attn_k.weight.lora_a",
        "blk.1.attn_norm.weight.lora_a",
        "blk.1.attn_qkv.weight.lora_a",
        "token_embd.weight.lora_a",
        "output.weight.lora_b",
        ".lora_a",
    ] {
        let error = refused(|file| file.tensors.push((name, vec![32, 2], vec![0.5; 64])));
        assert!(
            matches!(&error, Error::Corrupt(reason) if reason.contains(name)),
            "{error}"
        );
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for index in [0, 1] {
            let error = refused(|file| file.tensors[index].2[31] = bad);
            assert!(matches!(error, Error::Corrupt(_)), "{error}");
        }
    }
}

/// Bytes in any pieces make the same adapter; damaged bytes are an error or another adapter, never a panic.
#[test]
fn pieces_and_damage() {
    let _shared = BACKEND.read();
    let model = model("llama.f32");
    let bytes = File::usable().bytes();
    let logits_of = |adapter| logits(&model, &[(Arc::new(adapter), 1.0)], &ids()[..4], 4);
    let whole = logits_of(Adapter::from_bytes(&model, &bytes).unwrap());
    for size in [1, 7, 33] {
        let mut loader = AdapterLoader::new(&model);
        bytes
            .chunks(size)
            .for_each(|piece| loader.push(piece).unwrap());
        assert_eq!(loader.file_size(), Some(bytes.len() as u64));
        assert_eq!(logits_of(loader.finish().unwrap()), whole);
    }
    for end in 0..bytes.len() {
        let error = Adapter::from_bytes(&model, &bytes[..end])
            .map(drop)
            .unwrap_err();
        assert!(matches!(error, Error::Truncated(_)), "{end}: {error}");
    }
    let header = read_header(&bytes).unwrap().unwrap();
    for at in 0..header.data_start as usize {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            if let Ok(adapter) = Adapter::from_bytes(&model, &damaged) {
                assert!(
                    logits_of(adapter)
                        .concat()
                        .iter()
                        .all(|logit| logit.is_finite())
                );
            }
        }
    }
}
