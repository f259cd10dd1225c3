//! Small models built in memory, so that tests need no download.
#![allow(dead_code, reason = "every test file uses another part of it")]

#[cfg(not(target_arch = "wasm32"))]
pub mod cache;
#[cfg(all(not(target_arch = "wasm32"), feature = "cli"))]
pub mod cli;
#[cfg(not(target_arch = "wasm32"))]
pub mod continued;
#[cfg(target_arch = "wasm32")]
pub mod js;
pub mod long;
#[cfg(all(not(target_arch = "wasm32"), feature = "cli"))]
pub mod pair;
pub mod runs;

use nexttoken::generator::Options;
use nexttoken::gguf::{StringArray, Value, Writer, read_header};
use nexttoken::model::Model;
use nexttoken::quant::{TensorType, quantize};
use std::sync::Arc;

pub const HIDDEN: usize = 64;
pub const FEED_FORWARD: usize = 96;
pub const LAYERS: usize = 2;
pub const HEADS: usize = 4;
pub const KV_HEADS: usize = 2;
pub const CONTEXT: u32 = 256;

/// Merges of the vocabulary, in the spelling of byte-level BPE ("Ġ" is a space).
const MERGES: [&str; 8] = ["h e", "l l", "Ġ t", "o n", "i n", "Ġt he", "e r", "Ġ a"];
/// Special tokens, the last of the vocabulary: the first begins a text, the second ends it.
const SPECIALS: [&str; 3] = ["<|begin|>", "<|end|>", "<|user|>"];

/// Tokens 0 to 255 are the bytes themselves.
pub const VOCABULARY: usize = 256 + MERGES.len() + SPECIALS.len();
pub const BEGIN: u32 = (256 + MERGES.len()) as u32;
pub const END: u32 = BEGIN + 1;
pub const USER: u32 = BEGIN + 2;

/// What [`pinned_options`] generate from [`PINNED_PROMPT`] with [`random_model`] of type Q4_1, on every
/// platform and with every backend.
pub const PINNED_PROMPT: &str = "the then on";
pub const PINNED_IDS: [u32; 16] = [
    79, 105, 255, 65, 105, 105, 29, 137, 38, 261, 264, 236, 176, 236, 236, 176,
];

/// A model with short convolutions, and what the same options give from this prompt.
pub const LFM2: &[u8] = include_bytes!("../data/arch/lfm2.q8_0.gguf");
pub const LFM2_PROMPT: &str = "ON THE THEN";
pub const LFM2_IDS: [u32; 16] = [
    53, 56, 7, 50, 16, 10, 25, 41, 53, 53, 61, 35, 58, 16, 38, 43,
];

/// A model with per-layer embeddings, likewise.
pub const GEMMA4: &[u8] = include_bytes!("../data/arch/gemma4.q8_0.gguf");
pub const GEMMA4_PROMPT: &str = "ON THE THEN";
pub const GEMMA4_IDS: [u32; 16] = [
    51, 42, 48, 18, 16, 37, 16, 51, 54, 22, 7, 46, 34, 11, 28, 59,
];

pub fn pinned_options() -> Options {
    Options {
        temperature: 1.0,
        seed: Some(42),
        max_tokens: Some(PINNED_IDS.len()),
        ..Options::default()
    }
}

/// A model file whose weights are random numbers: its text is noise, but all of its arithmetic is real.
pub fn random_model(kind: TensorType) -> Vec<u8> {
    random_model_with(kind, &[])
}

/// The same with further metadata, or other values.
pub fn random_model_with(kind: TensorType, changes: &[(String, Value)]) -> Vec<u8> {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut weights = |rows: usize, columns: usize| {
        let scale = 1.5 / (columns as f32).sqrt();
        (0..rows * columns)
            .map(|_| random.normal() * scale)
            .collect()
    };
    let embedding: Vec<f32> = weights(VOCABULARY, HIDDEN);
    let output: Vec<f32> = weights(VOCABULARY, HIDDEN);
    let layers = (0..LAYERS).map(|_| Layer::new(&mut weights)).collect();
    let output = output.iter().map(|weight| weight * 2.0).collect();
    file(kind, embedding, output, layers, changes)
}

