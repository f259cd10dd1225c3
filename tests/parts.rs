//! Models in several files, and what headers say before anything else is read.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::*;
use nexttoken::generator::{CacheType, Context, Generator, Options};
use nexttoken::gguf::{Header, Split, Value, Writer, read_header};
use nexttoken::model::{Loader, Model, Session};
use nexttoken::quant::TensorType;
use nexttoken::{Error, Inspection, MemoryLimit, Result};
use std::sync::Arc;

fn headers(parts: &[Vec<u8>]) -> Vec<Header> {
    let header = |part: &Vec<u8>| read_header(part).unwrap().unwrap();
    parts.iter().map(header).collect()
}

/// Loads parts in pieces of `piece` bytes.
fn load_parts(parts: &[Vec<u8>], piece: usize) -> Result<Model> {
    let split = Split::new(headers(parts))?;
    let order = split.order().to_vec();
    let mut loader = Loader::of_split(split)?;
    let size: usize = parts.iter().map(Vec::len).sum();
    // The padding behind the last tensor of each is not counted.
    let expected = loader.file_size().unwrap() as usize;
    assert!(expected <= size && size - expected < 32 * parts.len());
    for (place, index) in order.into_iter().enumerate() {
        if place > 0 {
            loader.next_part()?;
        }
        for piece in parts[index].chunks(piece) {
            loader.push(piece)?;
        }
    }
    loader.finish()
}

fn written(model: Model) -> Vec<u32> {
    let mut generator = Generator::new(Arc::new(model), Context::default()).unwrap();
    let options = Options {
        seed: Some(1),
        max_tokens: Some(12),
        ..Options::default()
    };
    generator.start("once", options).unwrap();
    generator.tokens().map(|token| token.unwrap().id).collect()
}

#[test]
fn a_model_in_parts_is_the_same_model() {
    let file = random_model(TensorType::Q4_1);
    let whole = Model::from_bytes(&file).unwrap();
    let (parameters, bytes) = (whole.parameters, whole.weight_bytes);
    let expected = written(whole);
    for count in [1, 2, 3, 7] {
        let mut parts = cut(&file, count);
        for piece in [1 << 20, 1000, 7] {
            let model = load_parts(&parts, piece).unwrap();
            assert_eq!((model.parameters, model.weight_bytes), (parameters, bytes));
            assert_eq!(written(model), expected);
        }
        // They may come in any order.
        parts.reverse();
        assert_eq!(written(load_parts(&parts, 4096).unwrap()), expected);
    }
}

#[test]
fn parts_that_do_not_belong_together_are_refused() {
    let parts = cut(&random_model(TensorType::Q8_0), 3);
    let refuse = |parts: &[Vec<u8>], words: &str| {
        let error = load_parts(parts, 4096).err().unwrap();
        assert!(matches!(error, Error::Parts(_)), "{error:?}");
        assert!(error.to_string().contains(words), "{error}");
    };
    let [a, b, c] = [0, 1, 2].map(|i| parts[i].clone());
    refuse(&[a.clone(), c.clone()], "part 2 of 3 is missing");
    refuse(&[b.clone(), c.clone()], "part 1 of 3 is missing");
    refuse(&[a.clone(), b.clone()], "2 of 3");
    refuse(
        &[a.clone(), b.clone(), b.clone()],
        "part 2 of 3 is there twice",
    );
    refuse(&[], "there is none");
    let other = cut(&random_model(TensorType::Q8_0), 2);
    refuse(
        &[a.clone(), other[1].clone(), c.clone()],
        "of another model",
    );
    // The same number of parts and tensors, but other ones.
    let mut twice = cut(&random_model(TensorType::Q8_0), 3);
    twice[1] = {
        let header = read_header(&twice[2]).unwrap().unwrap();
        let mut writer = Writer::new();
        for (key, value) in [("split.no", 1), ("split.count", 3)] {
            writer.metadata(key, Value::U16(value)).unwrap();
        }
        let total = header.metadata.get("split.tensors.count").unwrap().clone();
        writer.metadata("split.tensors.count", total).unwrap();
        for tensor in &header.tensors {
            let start = (header.data_start + tensor.offset) as usize;
            let data = &twice[2][start..start + tensor.size as usize];
            writer
                .tensor(&tensor.name, &tensor.shape, tensor.kind, data)
                .unwrap();
        }
        writer.to_vec().unwrap()
    };
    let error = load_parts(&twice, 4096).err().unwrap();
    assert!(matches!(error, Error::Parts(_)), "{error:?}");

    // One part is no model.
    let error = Model::from_bytes(&b).err().unwrap().to_string();
    assert!(
        error.contains("part 2 of 3") && error.contains("all are needed"),
        "{error}"
    );
    // One cut short, and one that never comes.
    let mut loader = Loader::of_split(Split::new(headers(&parts)).unwrap()).unwrap();
    loader.push(&a[..a.len() - 100]).unwrap();
    assert!(matches!(loader.next_part(), Err(Error::Truncated(_))));
    let mut loader = Loader::of_split(Split::new(headers(&parts)).unwrap()).unwrap();
    loader.push(&a).unwrap();
    loader.next_part().unwrap();
    loader.push(&b).unwrap();
    assert!(matches!(loader.finish(), Err(Error::Parts(_))));
}

