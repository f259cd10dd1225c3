//! The tokenizer of a real model against llama.cpp, id for id.
#![cfg(not(target_arch = "wasm32"))]

use std::io::Read;

use nexttoken::gguf::read_header;
use nexttoken::tokenizer::Tokenizer;

fn tokenizer() -> Option<Tokenizer> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/.cache/models/SmolLM2-135M-Instruct.Q4_1.gguf"
    );
    let Ok(mut file) = std::fs::File::open(path) else {
        let required = std::env::var_os("NEXTTOKEN_REQUIRE_MODEL").is_some();
        assert!(
            !required,
            "{path} is missing: `cargo pkg fetch-model` gets it"
        );
        eprintln!("skipped: {path} is missing");
        return None;
    };
    let mut start = vec![0; 4 << 20];
    file.read_exact(&mut start).unwrap();
    let mut header = read_header(&start).unwrap().unwrap();
    Some(Tokenizer::from_metadata(&mut header.metadata).unwrap())
}

#[test]
fn ids_equal_the_reference() {
    let Some(tokenizer) = tokenizer() else { return };
    let reference: serde_json::Value = serde_json::from_str(include_str!(
        "data/reference/smollm2-135m-instruct-q4_1.json"
    ))
    .unwrap();
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
fn texts_come_back() {
    let Some(tokenizer) = tokenizer() else { return };
    let mut state = 1u32;
    let mut random = move |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    for _ in 0..500 {
        // This vocabulary has no token for some control characters; as in llama.cpp, they are lost.
        let text: String = (0..random(40))
            .map(|_| [random(128), random(0x3000), random(0x2_0000)][random(3) as usize])
            .filter_map(char::from_u32)
            .filter(|c| !c.is_ascii_control())
            .collect();
        assert_eq!(tokenizer.decode(&tokenizer.encode(&text, false)), text);
    }
}

#[test]
fn a_long_word_is_no_trap() {
    let Some(tokenizer) = tokenizer() else { return };
    let word = "abracadabra".repeat(30_000);
    let ids = tokenizer.encode(&word, true);
    assert_eq!(tokenizer.decode(&ids), word);
}

#[test]
fn special_tokens_are_parsed_only_on_request() {
    let Some(tokenizer) = tokenizer() else { return };
    let text = "<|im_start|>user\nhi<|im_end|>";
    let ids = tokenizer.encode(text, true);
    assert!(tokenizer.is_control(ids[0]) && tokenizer.is_end_of_generation(ids[ids.len() - 1]));
    assert_eq!(tokenizer.decode(&ids), "user\nhi");
    let plain = tokenizer.encode(text, false);
    assert!(plain.iter().all(|id| !tokenizer.is_control(*id)));
    assert_eq!(tokenizer.decode(&plain), text);
}