/// A model file that spells: after `from` comes `to`, for each pair; after any other token itself again.
///
/// Its layers add nothing, each token has a direction of its own, and a row of the head is the direction of
/// the token that comes before.
pub fn spelling_model(pairs: &[(u32, u32)]) -> Vec<u8> {
    let mut random = Random(7);
    let directions: Vec<f32> = (0..VOCABULARY * HIDDEN)
        .map(|_| {
            if random.next().is_multiple_of(2) {
                1.0
            } else {
                -1.0
            }
        })
        .collect();
    let row = |token: usize| &directions[token * HIDDEN..(token + 1) * HIDDEN];
    let mut output = vec![0.0; directions.len()];
    for from in 0..VOCABULARY {
        let pair = pairs.iter().find(|pair| pair.0 as usize == from);
        let to = pair.map_or(from, |pair| pair.1 as usize);
        let sum = &mut output[to * HIDDEN..(to + 1) * HIDDEN];
        for (sum, weight) in sum.iter_mut().zip(row(from)) {
            *sum += weight;
        }
    }
    let layers = (0..LAYERS)
        .map(|_| Layer::new(&mut |rows, columns| vec![0.0; rows * columns]))
        .collect();
    file(TensorType::F32, directions, output, layers, &[])
}

/// The pairs that let [`spelling_model`] spell `bytes` one after the other; no byte may repeat.
pub fn spell(bytes: &[u8]) -> Vec<(u32, u32)> {
    bytes
        .windows(2)
        .map(|pair| (u32::from(pair[0]), u32::from(pair[1])))
        .collect()
}

/// A model file, cut into `count` parts as `gguf-split` cuts it.
pub fn cut(file: &[u8], count: usize) -> Vec<Vec<u8>> {
    let header = read_header(file).unwrap().unwrap();
    let tensors = &header.tensors;
    let each = tensors.len().div_ceil(count);
    let part = |number: usize| {
        let mut writer = Writer::new();
        // All else is in the first part alone.
        let pairs = header.metadata.iter().filter(|_| number == 0);
        for (key, value) in pairs {
            writer.metadata(key, value.clone()).unwrap();
        }
        for (key, value) in [
            ("split.no", number),
            ("split.count", count),
            ("split.tensors.count", tensors.len()),
        ] {
            writer.metadata(key, Value::U16(value as u16)).unwrap();
        }
        for tensor in tensors.iter().skip(number * each).take(each) {
            let start = (header.data_start + tensor.offset) as usize;
            let data = &file[start..start + tensor.size as usize];
            writer
                .tensor(&tensor.name, &tensor.shape, tensor.kind, data)
                .unwrap();
        }
        writer.to_vec().unwrap()
    };
    (0..count).map(part).collect()
}

pub fn load(file: &[u8]) -> Arc<Model> {
    Arc::new(Model::from_bytes(file).expect("the model of the tests loads"))
}

