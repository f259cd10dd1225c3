//! A source taken for a schema, a regular expression and a grammar: compiled or refused, and followed for a few
//! tokens.
//!
//! What lies between two bytes 0 is repeated, so that a short input makes a long source.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use nexttoken::constraint::{Kind, Vocabulary, token_table};
use nexttoken_fuzz::generator;

/// How often.
const TIMES: usize = 300;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let generator = generator();
    let table = token_table(&generator.model().tokenizer).expect("there is memory for it");
    Vocabulary::new(&table).expect("the vocabulary is usable")
});

fuzz_target!(|input: &str| {
    let parts = input.split('\0').enumerate();
    let parts = parts.map(|(index, part)| part.repeat([1, TIMES][index % 2]));
    let source: String = parts.collect();
    for kind in [Kind::JsonSchema, Kind::Regex, Kind::Grammar] {
        let Ok(constraint) = VOCABULARY.compile(kind, &source) else {
            continue;
        };
        let mut ids = Vec::new();
        // The tokens that come are chosen by the source too.
        for choice in source.bytes().rev().take(16) {
            let Ok(Some(mask)) = constraint.allowed_tokens(&ids) else {
                break;
            };
            let allowed: Vec<u32> = (0..512).filter(|id| mask.allows(*id)).collect();
            let Some(id) = allowed.get(usize::from(choice) % allowed.len().max(1)) else {
                break;
            };
            ids.push(*id);
        }
    }
});