#[test]
fn split_metadata_that_contradicts_itself_is_refused() {
    for (no, count) in [(3, 3), (0, 5000), (9, 1)] {
        let pairs = [("split.no", no), ("split.count", count)];
        let pairs = pairs.map(|(key, value)| (key.to_owned(), Value::U16(value)));
        let file = random_model_with(TensorType::Q8_0, &pairs);
        let error = Model::from_bytes(&file).err().unwrap();
        assert!(matches!(error, Error::BadMetadata { .. }), "{error:?}");
    }
}

fn inspect(file: &[u8], context: Context, limit: Option<u64>) -> Inspection {
    let header = read_header(file).unwrap().unwrap();
    Inspection::new(header, 1, context, limit.map(MemoryLimit::of)).unwrap()
}

#[test]
fn an_inspection_foretells_what_loading_takes() {
    use TensorType::*;
    for kind in [F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0] {
        for cache_type in [CacheType::Q16, CacheType::Q8, CacheType::F32] {
            let file = random_model(kind);
            let context = Context {
                length: Some(200),
                cache_type,
            };
            let inspection = inspect(&file, context, None);
            let memory = inspection.memory.unwrap();
            let model = Model::from_bytes(&file).unwrap();
            assert_eq!(memory.weights, model.weight_bytes, "{kind:?}");
            let mut session = Session::new(&model, 200, cache_type).unwrap();
            model.forward(&[1; 200], &mut session).unwrap();
            assert_eq!(memory.cache, session.cache_bytes() as u64, "{cache_type:?}");
            let sum = memory.weights + memory.cache + memory.scratch;
            assert_eq!(memory.total, sum);
            assert!(inspection.supported && inspection.reason.is_none());
            assert_eq!(inspection.parameters, model.parameters);
            assert_eq!(inspection.file_size, model.file_size);
            assert_eq!(inspection.tokenizer, model.tokenizer.description());
            assert_eq!(inspection.vocabulary_size, Some(VOCABULARY));
            assert_eq!(inspection.context_length, Some(CONTEXT));
        }
    }
}

#[test]
fn an_inspection_says_why_not() {
    let file = random_model(TensorType::Q8_0);
    let tight = inspect(&file, Context::default(), Some(1 << 20));
    assert!(!tight.supported);
    assert_eq!(tight.code, Some("out_of_memory"));
    assert!(
        tight
            .reason
            .unwrap()
            .contains("GB of memory with a context of 256 tokens")
    );
    let total = tight.memory.unwrap().total;
    assert!(inspect(&file, Context::default(), Some(total)).supported);

    // A long context alone is no reason: the cache grows with the text.
    let long = [("llama.context_length".to_owned(), Value::U32(1 << 20))];
    let long = random_model_with(TensorType::Q8_0, &long);
    assert_eq!(
        inspect(&long, Context::default(), None)
            .memory
            .unwrap()
            .positions,
        4096
    );
    let asked = Context {
        length: Some(1 << 20),
        ..Context::default()
    };
    let asked = inspect(&long, asked, Some(100 << 20));
    assert_eq!(asked.memory.unwrap().positions, 1 << 20);
    assert_eq!(asked.code, Some("out_of_memory"));

    let text = |text: &str| Value::String(text.into());
    for (key, value, code) in [
        (
            "general.architecture",
            text("mamba"),
            "unsupported_architecture",
        ),
        (
            "tokenizer.ggml.model",
            text("rwkv"),
            "unsupported_tokenizer",
        ),
        ("llama.feed_forward_length", Value::U32(32), "tensor_shape"),
        ("llama.block_count", Value::U32(3), "missing_tensor"),
    ] {
        let file = random_model_with(TensorType::Q8_0, &[(key.to_owned(), value)]);
        let inspection = inspect(&file, Context::default(), None);
        let expected = Model::from_bytes(&file).err().unwrap();
        assert_eq!(inspection.code, Some(expected.code()));
        assert_eq!(inspection.reason, Some(expected.to_string()));
        assert_eq!(expected.code(), code);
        assert!(!inspection.supported && inspection.memory.is_none());
        // What can be said is said all the same.
        assert_eq!(inspection.name.as_deref(), Some("Tiny"));
        assert_eq!(inspection.quantization.as_deref(), Some("Q8_0"));
    }

    let too_long = Context {
        length: Some(CONTEXT as usize + 1),
        ..Context::default()
    };
    let header = read_header(&file).unwrap().unwrap();
    let error = Inspection::new(header, 1, too_long, None);
    assert!(matches!(error, Err(Error::InvalidOption { .. })));
}

/// The models that llama.cpp makes of others' NVFP4 have a scale beside each tensor. Where it belongs to none that has a place
/// for it, to load the model without would give wrong results.
#[test]
fn a_scale_of_nothing_is_refused_by_name() {
    let mut file = random_model(TensorType::Q8_0);
    let [weights, scale] = ["blk.0.ffn_up.weight", "blk.0.ffn_up_.scale"];
    let at = file
        .windows(weights.len())
        .position(|bytes| bytes == weights.as_bytes());
    let at = at.unwrap();
    file[at..at + scale.len()].copy_from_slice(scale.as_bytes());
    let refused = Model::from_bytes(&file).err().unwrap();
    assert_eq!(refused.code(), "unsupported_tensor_type");
    assert!(refused.to_string().contains(scale), "{refused}");
}
