//! Text encoders against Hugging Face's tokenizer, against their formulas in double precision, and against llama.cpp, on
//! tiny models with random weights (`tests/data/encoder/make.py`). That script also writes all-MiniLM-L6-v2 to
//! `.cache/models`, where it is held against the same; where it is not there, that test says so and passes.
#![cfg(not(target_arch = "wasm32"))]

use nexttoken::encoder::{ARCHITECTURES, Encoder, Loader, Options, Pooling};
use nexttoken::gguf::{Value, Writer, read_header};
use nexttoken::kernels;
use nexttoken::model::Model;
use nexttoken::tokenizer::WordPiece;
use nexttoken::{Error, TokenId, set_threads};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
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

/// The lowest cosine between the embeddings of the sentences and those that llama.cpp gives by this file.
fn lowest_of(file: &str, encoder: &Encoder) -> f64 {
    let rows: BTreeMap<String, Row> = read("architectures.json");
    let Row::Vectors(expected) = &rows[&format!("{file} vectors")] else {
        panic!("{file} has no vectors");
    };
    let ours = encoder.embed(&reference().sentences, cut()).unwrap();
    lowest_cosine(&ours, expected)
}

fn lowest_cosine(ours: &[Vec<f32>], reference: &[Vec<f32>]) -> f64 {
    assert_eq!(ours.len(), reference.len());
    let pairs = ours.iter().zip(reference);
    pairs.map(|(a, b)| cosine(a, b)).fold(1.0, f64::min)
}

fn check_ids(encode: impl Fn(&str) -> Vec<TokenId>, texts: &[String], expected: &[Vec<TokenId>]) {
    assert_eq!(texts.len(), expected.len());
    for (text, expected) in texts.iter().zip(expected) {
        assert_eq!(&encode(text), expected, "{text:?}");
    }
}

/// The files of tiny models: those of BERT, and two of each other architecture.
fn files() -> Vec<String> {
    let others = ARCHITECTURES.iter().filter(|known| known.name != "bert");
    let others =
        others.flat_map(|known| ["f32", "q8_0"].map(|kind| format!("{}.{kind}.gguf", known.name)));
    let bert = ["f32", "f16", "q8_0"].map(|kind| format!("tiny.{kind}.gguf"));
    bert.into_iter().chain(others).collect()
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
        let tokenizer = WordPiece::from_metadata(&mut metadata).unwrap();
        move |text: &str| tokenizer.encode(text)
    };
    let texts = &reference.texts;
    check_ids(tokenizer(&[]), texts, &reference.uncased);
    check_ids(tokenizer(&[("lowercase", false)]), texts, &reference.cased);
    let accents = tokenizer(&[("lowercase", true), ("strip_accents", false)]);
    check_ids(accents, texts, &reference.accents);
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

/// What `architectures.py` wrote.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Ids(Vec<Vec<TokenId>>),
    Vectors(Vec<Vec<f32>>),
}

/// The ids and, within what the storage of the weights and llama.cpp's GELU allow, the embeddings.
#[test]
fn other_architectures_are_those_of_llama_cpp() {
    let sentences = reference().sentences;
    let rows: BTreeMap<String, Row> = read("architectures.json");
    let files = files();
    let others: Vec<_> = files.iter().filter(|it| !it.starts_with("tiny")).collect();
    assert_eq!(rows.len(), 2 * others.len());
    for file in others {
        let encoder = load(file);
        let Row::Ids(ids) = &rows[&format!("{file} ids")] else {
            panic!("{file} has no ids");
        };
        for (sentence, expected) in sentences.iter().zip(ids) {
            let ours = encoder.tokenizer.encode(sentence);
            // One sentence is longer than the context of some.
            let same = ours.len().min(encoder.config.context_length - 1);
            assert_eq!(ours[..same], expected[..same], "{file}: {sentence:?}");
            assert_eq!(ours.last(), expected.last(), "{file}: {sentence:?}");
        }
        let lowest = lowest_of(file, &encoder);
        println!("{file}: {lowest:.8}");
        let least = if file.contains("f32") { 0.9999 } else { 0.999 };
        assert!(lowest >= least, "{file}: {lowest}");
    }
}