/// The matrices of a layer, by rows.
struct Layer {
    matrices: Vec<(&'static str, usize, usize, Vec<f32>)>,
}

impl Layer {
    fn new(weights: &mut dyn FnMut(usize, usize) -> Vec<f32>) -> Self {
        let kv = HIDDEN / HEADS * KV_HEADS;
        let shapes = [
            ("attn_q", HIDDEN, HIDDEN),
            ("attn_k", kv, HIDDEN),
            ("attn_v", kv, HIDDEN),
            ("attn_output", HIDDEN, HIDDEN),
            ("ffn_gate", FEED_FORWARD, HIDDEN),
            ("ffn_up", FEED_FORWARD, HIDDEN),
            ("ffn_down", HIDDEN, FEED_FORWARD),
        ];
        let matrices = shapes
            .into_iter()
            .map(|(name, rows, columns)| (name, rows, columns, weights(rows, columns)))
            .collect();
        Layer { matrices }
    }
}

fn file(
    kind: TensorType,
    embedding: Vec<f32>,
    output: Vec<f32>,
    layers: Vec<Layer>,
    changes: &[(String, Value)],
) -> Vec<u8> {
    let norm = bytes(TensorType::F32, &[1.0; HIDDEN]);
    let mut tensors = vec![
        Tensor::matrix("token_embd.weight", VOCABULARY, HIDDEN, kind, &embedding),
        Tensor::matrix("output.weight", VOCABULARY, HIDDEN, kind, &output),
    ];
    for (index, layer) in layers.iter().enumerate() {
        for (name, rows, columns, weights) in &layer.matrices {
            let name = format!("blk.{index}.{name}.weight");
            tensors.push(Tensor::matrix(&name, *rows, *columns, kind, weights));
        }
    }
    let mut writer = Writer::new();
    let mut pairs = metadata(kind);
    pairs.retain(|(key, _)| changes.iter().all(|(changed, _)| changed != key));
    for (key, value) in pairs {
        writer.metadata(key, value).unwrap();
    }
    for (key, value) in changes {
        writer.metadata(key, value.clone()).unwrap();
    }
    for tensor in &tensors {
        writer
            .tensor(&tensor.name, &tensor.shape, tensor.kind, &tensor.bytes)
            .unwrap();
    }
    let mut norms = vec!["output_norm.weight".to_owned()];
    for index in 0..LAYERS {
        norms.push(format!("blk.{index}.attn_norm.weight"));
        norms.push(format!("blk.{index}.ffn_norm.weight"));
    }
    for name in &norms {
        writer
            .tensor(name, &[HIDDEN as u64], TensorType::F32, &norm)
            .unwrap();
    }
    writer.to_vec().unwrap()
}

struct Tensor {
    name: String,
    shape: [u64; 2],
    kind: TensorType,
    bytes: Vec<u8>,
}

impl Tensor {
    fn matrix(name: &str, rows: usize, columns: usize, kind: TensorType, weights: &[f32]) -> Self {
        assert_eq!(weights.len(), rows * columns);
        Tensor {
            name: name.into(),
            shape: [columns as u64, rows as u64],
            kind,
            bytes: bytes(kind, weights),
        }
    }
}

fn bytes(kind: TensorType, values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::new();
    quantize(kind, values, &mut bytes).unwrap();
    bytes
}

fn metadata(kind: TensorType) -> Vec<(&'static str, Value)> {
    let file_type = match kind {
        TensorType::F32 => 0,
        TensorType::F16 => 1,
        TensorType::Q4_0 => 2,
        TensorType::Q4_1 => 3,
        TensorType::Q8_0 => 7,
        TensorType::Q5_0 => 8,
        TensorType::Q5_1 => 9,
        _ => 32,
    };
    let text = |text: &str| Value::String(text.into());
    let number = |number: usize| Value::U32(number as u32);
    let mut tokens = StringArray::default();
    let mut types = Vec::new();
    for byte in 0..=255 {
        tokens.push(letter(byte).to_string().as_bytes()).unwrap();
        types.push(1);
    }
    let mut merges = StringArray::default();
    for merge in MERGES {
        merges.push(merge.as_bytes()).unwrap();
        tokens.push(merge.replace(' ', "").as_bytes()).unwrap();
        types.push(1);
    }
    for special in SPECIALS {
        tokens.push(special.as_bytes()).unwrap();
        types.push(3);
    }
    vec![
        ("general.architecture", text("llama")),
        ("general.name", text("Tiny")),
        ("general.file_type", number(file_type)),
        ("llama.vocab_size", number(VOCABULARY)),
        ("llama.context_length", Value::U32(CONTEXT)),
        ("llama.embedding_length", number(HIDDEN)),
        ("llama.block_count", number(LAYERS)),
        ("llama.feed_forward_length", number(FEED_FORWARD)),
        ("llama.attention.head_count", number(HEADS)),
        ("llama.attention.head_count_kv", number(KV_HEADS)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.rope.dimension_count", number(HIDDEN / HEADS)),
        ("llama.rope.freq_base", Value::F32(10_000.0)),
        ("tokenizer.ggml.model", text("gpt2")),
        ("tokenizer.ggml.pre", text("gpt-2")),
        ("tokenizer.ggml.tokens", Value::Strings(tokens)),
        ("tokenizer.ggml.token_type", Value::Integers(types.into())),
        ("tokenizer.ggml.merges", Value::Strings(merges)),
        ("tokenizer.ggml.bos_token_id", Value::U32(BEGIN)),
        ("tokenizer.ggml.eos_token_id", Value::U32(END)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
    ]
}

/// How byte-level BPE spells a byte: printable characters of Latin-1 as themselves, the others from U+0100 on.
fn letter(byte: u8) -> char {
    let plain = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if plain(byte) {
        return char::from(byte);
    }
    let before = (0..byte).filter(|&other| !plain(other)).count() as u32;
    char::from_u32(0x100 + before).unwrap()
}

/// Numbers that are the same everywhere (xorshift64*).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33
    }

    /// About normally distributed: the sum of twelve uniform numbers.
    fn normal(&mut self) -> f32 {
        let sum: f32 = (0..12)
            .map(|_| self.next() as f32 / (1u64 << 31) as f32)
            .sum();
        sum - 6.0
    }
}
