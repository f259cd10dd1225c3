//! Vocabularies with holes: special ids that no token has, and merges that lead through spellings without a token.
#![cfg(not(target_arch = "wasm32"))]

#[path = "common/metadata.rs"]
mod metadata;

use metadata::{strings, vocabulary};
use nexttoken::gguf::Value;
use nexttoken::tokenizer::Tokenizer;

/// A token that is not there counts as absent, and is told of.
#[test]
fn special_ids_may_be_out_of_range() {
    let tokens = [("<unk>", 2), ("a", 1), ("<|e|>", 3)];
    for role in ["bos", "eos", "eot", "eom", "unknown", "fim_pad"] {
        for (id, written) in [
            (Value::U32(3), "3"),
            (Value::U32(u32::MAX), "4294967295"),
            (Value::I32(-1), "-1"),
            (Value::U64(u64::MAX), "18446744073709551615"),
        ] {
            let key = format!("tokenizer.ggml.{role}_token_id");
            let mut metadata = vocabulary("gpt2", &tokens);
            metadata.insert(key.clone(), id).unwrap();
            let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
            let warning = format!("{key} is {written}, and the vocabulary has no such token");
            assert_eq!(tokenizer.warnings(), [warning]);
            assert_eq!((tokenizer.bos(), tokenizer.eos()), (None, None));
            assert!((0..3).all(|id| !tokenizer.is_end_of_generation(id)));
            assert_eq!(tokenizer.encode_prompt("aé"), [1]);
        }
    }
    // SentencePiece has numbers of its own for them.
    let mut metadata = vocabulary("llama", &tokens);
    let key = "tokenizer.ggml.bos_token_id";
    metadata.insert(key.to_owned(), Value::U32(3)).unwrap();
    let tokenizer = Tokenizer::from_metadata(&mut metadata).unwrap();
    assert_eq!((tokenizer.bos(), tokenizer.warnings().len()), (Some(1), 1));
}

/// The characters that byte-level BPE writes bytes as, but for some, then more tokens; and merges.
fn byte_level(missing: &str, more: &[&str], merges: &[&str]) -> Tokenizer {
    let mut others = (256..).filter_map(char::from_u32);
    let letters = (0..=255u8).map(|byte| match byte {
        b'!'..=b'~' | 0xA1..=0xAC | 0xAE.. => char::from(byte),
        _ => others.next().unwrap(),
    });
    let letters = letters.filter(|letter| !missing.contains(*letter));
    let mut tokens: Vec<String> = letters.map(String::from).collect();
    tokens.extend(more.iter().map(|&token| token.into()));
    let tokens: Vec<_> = tokens.iter().map(|token| (token.as_str(), 1)).collect();
    let mut metadata = vocabulary("gpt2", &tokens);
    metadata.take("tokenizer.ggml.merges");
    let merges = strings(&serde_json::json!(merges));
    let more = [
        ("merges", merges),
        ("pre", Value::String("gpt-2".to_owned())),
    ];
    for (key, value) in more {
        metadata
            .insert(format!("tokenizer.ggml.{key}"), value)
            .unwrap();
    }
    Tokenizer::from_metadata(&mut metadata).unwrap()
}

/// Merges may lead through a spelling that is no token, also of a single byte. The ids are those that llama.cpp gives
/// with the same vocabularies: what is left in such a spelling loses its space and all that is not ASCII.
#[test]
fn merges_lead_through_spellings_without_a_token() {
    let check = |tokenizer: &Tokenizer, cases: &[(&str, &[u32])]| {
        for (text, ids) in cases {
            assert_eq!(tokenizer.encode(text, false), *ids, "{text:?}");
        }
    };
    let gap = byte_level("", &["abc"], &["a b", "ab c"]);
    check(
        &gap,
        &[
            ("abc", &[256]),
            ("ab", &[97, 98]),
            ("abcab c", &[256, 97, 98, 32, 99]),
        ],
    );
    let more = ["Ġt", "the", "Ġthe", "th", "he"];
    let merges = ["t h", "h e", "th e", "Ġ t", "Ġ the", "Ġt he"];
    check(
        &byte_level("tq", &more, &merges),
        &[
            (" the the th t q tq", &[256, 256, 32, 257, 254, 32, 254]),
            ("thethe tt hthe", &[255, 255, 254, 32, 104, 255]),
            ("quite the", &[115, 105, 101, 256]),
        ],
    );
    let merges = ["Ġ x", "é y", "Ã ©", "x y", "xy z", "xyz w", "a b", "ab c"];
    check(
        &byte_level("", &["abc"], &merges),
        &[
            (" x x", &[120, 120]),
            ("xyzw xyz", &[120, 121, 122, 119, 120, 121, 122]),
            ("née abcé", &[110, 101, 32, 256]),
        ],
    );
    check(
        &byte_level("Ġx", &["abc"], &["Ġ x", "x y", "b c", "a bc"]),
        &[
            (" x x", &[]),
            ("a x y", &[96, 119]),
            ("xyzw xyz", &[119, 120, 118, 119, 120]),
            ("abcab c", &[254, 96, 97, 98]),
        ],
    );
}
