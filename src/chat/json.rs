//! JSON as Python's `json.dumps` writes it.

use super::arguments::{Arguments, string};
use super::compare;
use super::methods;
use super::value::{MAX_TEXT, float, float_text, is_dict, items, template_error, type_name};
use crate::tokenizer::SHIELD;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};
use std::fmt::Write;

/// How deep arrays and objects may be nested.
const MAX_DEPTH: usize = 64;

/// The filter `tojson(ensure_ascii=false, indent=none, separators=none, sort_keys=false)`, as the transformers library
/// defines it.
pub(super) fn filter(
    state: &mut State,
    value: &Value,
    args: &mut Arguments<'_>,
) -> Result<Value, Error> {
    let ascii = args.flag("ensure_ascii", false)?;
    let indent = args.next("indent")?.filter(|indent| !indent.is_none());
    let separators = args
        .next("separators")?
        .filter(|separators| !separators.is_none());
    let sorted = args.flag("sort_keys", false)?;
    let indent = indent
        .as_ref()
        .map(|indent| match super::value::integer(indent) {
            Some(width) => Ok(" ".repeat(usize::try_from(width).unwrap_or(0).min(MAX_TEXT))),
            None => string(indent).map(str::to_owned),
        });
    let indent = indent.transpose()?;
    let (comma, colon) = match separators {
        Some(separators) => match &items(state, &separators)?[..] {
            [comma, colon] => (string(comma)?.to_owned(), string(colon)?.to_owned()),
            _ => return Err(template_error("there are two separators")),
        },
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let layout = Layout {
        indent,
        comma,
        colon,
        ascii,
        sorted,
    };
    let mut writer = Writer {
        state,
        layout,
        out: String::new(),
        depth: 0,
    };
    writer.value(value)?;
    Ok(writer.out.into())
}

/// The layout of the JSON text.
struct Layout {
    /// The indentation of each level; everything is on one line where it is absent.
    indent: Option<String>,
    comma: String,
    colon: String,
    ascii: bool,
    sorted: bool,
}

struct Writer<'a, 'b, 'c> {
    state: &'a State<'b, 'c>,
    layout: Layout,
    out: String,
    depth: usize,
}

impl Writer<'_, '_, '_> {
    fn value(&mut self, value: &Value) -> Result<(), Error> {
        match value.kind() {
            ValueKind::None => self.out.push_str("null"),
            ValueKind::Bool => self
                .out
                .push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number if value.is_integer() => {
                let _ = write!(self.out, "{value}");
            }
            ValueKind::Number => self.out.push_str(&number(float(value).unwrap_or(f64::NAN))),
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Seq => {
                let all = items(self.state, value)?;
                self.block(["[", "]"], all, Self::value)?;
            }
            ValueKind::Map if is_dict(value) => {
                let pairs = self.pairs(value)?;
                self.block(["{", "}"], pairs, |writer, (key, value)| {
                    writer.string(key);
                    writer.out.push_str(&writer.layout.colon);
                    writer.value(value)
                })?;
            }
            _ => {
                return Err(template_error(format!(
                    "Object of type {} is not JSON serializable",
                    type_name(value)
                )));
            }
        }
        if self.out.len() > MAX_TEXT {
            Err(too_large())
        } else {
            Ok(())
        }
    }

    /// Writes items between brackets; with an indentation each is on a line of its own.
    fn block<T>(
        &mut self,
        brackets: [&str; 2],
        all: Vec<T>,
        write: impl Fn(&mut Self, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push_str(brackets[0]);
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(too_large());
        }
        for (index, item) in all.iter().enumerate() {
            if index > 0 {
                self.out.push_str(&self.layout.comma);
            }
            self.line();
            write(self, item)?;
        }
        self.depth -= 1;
        if !all.is_empty() {
            self.line();
        }
        self.out.push_str(brackets[1]);
        Ok(())
    }

    fn line(&mut self) {
        if let Some(indent) = &self.layout.indent {
            self.out.push('\n');
            // `value` checks the size when it is done; this only bounds what one line can add.
            for _ in 0..self.depth.min(MAX_TEXT / indent.len().max(1)) {
                self.out.push_str(indent);
            }
        }
    }

    /// The entries of a map, their keys converted to strings as `json.dumps` converts them.
    fn pairs(&self, map: &Value) -> Result<Vec<(String, Value)>, Error> {
        let mut pairs = methods::pairs(self.state, map)?;
        if self.layout.sorted {
            pairs = compare::sorted(pairs, &|(left, _), (right, _)| {
                compare::sort_order(self.state, left, right)
            })?;
        }
        let text = |(key, value): (Value, Value)| {
            let key = match key.kind() {
                ValueKind::String => key.as_str().unwrap_or_default().to_owned(),
                ValueKind::None => "null".into(),
                ValueKind::Bool => if key.is_true() { "true" } else { "false" }.into(),
                ValueKind::Number if key.is_integer() => key.to_string(),
                ValueKind::Number => number(float(&key).unwrap_or(f64::NAN)),
                _ => {
                    return Err(template_error(format!(
                        "a key of JSON is no {}",
                        type_name(&key)
                    )));
                }
            };
            Ok((key, value))
        };
        pairs.into_iter().map(text).collect()
    }

    fn string(&mut self, text: &str) {
        let out = &mut self.out;
        out.push('"');
        for c in text.chars() {
            let _ = match c {
                '"' => out.write_str("\\\""),
                '\\' => out.write_str("\\\\"),
                '\n' => out.write_str("\\n"),
                '\r' => out.write_str("\\r"),
                '\t' => out.write_str("\\t"),
                '\u{8}' => out.write_str("\\b"),
                '\u{c}' => out.write_str("\\f"),
                c if c < ' ' || (self.layout.ascii && !(' '..='~').contains(&c) && c != SHIELD) => {
                    let mut units = [0; 2];
                    c.encode_utf16(&mut units)
                        .iter()
                        .try_for_each(|unit| write!(out, "\\u{unit:04x}"))
                }
                c => out.write_char(c),
            };
        }
        out.push('"');
    }
}

fn number(number: f64) -> String {
    match number {
        number if number.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        number => float_text(number),
    }
}

fn too_large() -> Error {
    template_error("a value is too large or too deep to be written as JSON")
}
