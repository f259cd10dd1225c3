//! The tokenizers of real models against llama.cpp, id for id.
//!
//! SmolLM2 is where `cargo demo` puts it; Gemma 3 has to be put into `.cache/models/` by hand. Tests of a
//! model that is not there say so and pass; with `NEXTTOKEN_REQUIRE_MODEL=1` SmolLM2 must be there, and
//! with `NEXTTOKEN_REQUIRE_GEMMA=1` Gemma.
#![cfg(not(target_arch = "wasm32"))]

#[path = "common/metadata.rs"]
mod metadata;
#[path = "../src/test_random.rs"]
mod test_random;

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use metadata::{strings, vocabulary, with};
use nexttoken::gguf::{Metadata, StringArray, Value, read_header};
use nexttoken::tokenizer::{TextDecoder, Tokenizer};
use test_random::TestRandom;

const SMOLLM2: (&str, &str) = ("SmolLM2-135M-Instruct.Q4_1.gguf", "NEXTTOKEN_REQUIRE_MODEL");
const GEMMA3: (&str, &str) = ("gemma-3-270m-q4_k_m.gguf", "NEXTTOKEN_REQUIRE_GEMMA");

fn metadata((file, required): (&str, &str)) -> Option<Metadata> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(".cache/models")
        .join(file);
    let Ok(mut file) = std::fs::File::open(&path) else {
        assert!(
            std::env::var_os(required).is_none(),
            "{} is missing",
            path.display()
        );
        eprintln!("skipped: {} is missing", path.display());
        return None;
    };
    let mut start = vec![0; 8 << 20];
    file.read_exact(&mut start).unwrap();
    Some(read_header(&start).unwrap().unwrap().metadata)
}

fn tokenizer(model: (&str, &str)) -> Option<Tokenizer> {
    let mut metadata = metadata(model)?;
    Some(Tokenizer::from_metadata(&mut metadata).unwrap())
}

fn assert_ids_equal(tokenizer: &Tokenizer, reference: &str) {
    let reference: serde_json::Value = serde_json::from_str(reference).unwrap();
    let cases = reference["tokenize"].as_array().unwrap();
    assert_eq!(cases.len(), 50);
    for case in cases {
        let text = case["text"].as_str().unwrap();
        let expected: Vec<u32> = serde_json::from_value(case["ids"].clone()).unwrap();
        let ids = tokenizer.encode(text, case["special"].as_bool().unwrap());
        assert_eq!(ids, expected, "{text:?}");
    }
}

#[test]
fn ids_equal_the_reference() {
    let Some(tokenizer) = tokenizer(SMOLLM2) else {
        return;
    };
    assert_ids_equal(
        &tokenizer,
        include_str!("data/reference/smollm2-135m-instruct-q4_1.json"),
    );
}

#[test]
fn ids_of_gemma_equal_the_reference() {
    let Some(tokenizer) = tokenizer(GEMMA3) else {
        return;
    };
    assert_ids_equal(
        &tokenizer,
        include_str!("data/reference/gemma-3-270m-q4_k_m.json"),
    );
}

/// Random texts of characters from ever larger alphabets.
fn random_texts(count: usize) -> impl Iterator<Item = String> {
    let mut random = TestRandom(1);
    let mut random = move |end: u32| random.below(end);
    (0..count).map(move |_| {
        (0..random(40))
            .map(|_| [random(128), random(0x3000), random(0x2_0000)][random(3) as usize])
            .filter_map(char::from_u32)
            .collect()
    })
}

#[test]
fn texts_come_back() {
    let Some(tokenizer) = tokenizer(SMOLLM2) else {
        return;
    };
    for text in random_texts(500) {
        // This vocabulary has no token for some control characters; as in llama.cpp, they are lost.
        let text: String = text.chars().filter(|c| !c.is_ascii_control()).collect();
        assert_eq!(tokenizer.decode(&tokenizer.encode(&text, false)), text);
    }
}