/// What a file says of positions and windows is seen in the embeddings, by more than the test above allows.
#[test]
fn positions_and_windows_are_those_of_the_file() {
    let lowest = |file: &str, key: &str, value: [u8; 4]| {
        let encoder = Encoder::from_bytes(&changed_in(file, key, 4, &value)).unwrap();
        lowest_of(file, &encoder)
    };
    let (nomic, modern, gemma) = (
        "nomic-bert.f32.gguf",
        "modern-bert.f32.gguf",
        "gemma-embedding.f32.gguf",
    );
    let window = "attention.sliding_window";
    for (file, key, value) in [
        (nomic, "rope.freq_base", 10_000f32.to_le_bytes()),
        (modern, "rope.freq_base", 10_000f32.to_le_bytes()),
        (modern, "rope.freq_base_swa", 10_000f32.to_le_bytes()),
        (modern, window, 8u32.to_le_bytes()),
        (modern, "sliding_window_pattern", 3u32.to_le_bytes()),
        (gemma, "rope.freq_base", 10_000f32.to_le_bytes()),
        (gemma, window, 10u32.to_le_bytes()),
        (gemma, "sliding_window_pattern", 1u32.to_le_bytes()),
    ] {
        let found = lowest(file, key, value);
        assert!(found < 0.9999, "{file}, {key}: {found}");
    }
    // A window of 9 reaches as far as one of 8.
    assert!(lowest(gemma, window, 8u32.to_le_bytes()) >= 0.9999);
}

/// Special tokens are no part of a text, however it spells them.
#[test]
fn the_spelling_of_a_special_token_is_plain_text() {
    for (file, text) in [
        ("tiny.f32.gguf", "[SEP] [CLS]"),
        ("modern-bert.f32.gguf", "[SEP] [CLS]"),
        ("gemma-embedding.f32.gguf", "<eos> <bos>"),
    ] {
        let tokenizer = load(file).tokenizer;
        let [first, last] = tokenizer.encode("")[..] else {
            panic!("{file}: a text has a token before it and one after it");
        };
        let ids = tokenizer.encode(text);
        assert_eq!(ids.first(), Some(&first), "{file}");
        assert_eq!(ids.last(), Some(&last), "{file}");
        let between = &ids[1..ids.len() - 1];
        assert!(!between.contains(&first) && !between.contains(&last));
    }
}

/// The texts together and one by one, on several numbers of threads, with the scalar kernels, and from a file that comes
/// in pieces.
#[test]
fn embeddings_are_the_same_bits_in_every_way() {
    let sentences = reference().sentences;
    for file in &files() {
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
    assert!(expected.keys().eq(BTreeSet::from_iter(&files())));
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
    let mut writer = Writer::new();
    let name = Value::String("nomic-bert-moe".to_owned());
    writer.metadata("general.architecture", name).unwrap();
    let error = Encoder::from_bytes(&writer.to_vec().unwrap()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "models of the architecture \"nomic-bert-moe\" are not supported"
    );
}

fn changed(key: &str, skip: usize, value: &[u8]) -> Vec<u8> {
    changed_in("tiny.q8_0.gguf", key, skip, value)
}

/// Overwrites the bytes after a metadata key or tensor name of the file.
fn changed_in(file: &str, key: &str, skip: usize, value: &[u8]) -> Vec<u8> {
    let mut file = bytes(file);
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
fn what_no_encoder_can_have_is_refused() {
    let code = |file: &[u8]| Encoder::from_bytes(file).unwrap_err().code();
    let gemma =
        |key: &str, value: [u8; 4]| code(&changed_in("gemma-embedding.f32.gguf", key, 4, &value));
    for (key, value) in [
        ("attention.head_count_kv", 3),
        ("attention.key_length", 1 << 24),
        ("attention.key_length", 15),
        ("attention.value_length", 8),
        ("attention.sliding_window_pattern", 0),
        ("dense_3_feat_in", 32),
        ("rope.freq_base", 0),
    ] {
        assert_eq!(gemma(key, u32::to_le_bytes(value)), "bad_metadata", "{key}");
    }
    let modern = |value: &[u8]| {
        let key = "modern-bert.hidden_activation";
        code(&changed_in("modern-bert.q8_0.gguf", key, 12, value))
    };
    assert_eq!(modern(b"relu"), "bad_metadata");
    // Only the first layer may lack the norm of its input.
    let mut file = bytes("modern-bert.f32.gguf");
    let name = b"blk.1.attn_norm.weight";
    let at = file.windows(name.len()).position(|part| part == name);
    file[at.unwrap() + 4] = b'0';
    let error = Encoder::from_bytes(&file).unwrap_err();
    let missing = "blk.1.attn_norm.weight".to_owned();
    assert_eq!(error, Error::MissingTensor(missing));
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
    for name in files().iter().filter(|name| name.contains("q8_0")) {
        let file = bytes(name);
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
        assert!(refused > header / 10, "{name}: {refused} of {header}");
        for end in (0..file.len() - 32).step_by(101) {
            assert!(Encoder::from_bytes(&file[..end]).is_err(), "{end}");
        }
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
        let encode = |text: &str| encoder.tokenizer.encode(text);
        check_ids(encode, &texts.texts, &real.ids);
        let ours = encoder.embed(&texts.sentences, cut()).unwrap();
        let lowest = lowest_cosine(&ours, &real.vectors);
        println!("{kind}: {lowest:.8}");
        assert!(lowest >= least, "{kind}: {lowest}");
    }
}
