//! Metadata of tokenizers.
#![allow(dead_code, reason = "every test file uses another part of it")]

use nexttoken::gguf::{Metadata, StringArray, Value};

/// The strings of a JSON array.
pub fn strings(array: &serde_json::Value) -> Value {
    let mut strings = StringArray::default();
    for string in array.as_array().unwrap() {
        strings.push(string.as_str().unwrap().as_bytes()).unwrap();
    }
    Value::Strings(strings)
}

/// Metadata of such keys and values.
pub fn with(pairs: impl IntoIterator<Item = (&'static str, Value)>) -> Metadata {
    let mut metadata = Metadata::default();
    for (key, value) in pairs {
        metadata.insert(key.to_owned(), value).unwrap();
    }
    metadata
}

/// A vocabulary of tokens and their types.
pub fn vocabulary(model: &str, tokens: &[(&str, i64)]) -> Metadata {
    let mut strings = StringArray::default();
    for (token, _) in tokens {
        strings.push(token.as_bytes()).unwrap();
    }
    with([
        ("tokenizer.ggml.model", Value::String(model.into())),
        ("tokenizer.ggml.tokens", Value::Strings(strings)),
        (
            "tokenizer.ggml.token_type",
            Value::Integers(tokens.iter().map(|token| token.1).collect()),
        ),
        (
            "tokenizer.ggml.merges",
            Value::Strings(StringArray::default()),
        ),
    ])
}