#[test]
fn texts_come_back_from_gemma() {
    let Some(tokenizer) = tokenizer(GEMMA3) else {
        return;
    };
    for text in random_texts(500) {
        // It is how this vocabulary writes a space.
        let text = text.replace('\u{2581}', "");
        assert_eq!(tokenizer.decode(&tokenizer.encode(&text, false)), text);
    }
}

#[test]
fn a_long_word_is_no_trap() {
    for tokenizer in [SMOLLM2, GEMMA3].into_iter().filter_map(tokenizer) {
        for piece in [
            "abracadabra",
            "a",
            " ",
            "\n",
            "<",
            "<start_of_turn",
            "<|im_start",
        ] {
            let text = piece.repeat((1 << 20) / piece.len());
            let start = Instant::now();
            let ids = tokenizer.encode(&text, true);
            println!("{:?}: {:?}", piece, start.elapsed());
            assert_eq!(tokenizer.decode(&ids), text);
        }
    }
}

#[test]
fn special_tokens_are_parsed_only_on_request() {
    let Some(tokenizer) = tokenizer(SMOLLM2) else {
        return;
    };
    let text = "<|im_start|>user\nhi<|im_end|>";
    let ids = tokenizer.encode(text, true);
    assert!(tokenizer.is_control(ids[0]) && tokenizer.is_end_of_generation(ids[ids.len() - 1]));
    assert_eq!(tokenizer.decode(&ids), "user\nhi");
    let plain = tokenizer.encode(text, false);
    assert!(plain.iter().all(|id| !tokenizer.is_control(*id)));
    assert_eq!(tokenizer.decode(&plain), text);
}

#[test]
fn gemma_begins_and_ends_as_its_file_says() {
    let Some(tokenizer) = tokenizer(GEMMA3) else {
        return;
    };
    assert_eq!(tokenizer.description(), "llama");
    let names = [tokenizer.bos(), tokenizer.eos()].map(|id| tokenizer.token_name(id.unwrap()));
    assert_eq!(names, ["<bos>", "<eos>"]);
    let text = "<start_of_turn>user\nhi<end_of_turn>\n";
    let ids = tokenizer.encode_prompt(text);
    assert_eq!(Some(ids[0]), tokenizer.bos());
    assert_eq!(tokenizer.token_name(ids[1]), "<start_of_turn>");
    let ends: Vec<String> = (0..tokenizer.vocabulary_size() as u32)
        .filter(|id| tokenizer.is_end_of_generation(*id))
        .map(|id| tokenizer.token_name(id))
        .collect();
    assert_eq!(ends, ["<eos>", "<end_of_turn>", "</s>"]);
    assert_eq!(tokenizer.decode(&ids), "user\nhi\n");
    let plain = tokenizer.encode(text, false);
    assert!(plain.iter().all(|id| !tokenizer.is_control(*id)));
    assert_eq!(tokenizer.decode(&plain), text);
}

/// 262,144 tokens. The limit is generous: what is to be noticed is a change of kind, not a busy machine.
#[test]
fn a_large_vocabulary_loads_quickly() {
    let Some(mut metadata) = metadata(GEMMA3) else {
        return;
    };
    let start = Instant::now();
    Tokenizer::from_metadata(&mut metadata).unwrap();
    let elapsed = start.elapsed();
    println!("loaded in {elapsed:?}");
    assert!(elapsed.as_millis() < 1000, "{elapsed:?}");
}

