//! Files that are adapters, and files that are none.

use std::sync::Arc;

use super::{BACKEND, ids, logits, model};
use nexttoken::Error;
use nexttoken::gguf::{Value, Writer, read_header};
use nexttoken::model::{Adapter, AdapterLoader};
use nexttoken::quant::TensorType;

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
