//! `inspect`: what a model file holds, read from its header alone.

use super::{Outcome, model_file, print_json, supported};
use clap::Args;
use nexttoken::Error;
use nexttoken::gguf::{Header, Metadata, Value};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

#[derive(Args)]
pub struct Inspect {
    /// The model: a GGUF file
    #[arg(required_unless_present = "supported")]
    model: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Show what loads instead: architectures, tensor types, tokenizers
    #[arg(long, conflicts_with = "model")]
    supported: bool,
}

pub fn run(inspect: &Inspect) -> Outcome {
    let Some(model) = &inspect.model else {
        return supported::run(inspect.json);
    };
    let (header, size) = model_file::header(model)?;
    if size < header.file_size {
        let missing = header.file_size - size;
        let message = format!("{missing} of its {} bytes are missing", header.file_size);
        return Err(Error::Truncated(message).into());
    }
    let summary = Summary::new(&header);
    if inspect.json {
        print_json(&summary.to_json(&header))
    } else {
        summary.print(&header)
    }
}

/// What of the header is worth a line.
struct Summary {
    architecture: String,
    parameters: u64,
    /// Tensors and bytes by type.
    types: BTreeMap<&'static str, (usize, u64)>,
}

impl Summary {
    fn new(header: &Header) -> Self {
        let mut types = BTreeMap::new();
        let mut parameters: u64 = 0;
        for tensor in &header.tensors {
            let (count, bytes) = types.entry(tensor.kind.name()).or_insert((0, 0u64));
            *count += 1;
            *bytes = bytes.saturating_add(tensor.size);
            let elements = tensor.shape.iter().fold(1u64, |n, &d| n.saturating_mul(d));
            parameters = parameters.saturating_add(elements);
        }
        let architecture = string(&header.metadata, "general.architecture");
        Summary {
            architecture: architecture.unwrap_or("unknown").into(),
            parameters,
            types,
        }
    }

    /// The numbers that the metadata gives under the architecture's name.
    fn number(&self, metadata: &Metadata, key: &str) -> Option<u32> {
        let key = format!("{}.{key}", self.architecture);
        metadata.optional_u32(&key).ok().flatten()
    }

    fn to_json(&self, header: &Header) -> serde_json::Value {
        let metadata = &header.metadata;
        let types = self.types.iter().map(|(&name, &(tensors, bytes))| {
            (
                name.to_owned(),
                json!({ "tensors": tensors, "bytes": bytes }),
            )
        });
        let pairs = metadata
            .iter()
            .map(|(key, value)| (key.to_owned(), to_json(value)));
        json!({
            "gguf_version": header.version,
            "file_size": header.file_size,
            "architecture": self.architecture,
            "name": string(metadata, "general.name"),
            "parameters": self.parameters,
            "context_length": self.number(metadata, "context_length"),
            "layers": self.number(metadata, "block_count"),
            "hidden_size": self.number(metadata, "embedding_length"),
            "vocabulary_size": vocabulary_size(metadata),
            "tokenizer": tokenizer(metadata),
            "tensors": header.tensors.len(),
            "tensor_types": types.collect::<Map<_, _>>(),
            "metadata": pairs.collect::<Map<_, _>>(),
        })
    }

    fn print(&self, header: &Header) -> Outcome {
        let metadata = &header.metadata;
        let mut out = BufWriter::new(std::io::stdout().lock());
        let name = string(metadata, "general.name").unwrap_or("—");
        writeln!(out, "name            {}", one_line(name))?;
        writeln!(out, "architecture    {}", one_line(&self.architecture))?;
        writeln!(
            out,
            "parameters      {:.1} million",
            self.parameters as f64 / 1e6
        )?;
        for (label, key) in [
            ("context length", "context_length"),
            ("layers", "block_count"),
            ("hidden size", "embedding_length"),
        ] {
            if let Some(number) = self.number(metadata, key) {
                writeln!(out, "{label:<14}  {number}")?;
            }
        }
        if let Some(size) = vocabulary_size(metadata) {
            writeln!(out, "vocabulary      {size}")?;
        }
        writeln!(out, "tokenizer       {}", one_line(&tokenizer(metadata)))?;
        writeln!(
            out,
            "file            GGUF {}, {}",
            header.version,
            megabytes(header.file_size)
        )?;
        writeln!(out, "tensors         {}", header.tensors.len())?;
        for (name, &(tensors, bytes)) in &self.types {
            writeln!(out, "  {name:<12}  {tensors:>5}  {:>12}", megabytes(bytes))?;
        }
        Ok(out.flush()?)
    }
}

fn string<'a>(metadata: &'a Metadata, key: &str) -> Option<&'a str> {
    metadata.optional_str(key).ok().flatten()
}

fn vocabulary_size(metadata: &Metadata) -> Option<usize> {
    match metadata.get("tokenizer.ggml.tokens") {
        Some(Value::Strings(tokens)) => Some(tokens.len()),
        _ => None,
    }
}

fn tokenizer(metadata: &Metadata) -> String {
    let kind = string(metadata, "tokenizer.ggml.model").unwrap_or("none");
    match string(metadata, "tokenizer.ggml.pre") {
        Some(pre) => format!("{kind}/{pre}"),
        None => kind.into(),
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// Text of a file, safe for a terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

/// A value as JSON; of an array only its kind and length, since vocabularies are long.
fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::U8(v) => json!(v),
        Value::I8(v) => json!(v),
        Value::U16(v) => json!(v),
        Value::I16(v) => json!(v),
        Value::U32(v) => json!(v),
        Value::I32(v) => json!(v),
        Value::U64(v) => json!(v),
        Value::I64(v) => json!(v),
        Value::F32(v) => json!(v),
        Value::F64(v) => json!(v),
        Value::Bool(v) => json!(v),
        Value::String(v) => json!(v),
        Value::Strings(v) => json!({ "array": "strings", "length": v.len() }),
        Value::Integers(v) => json!({ "array": "integers", "length": v.len() }),
        Value::Floats(v) => json!({ "array": "floats", "length": v.len() }),
    }
}