fn parse<T: serde::de::DeserializeOwned>(value: &serde_json::Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

/// One small vocabulary cut into words in every way, as llama.cpp does it (`data/tokenizer/make.py`).
#[test]
fn pre_tokenizers_equal_the_reference() {
    let data: serde_json::Value =
        serde_json::from_str(include_str!("data/tokenizer/byte_level.json")).unwrap();
    let texts: Vec<String> = parse(&data["texts"]);
    let last = data["tokens"].as_array().unwrap().len() as u32 - 1;
    for (pre, result) in data["results"].as_object().unwrap() {
        let mut metadata = with([
            ("tokenizer.ggml.model", Value::String("gpt2".into())),
            ("tokenizer.ggml.pre", Value::String(pre.clone())),
            ("tokenizer.ggml.tokens", strings(&data["tokens"])),
            (
                "tokenizer.ggml.token_type",
                Value::Integers(parse::<Vec<i64>>(&data["types"]).into()),
            ),
            ("tokenizer.ggml.merges", strings(&data["merges"])),
            ("tokenizer.ggml.bos_token_id", Value::U32(last)),
            ("tokenizer.ggml.eos_token_id", Value::U32(last)),
        ]);
        let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
        assert_eq!(tokenizer.adds_bos(), result["adds_bos"], "{pre}");
        let expected: Vec<Vec<u32>> = parse(&result["ids"]);
        assert_eq!(texts.len(), expected.len());
        for (text, expected) in texts.iter().zip(expected) {
            assert_eq!(tokenizer.encode(text, false), expected, "{pre}: {text:?}");
        }
    }
}

/// A small vocabulary as files of Gemma 4 have it, as llama.cpp reads it.
#[test]
fn merged_characters_equal_the_reference() {
    let data: serde_json::Value =
        serde_json::from_str(include_str!("data/tokenizer/characters.json")).unwrap();
    let pieces: Vec<(String, i64)> = parse(&data["pieces"]);
    let mut tokens = StringArray::default();
    for (piece, _) in &pieces {
        tokens.push(piece.as_bytes()).unwrap();
    }
    let kinds: Vec<i64> = pieces.iter().map(|piece| piece.1).collect();
    let mut metadata = with([
        ("tokenizer.ggml.model", Value::String("gemma4".into())),
        ("tokenizer.ggml.tokens", Value::Strings(tokens)),
        ("tokenizer.ggml.token_type", Value::Integers(kinds.into())),
        ("tokenizer.ggml.merges", strings(&data["merges"])),
        ("tokenizer.ggml.bos_token_id", Value::U32(2)),
        ("tokenizer.ggml.eos_token_id", Value::U32(1)),
        ("tokenizer.ggml.add_bos_token", Value::Bool(false)),
    ]);
    let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
    assert_eq!(tokenizer.description(), "gemma4");
    let texts: Vec<(String, bool)> = parse(&data["texts"]);
    let expected: Vec<Vec<u32>> = parse(&data["ids"]);
    assert_eq!(texts.len(), expected.len());
    for ((text, special), ids) in texts.iter().zip(&expected) {
        assert_eq!(
            &tokenizer.encode(text, *special),
            ids,
            "{text:?}, {special}"
        );
        // Two bytes have no token, and this vocabulary writes a space as U+2581, two of them byte by byte.
        if !special && !text.contains(['\u{1}', '\u{7f}', '\u{2581}']) {
            let decoded = tokenizer.decode(ids).replace('\u{2581}', " ");
            assert_eq!(&decoded, text);
        }
    }
    let ends: Vec<u32> = (0..pieces.len() as u32)
        .filter(|id| tokenizer.is_end_of_generation(*id))
        .collect();
    assert_eq!(ends, parse::<Vec<u32>>(&data["ends"]));
    let adds: [bool; 2] = parse(&data["adds"]);
    assert_eq!(adds, [true, false]);
    assert_eq!(tokenizer.encode_prompt("")[..], [2]);
}

/// One small vocabulary as files of three models would have it, as llama.cpp reads it.
#[test]
fn sentencepiece_equals_the_reference() {
    let data: serde_json::Value =
        serde_json::from_str(include_str!("data/tokenizer/sentencepiece.json")).unwrap();
    let pieces: Vec<(String, f32, i64)> = parse(&data["pieces"]);
    let texts: Vec<(String, bool)> = parse(&data["texts"]);
    for result in data["results"].as_array().unwrap() {
        let mut tokens = StringArray::default();
        for (piece, _, _) in &pieces {
            tokens.push(piece.as_bytes()).unwrap();
        }
        let name: String = parse(&result["name"]);
        let mut metadata = with([
            ("general.name", Value::String(name.clone())),
            ("tokenizer.ggml.model", Value::String("llama".into())),
            ("tokenizer.ggml.tokens", Value::Strings(tokens)),
            (
                "tokenizer.ggml.scores",
                Value::Floats(pieces.iter().map(|piece| piece.1).collect()),
            ),
            (
                "tokenizer.ggml.token_type",
                Value::Integers(pieces.iter().map(|piece| piece.2).collect()),
            ),
        ]);
        for (option, value) in result["options"].as_object().unwrap() {
            let value = Value::Bool(value.as_bool().unwrap());
            let key = format!("tokenizer.ggml.{option}");
            metadata.insert(key, value).unwrap();
        }
        let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
        let expected: Vec<Vec<u32>> = parse(&result["ids"]);
        let decoded: Vec<String> = parse(&result["decoded"]);
        let (adds_bos, adds_eos): (bool, bool) = parse(&result["adds"]);
        assert_eq!(texts.len(), expected.len());
        for (((text, special), ids), decoded) in texts.iter().zip(&expected).zip(&decoded) {
            assert_eq!(
                &tokenizer.encode(text, *special),
                ids,
                "{name}: {text:?}, {special}"
            );
            assert_eq!(&tokenizer.decode(ids), decoded, "{name}: {text:?}");
            let mut prompt = tokenizer.encode(text, true);
            prompt.splice(0..0, tokenizer.bos().filter(|_| adds_bos));
            prompt.extend(tokenizer.eos().filter(|_| adds_eos));
            assert_eq!(tokenizer.encode_prompt(text), prompt);
        }
        let ends: Vec<u32> = (0..pieces.len() as u32)
            .filter(|id| tokenizer.is_end_of_generation(*id))
            .collect();
        assert_eq!(ends, parse::<Vec<u32>>(&result["ends"]), "{name}");
    }
}

#[test]
fn what_is_unknown_or_broken_is_refused() {
    let tokens = [("<unk>", 2), ("<s>", 3), ("</s>", 3), ("a", 1)];
    let code = |change: &dyn Fn(&mut Metadata)| {
        let mut metadata = vocabulary("llama", &tokens);
        change(&mut metadata);
        let tokenizer = Tokenizer::from_metadata(&mut metadata);
        tokenizer.map_or_else(|error| error.code(), |_| "none")
    };
    let set = |key: &'static str, value: Value| {
        move |metadata: &mut Metadata| {
            metadata.take(key);
            metadata.insert(key.to_owned(), value.clone()).unwrap();
        }
    };
    let text = |text: &str| Value::String(text.into());
    assert_eq!(code(&|_| ()), "none");
    let unknown = code(&set("tokenizer.ggml.model", text("bert")));
    assert_eq!(unknown, "unsupported_tokenizer");
    let unknown_words = code(&|metadata| {
        set("tokenizer.ggml.model", text("gpt2"))(metadata);
        set("tokenizer.ggml.pre", text("of tomorrow"))(metadata);
    });
    assert_eq!(unknown_words, "unsupported_tokenizer");
    let no_merges = code(&|metadata| {
        set("tokenizer.ggml.model", text("gpt2"))(metadata);
        metadata.take("tokenizer.ggml.merges");
    });
    assert_eq!(no_merges, "missing_metadata");
    let absent = code(&|metadata| drop(metadata.take("tokenizer.ggml.tokens")));
    assert_eq!(absent, "missing_metadata");
    for (key, value) in [
        (
            "tokenizer.ggml.tokens",
            Value::Strings(StringArray::default()),
        ),
        ("tokenizer.ggml.tokens", Value::Integers(vec![1; 4].into())),
        (
            "tokenizer.ggml.token_type",
            Value::Integers(vec![1; 3].into()),
        ),
        ("tokenizer.ggml.scores", Value::Floats(vec![0.0; 3])),
        ("tokenizer.ggml.scores", text("high")),
        ("tokenizer.ggml.eos_token_id", text("</s>")),
        ("tokenizer.ggml.add_bos_token", Value::U8(1)),
    ] {
        assert_eq!(code(&set(key, value)), "bad_metadata", "{key}");
    }
}

