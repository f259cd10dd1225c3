//! The command `inspect`: what a model file holds and whether it runs, read from its header alone; and about how fast.

use super::{Outcome, print_json, supported};
use clap::Args;
use nexttoken::Inspection;
use nexttoken::generator::{CacheType, Context, system_clock};
use nexttoken::gguf::{Header, Value};
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
    /// Tokens the context is to hold [default: the model's own number]
    #[arg(long)]
    context_length: Option<usize>,
    /// How the KV cache is to keep its numbers: q16, q8 (half the memory) or f32 (twice)
    #[arg(long, default_value = "q16")]
    cache_type: CacheType,
    /// Show what loads instead: architectures, tensor types, tokenizers
    #[arg(long, conflicts_with = "model")]
    supported: bool,
}

impl Inspect {
    pub fn run(&self) -> Outcome {
        let Some(model) = &self.model else {
            return supported::run(self.json);
        };
        let context = Context {
            length: self.context_length,
            cache_type: self.cache_type,
        };
        let (mut inspection, header) = Inspection::open(model, context)?;
        inspection.measure_speed(system_clock);
        let types = header.as_ref().map(types).unwrap_or_default();
        if self.json {
            print_json(&to_json(&inspection, header.as_ref(), &types))
        } else {
            print(&inspection, header.as_ref(), &types)
        }
    }
}

/// The number and bytes of the tensors of each type.
type Types = BTreeMap<&'static str, (usize, u64)>;

fn types(header: &Header) -> Types {
    let mut types = Types::new();
    for tensor in &header.tensors {
        let (count, bytes) = types.entry(tensor.kind.name()).or_insert((0, 0));
        *count += 1;
        *bytes = bytes.saturating_add(tensor.size);
    }
    types
}

fn to_json(inspection: &Inspection, header: Option<&Header>, types: &Types) -> serde_json::Value {
    let mut json = json!(inspection);
    if let Some(header) = header {
        let types = types.iter().map(|(&name, &(tensors, bytes))| {
            (
                name.to_owned(),
                json!({ "tensors": tensors, "bytes": bytes }),
            )
        });
        let pairs = header.metadata.iter();
        let pairs = pairs.map(|(key, value)| (key.to_owned(), value_to_json(value)));
        json["gguf_version"] = json!(header.version);
        json["tensors"] = json!(header.tensors.len());
        json["tensor_types"] = types.collect::<Map<_, _>>().into();
        json["metadata"] = pairs.collect::<Map<_, _>>().into();
    }
    json
}

fn print(inspection: &Inspection, header: Option<&Header>, types: &Types) -> Outcome {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let text = |text: &Option<String>| one_line(text.as_deref().unwrap_or("—"));
    let mut line = |label: &str, text: &str| writeln!(out, "{label:<14}  {text}");
    line("name", &text(&inspection.name))?;
    line("architecture", &text(&inspection.architecture))?;
    let millions = inspection.parameters as f64 / 1e6;
    line("parameters", &format!("{millions:.1} million"))?;
    for (label, number) in [
        ("context length", inspection.context_length),
        ("layers", inspection.layers),
        ("hidden size", inspection.hidden_size),
    ] {
        if let Some(number) = number {
            line(label, &number.to_string())?;
        }
    }
    if let Some(size) = inspection.vocabulary_size {
        line("vocabulary", &size.to_string())?;
    }
    line("tokenizer", &one_line(&inspection.tokenizer))?;
    if !inspection.chat_templates.is_empty() {
        line(
            "chat templates",
            &one_line(&inspection.chat_templates.join(", ")),
        )?;
    }
    if let Some(header) = header {
        let (version, size) = (header.version, megabytes(inspection.file_size));
        let parts = match inspection.parts {
            1 => String::new(),
            parts => format!(" in {parts} parts"),
        };
        line("file", &format!("GGUF {version}, {size}{parts}"))?;
        line("tensors", &header.tensors.len().to_string())?;
    }
    for (name, (tensors, bytes)) in types {
        let bytes = megabytes(*bytes);
        line(&format!("  {name}"), &format!("{tensors:>5}  {bytes:>12}"))?;
    }
    if let Some(memory) = inspection.memory {
        line("memory", &megabytes(memory.total))?;
        line("  weights", &format!("{:>19}", megabytes(memory.weights)))?;
        let (cache, positions) = (megabytes(memory.cache), memory.positions);
        line("  KV cache", &format!("{cache:>19} for {positions} tokens"))?;
    }
    if let Some(speed) = inspection.decode_tokens_per_second {
        line("speed", &about(speed))?;
    }
    for warning in &inspection.warnings {
        line("warning", &one_line(warning))?;
    }
    match &inspection.reason {
        None => line("runs here", "yes")?,
        Some(reason) => line("runs here", &format!("no: {}", one_line(reason)))?,
    }
    Ok(out.flush()?)
}

/// An estimate of the speed in tokens per second, with no more digits than it is good for.
fn about(speed: f64) -> String {
    let decimals = if speed < 10.0 { 1 } else { 0 };
    let threads = match nexttoken::threads() {
        1 => "one thread".to_owned(),
        threads => format!("{threads} threads"),
    };
    format!("about {speed:.decimals$} tokens/s when writing, on {threads}")
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

/// A text from a file, made safe for a terminal: without control characters.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

/// A value as JSON; of an array only its type and length, since vocabularies are long.
fn value_to_json(value: &Value) -> serde_json::Value {
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
