//! Random walks: whatever is written within a schema or a grammar and ends by itself is valid.
#![cfg(not(target_arch = "wasm32"))]

#[path = "common/grammars.rs"]
mod grammars;
#[path = "common/languages.rs"]
mod languages;
#[path = "common/validator.rs"]
mod validator;

use grammars::test_random::WideTestRandom;
use grammars::{END, accepts, vocabulary};
use languages::LANGUAGES;
use nexttoken::constraint::{Grammar, Kind, Rule};
use nexttoken::{Error, TokenId};
use serde_json::Value;
use validator::Validator;

/// The longest walk, in bytes.
const MAX_LENGTH: usize = 300;

/// Walks for each schema.
const WALKS: usize = 12;

/// A text that ends by itself; `None` where it grew too long, or every name it could have has come.
fn walk(grammar: &Grammar, random: &mut WideTestRandom) -> Option<String> {
    let mut ids: Vec<TokenId> = Vec::new();
    while ids.len() < MAX_LENGTH {
        let mask = match grammar.allowed_tokens(&ids) {
            Ok(Some(mask)) => mask,
            Ok(None) => return Some(text(&ids)),
            Err(Error::Constraint(reason)) if reason.contains("no name is left") => return None,
            Err(error) => panic!("{}: {error}", text(&ids)),
        };
        let allowed: Vec<TokenId> = (0..=END).filter(|&id| mask.allows(id)).collect();
        // What closes comes often enough that texts end.
        let closing =
            |id: &TokenId| *id == END || b"\"}]:".iter().any(|byte| u32::from(*byte) == *id);
        let closing: Vec<TokenId> = allowed.iter().copied().filter(closing).collect();
        let among = match closing.is_empty() || random.below(4) > 0 {
            true => &allowed,
            false => &closing,
        };
        assert!(!among.is_empty(), "{} leads nowhere", text(&ids));
        let id = among[random.below(among.len())];
        if id == END {
            return Some(text(&ids));
        }
        ids.push(id);
    }
    None
}

fn text(ids: &[TokenId]) -> String {
    let bytes: Vec<u8> = ids.iter().map(|&id| id as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether an object in the text has a name twice.
fn has_name_twice(text: &str) -> bool {
    /// Counts the members as they are written.
    struct Members(usize);
    impl<'de> serde::Deserialize<'de> for Members {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Members;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Members, A::Error> {
                    let mut count = 0;
                    while map.next_entry::<String, serde::de::IgnoredAny>()?.is_some() {
                        count += 1;
                    }
                    Ok(Members(count))
                }
            }
            deserializer.deserialize_map(Visitor)
        }
    }
    let value: Value = serde_json::from_str(text).unwrap();
    let Value::Object(members) = value else {
        return false;
    };
    let written: Members = serde_json::from_str(text).unwrap();
    written.0 != members.len()
}

/// Those that are met in the wild, and those that are made of others.
fn schemas() -> Vec<Value> {
    let files = [
        include_str!("data/constraint/schemas.json"),
        include_str!("data/constraint/composed.json"),
    ];
    let files = files.map(|file| serde_json::from_str::<Vec<Value>>(file).unwrap());
    files.concat()
}

#[test]
fn what_ends_by_itself_is_valid() {
    let schemas = schemas();
    let vocabulary = vocabulary();
    let mut ended = 0;
    for (number, schema) in schemas.iter().enumerate() {
        let grammar = match vocabulary.grammar(Kind::JsonSchema, &schema.to_string()) {
            Ok(grammar) => grammar,
            Err(error) => panic!("{schema}: {error}"),
        };
        let validator = Validator::new(schema);
        let mut random = WideTestRandom(number as u64);
        for _ in 0..WALKS {
            let Some(text) = walk(&grammar, &mut random) else {
                continue;
            };
            ended += 1;
            println!("{schema}\t{text:?}");
            let value: Value = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{schema}: {text}: {error}"));
            assert!(validator.allows(&value), "{schema}: {text}");
            assert!(!has_name_twice(&text), "{schema}: {text}");
        }
    }
    let walks = schemas.len() * WALKS;
    println!("{ended} of {walks} walks ended");
    assert!(ended * 2 > walks);
}

#[test]
fn what_a_grammar_ends_by_itself_is_a_sentence() {
    let vocabulary = vocabulary();
    let mut ended = 0;
    for (number, language) in LANGUAGES.iter().enumerate() {
        let source = language.source;
        let grammar = match vocabulary.grammar(Kind::Grammar, source) {
            Ok(grammar) => grammar,
            Err(error) => panic!("{source}: {error}"),
        };
        for (text, is_sentence) in [(language.sentence, true), (language.other, false)] {
            assert_eq!((language.knows)(text), is_sentence, "{source}{text:?}");
            assert_eq!(accepts(&grammar, text), is_sentence, "{source}{text:?}");
        }
        let mut random = WideTestRandom(number as u64);
        for _ in 0..WALKS {
            if let Some(text) = walk(&grammar, &mut random) {
                ended += 1;
                assert!((language.knows)(&text), "{source}{text:?}");
            }
        }
    }
    let walks = LANGUAGES.len() * WALKS;
    println!("{ended} of {walks} walks ended");
    assert!(ended * 2 > walks);
}
