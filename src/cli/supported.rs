//! `inspect --supported`: lists what can be loaded, from the tables of the code.

use super::{Outcome, print_json};
use nexttoken::encoder;
use nexttoken::model::ARCHITECTURES;
use nexttoken::quant::TensorType;
use nexttoken::tokenizer::Tokenizer;
use std::io::Write;

/// For each kind of thing that a model file names: what it is called, its metadata key, and the names that load.
fn supported() -> [(&'static str, &'static str, Vec<&'static str>); 5] {
    let types = TensorType::ALL.into_iter();
    [
        (
            "architectures",
            "general.architecture",
            ARCHITECTURES.iter().map(|known| known.name).collect(),
        ),
        (
            "text encoders",
            "general.architecture",
            encoder::ARCHITECTURES
                .iter()
                .map(|known| known.name)
                .collect(),
        ),
        ("tensor types", "", types.map(TensorType::name).collect()),
        (
            "tokenizers",
            "tokenizer.ggml.model",
            Tokenizer::KINDS.to_vec(),
        ),
        (
            "pre-tokenizers",
            "tokenizer.ggml.pre",
            Tokenizer::pre_tokenizers().collect(),
        ),
    ]
}

/// Prints a Markdown table, or JSON.
pub fn run(json: bool) -> Outcome {
    if json {
        let lists = supported().map(|(what, _, names)| (what.replace([' ', '-'], "_"), names));
        return print_json(&std::collections::BTreeMap::from(lists));
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "| | metadata key | what loads |\n|---|---|---|")?;
    for (what, key, names) in supported() {
        let code = |name: &str| format!("`{name}`");
        let key = Some(key).filter(|key| !key.is_empty()).map(code);
        let names: Vec<_> = names.into_iter().map(code).collect();
        let (key, names) = (key.unwrap_or_default(), names.join(", "));
        writeln!(out, "| {what} | {key} | {names} |")?;
    }
    Ok(out.flush()?)
}