#[test]
fn bytes_of_a_character_become_text_together() {
    let tokens = [
        ("<unk>", 2),
        ("<0xF0>", 6),
        ("<0x9F>", 6),
        ("<0xA6>", 6),
        ("<0x8A>", 6),
    ];
    let mut metadata = vocabulary("llama", &tokens);
    metadata
        .insert("tokenizer.ggml.add_space_prefix".into(), Value::Bool(false))
        .unwrap();
    let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
    let ids = tokenizer.encode("🦊é", false);
    // This vocabulary has no bytes for é.
    assert_eq!(ids, [1, 2, 3, 4, 0, 0]);
    let mut decoder = TextDecoder::default();
    let texts = ids
        .iter()
        .map(|id| decoder.push(tokenizer.token_bytes(*id)));
    assert_eq!(texts.collect::<Vec<_>>(), ["", "", "", "🦊", "", ""]);
}

#[test]
fn a_part_of_a_message_is_no_end() {
    let ends = |tokens: &[(&str, i64)]| {
        let mut metadata = vocabulary("gpt2", tokens);
        let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
        let ids = 0..tokens.len() as u32;
        ids.filter(|id| tokenizer.is_end_of_generation(*id))
            .map(|id| tokenizer.token_name(id))
            .collect::<Vec<_>>()
    };
    assert_eq!(ends(&[("a", 1), ("<|end|>", 3)]), ["<|end|>"]);
    // A type that says "text" is not believed.
    assert_eq!(ends(&[("<|im_end|>", 1)]), ["<|im_end|>"]);
    let harmony = [("<|end|>", 3), ("<|return|>", 3), ("<|call|>", 3)];
    assert_eq!(ends(&harmony), ["<|return|>", "<|call|>"]);
    let gemma4 = [("<|tool_response>", 4), ("</s>", 1), ("<turn|>", 3)];
    assert_eq!(ends(&gemma4), ["<|tool_response>", "<turn|>"]);
    assert_eq!(ends(&[("</s>", 1), ("<turn|>", 3)]), ["</s>", "<turn|>"]);
    let code = [("<|fim_pad|>", 3), ("<|fim_prefix|>", 3), ("<PAD>", 3)];
    assert_eq!(ends(&code), ["<|fim_pad|>"]);
}

