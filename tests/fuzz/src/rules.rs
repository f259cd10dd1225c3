//! What is done with an input of the targets whose libraries take minutes to compile for libFuzzer. `tests/hostile.rs`
//! does the same with inputs of its own, so that no change goes by without some.

use std::sync::LazyLock;

use nexttoken::Error;
use nexttoken::chat::{Message, Rendering};
use nexttoken::constraint::{Kind, Vocabulary, token_table};
use nexttoken::quant::TensorType;
use nexttoken::train::{Options, Preset, Trainer};

use super::small::{generator, options};

/// A chat template, and messages and variables for it: a conversation or an error. Returns whether it is a conversation.
///
/// The input is the template, then, each after a byte 0, variables as JSON and messages.
pub fn template(input: &str) -> bool {
    let mut parts = input.split('\0');
    let template = parts.next().unwrap_or_default();
    let variables = parts
        .next()
        .and_then(|json| serde_json::from_str(json).ok());
    let mut messages = vec![Message::new("user", "HI <|end|> THERE")];
    for (index, text) in parts.enumerate() {
        let roles = ["assistant", "user", "system", "tool"];
        messages.push(Message::new(roles[index % 4], text));
    }
    let rendering = Rendering {
        // What has a tag is a template itself.
        template: Some(format!("{template}{{{{ messages[-1].content }}}}")),
        date: Some("2026-11-24".to_owned()),
        variables: variables.unwrap_or_default(),
        ..Rendering::default()
    };
    let mut generator = generator();
    generator.chat(&messages, &rendering, options()).is_ok()
}

/// How often a part of a source is repeated.
const TIMES: usize = 300;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    let generator = generator();
    let table = token_table(&generator.model().tokenizer).expect("there is memory for it");
    Vocabulary::new(&table).expect("the vocabulary is usable")
});

/// A source taken for a schema, a regular expression and a grammar: compiled or refused, and followed for a few
/// tokens. Returns whether it is any of them.
///
/// What lies between two bytes 0 is repeated, so that a short input makes a long source.
pub fn grammar(input: &str) -> bool {
    let parts = input.split('\0').enumerate();
    let parts = parts.map(|(index, part)| part.repeat([1, TIMES][index % 2]));
    let source: String = parts.collect();
    let mut compiles = false;
    for kind in [Kind::JsonSchema, Kind::Regex, Kind::Grammar] {
        let Ok(constraint) = VOCABULARY.compile(kind, &source) else {
            continue;
        };
        compiles = true;
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
    compiles
}

static TEXT: LazyLock<String> = LazyLock::new(|| "The cat sat on the mat. ".repeat(40));

/// A true checkpoint of a very small model.
static CHECKPOINT: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut options = Options::preset(Preset::Tiny);
    options.shape.vocabulary_size = 270;
    options.shape.context_length = 16;
    options.shape.hidden_size = 32;
    options.shape.layers = 1;
    options.shape.heads = 1;
    options.shape.feed_forward_size = 32;
    options.batch_size = 1;
    let trainer = Trainer::new(&TEXT, options).expect("the options are usable");
    trainer.checkpoint().expect("there is memory for it")
});

/// A checkpoint with other bytes at some places of its beginning, and where it is cut off with these at its end: the
/// training goes on or is refused. Returns whether it goes on.
pub fn checkpoint(edits: &[(u16, u8)], cut: Option<(u16, &[u8])>) -> bool {
    let mut bytes = CHECKPOINT.clone();
    let near = bytes.len().min(8192);
    for &(at, byte) in edits {
        bytes[usize::from(at) % near] = byte;
    }
    if let Some((cut, more)) = cut {
        bytes.truncate(cut.into());
        bytes.extend(more);
    }
    let Ok(mut trainer) = Trainer::resume(&TEXT, &bytes) else {
        return false;
    };
    // A batch as large as a checkpoint may ask for takes minutes.
    if trainer.options().batch_size < 16 {
        match trainer.step() {
            Ok(_) | Err(Error::NotFinite) => {}
            Err(error) => panic!("it was resumed: {error}"),
        }
    }
    trainer.checkpoint().expect("there is memory for it");
    trainer
        .to_gguf(TensorType::F32)
        .expect("there is memory for it");
    true
}
