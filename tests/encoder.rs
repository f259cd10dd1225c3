//! Text encoders against Hugging Face's tokenizer, against their formulas in double precision, and against llama.cpp, on
//! tiny models with random weights (`tests/data/encoder/make.py`). That script also writes all-MiniLM-L6-v2 to
//! `.cache/models`, where it is held against the same; where it is not there, that test says so and passes.
#![cfg(not(target_arch = "wasm32"))]

use nexttoken::encoder::{Encoder, Loader, Options, Pooling};
use nexttoken::gguf::{Value, read_header};
use nexttoken::kernels;
use nexttoken::model::Model;
use nexttoken::tokenizer::WordPiece;
use nexttoken::{Error, TokenId, set_threads};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Deserialize)]
struct Reference {
    texts: Vec<String>,
    uncased: Vec<Vec<TokenId>>,
    cased: Vec<Vec<TokenId>>,
    accents: Vec<Vec<TokenId>>,
    sentences: Vec<String>,
    /// By file and what computed them.
    #[serde(flatten)]
    embeddings: BTreeMap<String, Vec<Vec<f32>>>,
}

#[derive(Deserialize)]
struct RealReference {
    ids: Vec<Vec<TokenId>>,
    vectors: Vec<Vec<f32>>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoder")
}

fn read<T: DeserializeOwned>(file: &str) -> T {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn reference() -> Reference {
    read("reference.json")
}

fn bytes(file: &str) -> Vec<u8> {
    std::fs::read(folder().join(file)).unwrap()
}

fn load(file: &str) -> Encoder {
    Encoder::from_bytes(&bytes(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// For texts of any length.
fn cut() -> Options {
    Options {
        truncate: true,
        ..Options::default()
    }
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let dot = |a: &[f32], b: &[f32]| -> f64 {
        let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
        products.sum()
    };
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

fn lowest_cosine(ours: &[Vec<f32>], reference: &[Vec<f32>]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let pairs = ours.iter().zip(reference);
    pairs.map(|(a, b)| cosine(a, b)).fold(1.0, f64::min)
}

fn check_ids(tokenizer: &WordPiece, texts: &[String], expected: &[Vec<TokenId>]) {
    assert_eq!(texts.len(), expected.len());
    for (text, expected) in texts.iter().zip(expected) {
        assert_eq!(&tokenizer.encode(text), expected, "{text:?}");
    }
}

#[test]
fn ids_are_those_of_the_reference() {
    let reference = reference();
    let tokenizer = |flags: &[(&str, bool)]| {
        let header = read_header(&bytes("tiny.q8_0.gguf")).unwrap().unwrap();
        let mut metadata = header.metadata;
        for (name, value) in flags {
            let key = format!("tokenizer.ggml.normalizer.{name}");
            metadata.insert(key, Value::Bool(*value)).unwrap();
        }
        WordPiece::from_metadata(&mut metadata).unwrap()
    };
    let texts = &reference.texts;
    check_ids(&tokenizer(&[]), texts, &reference.uncased);
    check_ids(&tokenizer(&[("lowercase", false)]), texts, &reference.cased);
    let accents = tokenizer(&[("lowercase", true), ("strip_accents", false)]);
    check_ids(&accents, texts, &reference.accents);
    // The three differ, so that a flag that is ignored is seen.
    assert_ne!(reference.uncased, reference.cased);
    assert_ne!(reference.uncased, reference.accents);
}

/// Within what the storage of the weights and their rounding allow; llama.cpp has another formula for GELU, the one with
/// tanh, and in steps of halves.
#[test]
fn embeddings_are_those_of_the_references() {
    let reference = reference();
    for (file, floats, llama_cpp) in [
        ("tiny.f32.gguf", 0.999_999_99, 0.999_99),
        ("tiny.f16.gguf", 0.999_999_99, 0.999_99),
        ("tiny.q8_0.gguf", 0.999, 0.999),
    ] {
        let ours = load(file).embed(&reference.sentences, cut()).unwrap();
        for (by, least) in [("numpy", floats), ("llama.cpp", llama_cpp)] {
            let expected = &reference.embeddings[&format!("{file} {by}")];
            let lowest = lowest_cosine(&ours, expected);
            println!("{file}, {by}: {lowest:.8}");
            assert!(lowest >= least, "{file}, {by}: {lowest}");
        }
    }
}

/// The texts together and one by one, on several numbers of threads, with the scalar kernels, and from a file that comes
/// in pieces.
#[test]
fn embeddings_are_the_same_bits_in_every_way() {
    let sentences = reference().sentences;
    for file in ["tiny.f32.gguf", "tiny.f16.gguf", "tiny.q8_0.gguf"] {
        let encoder = load(file);
        let expected = encoder.embed(&sentences, cut()).unwrap();
        for threads in [1, 2, 3, 8] {
            set_threads(threads);
            assert_eq!(encoder.embed(&sentences, cut()).unwrap(), expected);
        }
        set_threads(1);
        for (sentence, expected) in sentences.iter().zip(&expected) {
            let alone = encoder.embed(&[sentence], cut()).unwrap();
            assert_eq!(alone, std::slice::from_ref(expected));
        }
        kernels::force_scalar(true);
        let scalar = encoder.embed(&sentences, cut());
        kernels::force_scalar(false);
        assert_eq!(scalar.unwrap(), expected);
        let mut loader = Loader::new();
        for piece in bytes(file).chunks(977) {
            loader.push(piece).unwrap();
        }
        let pieces = loader.finish().unwrap();
        assert_eq!(pieces.embed(&sentences, cut()).unwrap(), expected);
    }
}

/// To the bit those of `bits.json`, which the encoder in WebAssembly is held against, too (`tests/node`). Whoever changes
/// them on purpose writes that file anew: `nexttoken embed --truncate --json` with the sentences.
#[test]
fn embeddings_are_the_bits_that_they_were() {
    let sentences = reference().sentences;
    let expected: BTreeMap<String, Vec<Vec<f32>>> = read("bits.json");
    assert_eq!(expected.len(), 3);
    for (file, expected) in expected {
        assert_eq!(load(&file).embed(&sentences, cut()).unwrap(), expected);
    }
}

#[test]
fn gelu_is_that_of_erf() {
    for i in -4000..=4000 {
        let x = i as f32 / 200.0;
        let mut ours = [x];
        kernels::gelu_erf(&mut ours);
        let exact = f64::from(x) / 2.0 * libm::erfc(-f64::from(x) / 2f64.sqrt());
        let error = (f64::from(ours[0]) - exact).abs();
        assert!(error <= 3e-7 * f64::from(x.abs()), "{x}: {error}");
    }
    let mut special = [f32::INFINITY, f32::NAN];
    kernels::gelu_erf(&mut special);
    assert!(special[0] == f32::INFINITY && special[1].is_nan());
}

#[test]
fn options_do_what_they_say() {
    let encoder = load("tiny.f32.gguf");
    let embed = |options: Options| encoder.embed(&["the cat"], options).unwrap().remove(0);
    let length = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>().sqrt();
    let usual = embed(Options::default());
    assert!((length(&usual) - 1.0).abs() < 1e-6);
    let raw = embed(Options {
        normalize: false,
        ..Options::default()
    });
    assert!((length(&raw) - 1.0).abs() > 0.01);
    assert!(cosine(&raw, &usual) > 0.999_999);
    assert_eq!(encoder.config.pooling, Some(Pooling::Mean));
    let pooled = |pooling| {
        embed(Options {
            pooling: Some(pooling),
            ..Options::default()
        })
    };
    assert_eq!(pooled(Pooling::Mean), usual);
    assert!(cosine(&pooled(Pooling::Cls), &usual) < 0.99);
}

#[test]
fn a_text_that_is_too_long_is_an_error_or_cut() {
    let encoder = load("tiny.f32.gguf");
    let embed = |text: &str, options: Options| encoder.embed(&[text], options);
    // [CLS], [SEP] and 62 words fill the context.
    let (full, long) = ("cat ".repeat(62), "cat ".repeat(62) + "dog");
    let whole = embed(&full, Options::default()).unwrap();
    let error = Error::PromptTooLong {
        tokens: 65,
        context: 64,
    };
    assert_eq!(embed(&long, Options::default()), Err(error));
    assert_eq!(embed(&long, cut()).unwrap(), whole);
    assert_eq!(encoder.embed(&[""; 0], cut()).unwrap(), [[0.0; 0]; 0]);
}

#[test]
fn files_of_another_kind_are_refused() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let error = Encoder::open(root.join("tests/data/arch/llama.q8_0.gguf")).unwrap_err();
    assert_eq!(error, Error::UnsupportedArchitecture("llama".to_owned()));
    let error = Model::open(folder().join("tiny.f32.gguf")).unwrap_err();
    assert_eq!(error, Error::UnsupportedArchitecture("bert".to_owned()));
}

/// Overwrites the bytes after a metadata key or tensor name of the file.
fn changed(key: &str, skip: usize, value: &[u8]) -> Vec<u8> {
    let mut file = bytes("tiny.q8_0.gguf");
    let found = file
        .windows(key.len())
        .position(|part| part == key.as_bytes());
    let at = found.unwrap() + key.len() + skip;
    file[at..at + value.len()].copy_from_slice(value);
    file
}

#[test]
fn a_header_that_contradicts_itself_is_refused() {
    let code = |file: &[u8]| Encoder::from_bytes(file).unwrap_err().code();
    // A value follows the number of its type.
    let number = |key: &str, value: u32| code(&changed(key, 4, &value.to_le_bytes()));
    assert_eq!(number("bert.attention.head_count", 5), "bad_metadata");
    assert_eq!(number("bert.attention.head_count", 0), "bad_metadata");
    assert_eq!(number("bert.pooling_type", 5), "bad_metadata");
    assert_eq!(number("bert.embedding_length", 64), "tensor_shape");
    assert_eq!(number("bert.context_length", 1 << 20), "tensor_shape");
    assert_eq!(number("bert.block_count", 3), "missing_tensor");
    assert_eq!(number("bert.block_count", 1 << 24), "missing_tensor");
    assert_eq!(number("bert.block_count", 1), "corrupt");
    assert_eq!(number("bert.block_count", u32::MAX), "bad_metadata");
    assert_eq!(number("ggml.token_type_count", 3), "tensor_shape");
    assert_eq!(
        number("attention.layer_norm_epsilon", 0x7fc0_0000),
        "bad_metadata"
    );
    let causal = changed("bert.attention.causal", 4, &[1]);
    assert_eq!(code(&causal), "bad_metadata");
    assert_eq!(
        code(&changed("tokenizer.ggml.model", 12, b"bard")),
        "unsupported_tokenizer"
    );
    assert_eq!(code(&changed("blk.1.ffn_up", 0, b".height")), "corrupt");
    // Without a pooling of the file's, the caller has to name one.
    let file = changed("bert.pooling_type", 4, &[0; 4]);
    let encoder = Encoder::from_bytes(&file).unwrap();
    let error = encoder.embed(&["the cat"], Options::default());
    assert_eq!(error.unwrap_err().code(), "invalid_option");
}

#[test]
fn weights_that_are_not_finite_are_an_error() {
    let mut file = bytes("tiny.f32.gguf");
    let header = read_header(&file).unwrap().unwrap();
    let mut tensors = header.tensors.iter();
    let norm = tensors.find(|info| info.name == "blk.1.layer_output_norm.bias");
    let at = (header.data_start + norm.unwrap().offset) as usize;
    file[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
    let encoder = Encoder::from_bytes(&file).unwrap();
    let error = encoder.embed(&["the cat"], Options::default());
    assert_eq!(error.unwrap_err().code(), "not_finite");
}

/// Each byte of the header in turn, and every length: a file is refused or embeds, and nothing panics.
#[test]
fn damaged_files_do_no_harm() {
    let file = bytes("tiny.q8_0.gguf");
    let header = read_header(&file).unwrap().unwrap().data_start as usize;
    let mut refused = 0;
    for at in 0..header {
        let mut damaged = file.clone();
        damaged[at] ^= 1 << (at % 8);
        match Encoder::from_bytes(&damaged) {
            Err(_) => refused += 1,
            Ok(encoder) => drop(encoder.embed(&["the cat!"], Options::default())),
        }
    }
    assert!(refused > header / 10, "{refused} of {header}");
    for end in (0..file.len() - 32).step_by(101) {
        assert!(Encoder::from_bytes(&file[..end]).is_err(), "{end}");
    }
}

/// With Q8_0 the activations are rounded too: of these texts, the least similar embedding that llama.cpp gives with the
/// same file is at 0.9982.
#[test]
fn the_real_model_gives_its_ids_and_embeddings() {
    let (texts, real) = (reference(), read::<RealReference>("minilm.json"));
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/models");
    for (kind, least) in [("f32", 0.999_999_9), ("f16", 0.999_99), ("q8_0", 0.998)] {
        let path = models.join(format!("all-MiniLM-L6-v2.{kind}.gguf"));
        if !path.exists() {
            eprintln!("skipped: {} is missing", path.display());
            continue;
        }
        let encoder = Encoder::open(path).unwrap();
        check_ids(&encoder.tokenizer, &texts.texts, &real.ids);
        let ours = encoder.embed(&texts.sentences, cut()).unwrap();
        let lowest = lowest_cosine(&ours, &real.vectors);
        println!("{kind}: {lowest:.8}");
        assert!(lowest >= least, "{kind}: {lowest}");
    }
}