/// Files are not to be trusted: whatever a vocabulary holds, texts are encoded and decoded in good time.
#[test]
fn any_vocabulary_will_do() {
    let mut random = TestRandom(5);
    let mut random = move |end: u32| random.below(end);
    let parts: [&[u8]; 14] = [
        b"a",
        b"b",
        b" ",
        b"<",
        b"|",
        b">",
        b"<0x",
        b"41>",
        b"\xff",
        b"\n",
        b"",
        "\u{2581}".as_bytes(),
        "\u{120}".as_bytes(),
        "é".as_bytes(),
    ];
    for round in 0..400 {
        let mut string = |most: u32| -> Vec<u8> {
            let parts = (0..random(most)).map(|_| parts[random(14) as usize]);
            parts.collect::<Vec<_>>().concat()
        };
        let mut tokens = StringArray::default();
        let mut merges = StringArray::default();
        for _ in 0..60 {
            tokens.push(&string(5)).unwrap();
            merges.push(&string(6)).unwrap();
        }
        let text = String::from_utf8_lossy(&string(60)).into_owned();
        let model = ["llama", "gpt2", "gemma4"][round % 3];
        let mut metadata = with([
            (
                "general.name",
                Value::String(["phi3", "x"][round / 3 % 2].into()),
            ),
            ("tokenizer.ggml.model", Value::String(model.into())),
            ("tokenizer.ggml.tokens", Value::Strings(tokens)),
            ("tokenizer.ggml.merges", Value::Strings(merges)),
            (
                "tokenizer.ggml.token_type",
                Value::Integers((0..60).map(|_| i64::from(random(9)) - 1).collect()),
            ),
            (
                "tokenizer.ggml.scores",
                Value::Floats(
                    (0..60)
                        .map(|_| f32::from_bits(random(1 << 24) << 8))
                        .collect(),
                ),
            ),
        ]);
        let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
        for special in [false, true] {
            let ids = tokenizer.encode(&text, special);
            assert!(ids.iter().all(|id| *id < 60));
            tokenizer.decode(&ids);
        }
    }
}
