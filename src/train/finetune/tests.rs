//! The loss and its gradient against an independent computation in double precision (`tests/data/finetune/make.py`).

use std::sync::Arc;

use super::Options;
use super::examples::Sequence;
use super::network::{Network, Part, Workspace};
use super::updates::Updates;
use crate::gguf::read_header;
use crate::model::{DenseModel, Model};

/// A model, an adapter for it, and the gradient of the loss by the adapter's tensors.
struct Case {
    name: &'static str,
    model: &'static [u8],
    adapter: &'static [u8],
    gradient: &'static [u8],
}

const CASES: [Case; 3] = [
    Case {
        name: "llama",
        model: include_bytes!("../../../tests/data/arch/llama.f32.gguf"),
        adapter: include_bytes!("../../../tests/data/finetune/llama.gguf"),
        gradient: include_bytes!("../../../tests/data/finetune/llama-gradient.gguf"),
    },
    Case {
        name: "qwen2",
        model: include_bytes!("../../../tests/data/arch/qwen2.f32.gguf"),
        adapter: include_bytes!("../../../tests/data/finetune/qwen2.gguf"),
        gradient: include_bytes!("../../../tests/data/finetune/qwen2-gradient.gguf"),
    },
    Case {
        name: "llama-q8_0",
        model: include_bytes!("../../../tests/data/arch/llama.q8_0.gguf"),
        adapter: include_bytes!("../../../tests/data/finetune/llama-q8_0.gguf"),
        gradient: include_bytes!("../../../tests/data/finetune/llama-q8_0-gradient.gguf"),
    },
];
const REFERENCE: &str = include_str!("../../../tests/data/finetune/reference.json");
/// α / rank of `make.py`.
const SCALE: f32 = 2.0;

#[derive(serde::Deserialize)]
struct Reference {
    name: String,
    sequences: Vec<Ids>,
    losses: Vec<Vec<f64>>,
}

#[derive(serde::Deserialize)]
struct Ids {
    ids: Vec<u32>,
    counts: Vec<bool>,
}

/// The numbers of a file with tensors of type F32, in the order of `updates`.
fn flat(updates: &Updates, file: &[u8]) -> Vec<f32> {
    let header = read_header(file).unwrap().unwrap();
    let mut values = vec![0.0; updates.parameters()];
    assert_eq!(header.tensors.len(), updates.tensors.len());
    for tensor in &updates.tensors {
        let named = |info: &&crate::gguf::TensorInfo| info.name == tensor.name;
        let info = header.tensors.iter().find(named).unwrap();
        let columns = tensor.columns.unwrap();
        let rows = tensor.range.len() / columns;
        assert_eq!(info.shape, [columns as u64, rows as u64], "{}", info.name);
        let start = (header.data_start + info.offset) as usize;
        let bytes = file[start..start + info.size as usize].chunks_exact(4);
        for (value, bytes) in values[tensor.range.clone()].iter_mut().zip(bytes) {
            *value = f32::from_le_bytes(bytes.try_into().unwrap());
        }
    }
    values
}

fn length(values: impl Iterator<Item = f32>) -> f64 {
    values
        .map(|value| f64::from(value).powi(2))
        .sum::<f64>()
        .sqrt()
}

/// Two sequences of different lengths, one longer than a block of queries; grouped-query attention; both kinds of RoPE;
/// biases; quantised weights, which are dequantised. Every tensor's gradient is the reference's to single precision.
#[test]
fn losses_and_gradients_are_those_of_an_independent_computation() {
    let references: Vec<Reference> = serde_json::from_str(REFERENCE).unwrap();
    for (case, reference) in CASES.iter().zip(references) {
        assert_eq!(case.name, reference.name);
        let model = Arc::new(Model::from_bytes(case.model).unwrap());
        let base = DenseModel::new(&model, 90).unwrap();
        assert!(model.config.kv_heads < model.config.heads);
        let updates = Updates::new(&base, 3, &Options::default().targets);
        let weights = flat(&updates, case.adapter);
        let expected = flat(&updates, case.gradient);
        let mut part = Part::default();
        for Ids { ids, counts } in reference.sequences {
            part.push(&Sequence { ids, counts });
        }
        let network = Network {
            base: &base,
            updates: &updates,
            weights: &weights,
            scale: SCALE,
        };
        let mut work = Workspace::default();
        work.prepare(&base, 3, &part.lengths).unwrap();
        let losses = network.losses(&part, &mut work);
        let known = reference.losses.concat();
        assert_eq!(losses.len(), known.len());
        for (loss, known) in losses.iter().zip(&known) {
            assert!((loss - known).abs() < 1e-4, "{}: {loss} {known}", case.name);
        }
        let mut gradient = vec![0.0; weights.len()];
        let sum = network.loss_and_gradient(&part, 1.0, &mut work, &mut gradient);
        assert_eq!(sum, losses.iter().sum::<f64>());
        for tensor in &updates.tensors {
            let (found, known) = (
                &gradient[tensor.range.clone()],
                &expected[tensor.range.clone()],
            );
            let apart = length(found.iter().zip(known).map(|(one, other)| one - other));
            let size = length(known.iter().copied());
            assert!(size > 1e-3, "{} has no gradient", tensor.name);
            println!("{} {}: {:e}", case.name, tensor.name, apart / size);
            assert!(
                apart < 2e-5 * size,
                "{} {}: {apart} of {size}",
                case.name,
                tensor.name
            );
        }
    }
}

/// A part that is computed after a larger one has the same loss and gradient as by itself.
#[test]
fn parts_leave_nothing_behind() {
    let model = Arc::new(Model::from_bytes(CASES[0].model).unwrap());
    let base = DenseModel::new(&model, 32).unwrap();
    let updates = Updates::new(&base, 3, &Options::default().targets);
    let weights = flat(&updates, CASES[0].adapter);
    let network = Network {
        base: &base,
        updates: &updates,
        weights: &weights,
        scale: SCALE,
    };
    let part = |lengths: &[u32]| {
        let mut part = Part::default();
        for length in lengths {
            part.push(&Sequence {
                ids: (0..*length).map(|id| 7 * id % 60).collect(),
                counts: (0..*length).map(|id| id % 3 == 1).collect(),
            });
        }
        part
    };
    let run = |part: &Part, work: &mut Workspace| {
        work.prepare(&base, 3, &part.lengths).unwrap();
        let mut gradient = vec![0.0; weights.len()];
        let loss = network.loss_and_gradient(part, 0.5, work, &mut gradient);
        (loss, gradient)
    };
    let (large, small) = (part(&[20, 9, 30]), part(&[5, 12]));
    let mut work = Workspace::default();
    let first = run(&large, &mut work);
    let then = run(&small, &mut work);
    assert_eq!(run(&small, &mut Workspace::default()), then);
    assert_eq!(run(&large, &mut work), first);
}

/// Only the layers that are asked for have updates.
#[test]
fn targets_choose_the_layers() {
    let model = Arc::new(Model::from_bytes(CASES[0].model).unwrap());
    let base = DenseModel::new(&model, 8).unwrap();
    let targets = ["attn_v", "ffn_down"].map(str::to_owned);
    let updates = Updates::new(&base, 2, &targets);
    let names: Vec<&str> = updates.tensors.iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(names.len(), 4 * model.config.layers);
    assert_eq!(
        names[..4],
        [
            "blk.0.attn_v.weight.lora_a",
            "blk.0.attn_v.weight.lora_b",
            "blk.0.ffn_down.weight.lora_a",
            "blk.0.ffn_down.weight.lora_b",
        ]
    );
}
