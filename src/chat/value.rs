//! Values with Python's semantics: the names of their types, their conversion to strings and numbers, and iteration.

use super::objects::{Generator, Group, Method, Namespace, View};
use super::shield;
use super::unicode;
use crate::tokenizer::SHIELD;
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};
use std::fmt::Write;

/// The most bytes of a string: about what a context of a million tokens holds. A value may occur many times within
/// others, so that writing it can take far more memory than the value itself.
pub(super) const MAX_TEXT: usize = 4 << 20;
/// How deep lists and maps may be nested.
const MAX_DEPTH: usize = 200;

/// An error in running a template.
pub(super) fn template_error(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

/// The name of a value's type in Python.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "Undefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if is_tuple(value) => "tuple",
        ValueKind::Seq => "list",
        ValueKind::Map if is_dict(value) => "dict",
        ValueKind::Iterable => match value.downcast_object_ref::<View>() {
            Some(view) => view.type_name(),
            None if value.downcast_object_ref::<Generator>().is_some() => "generator",
            None => "list",
        },
        _ if value.downcast_object_ref::<Namespace>().is_some() => "Namespace",
        _ => "object",
    }
}

/// Whether a value is a tuple, with or without names for its items.
pub(super) fn is_tuple(value: &Value) -> bool {
    value.is_tuple() || value.downcast_object_ref::<Group>().is_some()
}

/// Whether a value is a map, and not one of the engine's objects that only has attributes.
pub(super) fn is_dict(value: &Value) -> bool {
    value.kind() == ValueKind::Map
        && !value.as_object().is_some_and(|object| {
            let name = object.type_name();
            name.ends_with("::Loop") || name.ends_with("::Macro")
        })
}

/// The value as an integer, where it is an integer or a boolean.
pub(super) fn integer(value: &Value) -> Option<i128> {
    match value.kind() {
        ValueKind::Bool => Some(value.is_true().into()),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// The value as a float, where it is a number or a boolean.
pub(super) fn float(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(value.is_true().into()),
        ValueKind::Number => f64::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// The values that a loop over `value` goes through.
pub(super) fn items(state: &State, value: &Value) -> Result<Vec<Value>, Error> {
    let items: Vec<Value> = match value.kind() {
        ValueKind::Undefined => Vec::new(),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            state.consume_fuel(text.len() as u64 / 2)?;
            shield::characters(text).map(Value::from).collect()
        }
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.collect(),
        ValueKind::Map if is_dict(value) => value.try_iter()?.collect(),
        _ => {
            return Err(template_error(format!(
                "'{}' object is not iterable",
                type_name(value)
            )));
        }
    };
    state.consume_fuel(items.len() as u64 / 2)?;
    Ok(items)
}

/// A part of the string `of`, marked as escaped where `of` is.
pub(super) fn part(of: &Value, text: &str) -> Value {
    match of.is_safe() {
        true => Value::from_safe_string(text.to_owned()),
        false => text.into(),
    }
}

/// A tuple where `one` is a tuple, else a list.
pub(super) fn like(one: &Value, items: Vec<Value>) -> Value {
    match is_tuple(one) {
        true => minijinja::value::Tuple::new(items).into(),
        false => items.into(),
    }
}

/// `str(value)`.
pub(super) fn text(value: &Value) -> Result<String, Error> {
    match value.as_str() {
        Some(text) => Ok(text.to_owned()),
        None if value.is_undefined() => Ok(String::new()),
        None => repr(value),
    }
}

/// `repr(value)`.
pub(super) fn repr(value: &Value) -> Result<String, Error> {
    let mut text = String::new();
    write_repr(value, 0, &mut text)?;
    Ok(text)
}

fn write_repr(value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
    if depth > MAX_DEPTH || out.len() > MAX_TEXT {
        return Err(ErrorKind::OutOfFuel.into());
    }
    match value.kind() {
        ValueKind::Undefined => out.push_str("Undefined"),
        ValueKind::None => out.push_str("None"),
        ValueKind::Bool => out.push_str(if value.is_true() { "True" } else { "False" }),
        ValueKind::Number if value.is_integer() => {
            let _ = write!(out, "{value}");
        }
        ValueKind::Number => out.push_str(&float_text(float(value).unwrap_or(f64::NAN))),
        ValueKind::String => {
            let (before, after) = if value.is_safe() {
                ("Markup(", ")")
            } else {
                ("", "")
            };
            out.push_str(before);
            write_string(value.as_str().unwrap_or_default(), out);
            out.push_str(after);
        }
        ValueKind::Seq => {
            let (open, close) = if is_tuple(value) {
                ('(', ')')
            } else {
                ('[', ']')
            };
            out.push(open);
            write_items(&mut value.try_iter()?, depth, out)?;
            if is_tuple(value) && value.len() == Some(1) {
                out.push(',');
            }
            out.push(close);
        }
        ValueKind::Map if is_dict(value) => {
            out.push('{');
            let pairs = value.as_object().and_then(|map| map.try_iter_pairs());
            for (index, (key, value)) in pairs.into_iter().flatten().enumerate() {
                out.push_str(if index > 0 { ", " } else { "" });
                write_repr(&key, depth + 1, out)?;
                out.push_str(": ");
                write_repr(&value, depth + 1, out)?;
            }
            out.push('}');
        }
        _ => write_object(value, depth, out)?,
    }
    Ok(())
}

/// Writes the items of a value that is nested `depth` deep, with commas between them.
fn write_items(
    items: &mut dyn Iterator<Item = Value>,
    depth: usize,
    out: &mut String,
) -> Result<(), Error> {
    for (index, item) in items.enumerate() {
        out.push_str(if index > 0 { ", " } else { "" });
        write_repr(&item, depth + 1, out)?;
    }
    Ok(())
}

/// [`write_repr`] for the values that are none of Python's plain types.
fn write_object(value: &Value, depth: usize, out: &mut String) -> Result<(), Error> {
    if let Some(view) = value.downcast_object_ref::<View>() {
        let (before, after) = view.brackets();
        out.push_str(before);
        write_items(&mut view.shown().iter().cloned(), depth, out)?;
        out.push_str(after);
    } else if value.downcast_object_ref::<Generator>().is_some() {
        out.push_str("<generator object>");
    } else if value.kind() == ValueKind::Iterable {
        out.push('[');
        write_items(&mut value.try_iter()?, depth, out)?;
        out.push(']');
    } else if value.downcast_object_ref::<Method>().is_some() {
        out.push_str("<built-in method>");
    } else if let Some(names) = value.downcast_object_ref::<Namespace>() {
        out.push_str("<Namespace ");
        write_repr(&names.all(), depth + 1, out)?;
        out.push('>');
    } else {
        write!(Limited(out), "{value}").map_err(|_| ErrorKind::OutOfFuel)?;
    }
    Ok(())
}

/// A writer to a string with a limit of [`MAX_TEXT`] bytes.
struct Limited<'a>(&'a mut String);

impl std::fmt::Write for Limited<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        if self.0.len() + text.len() > MAX_TEXT {
            return Err(std::fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

/// A float as Python writes it: with the fewest digits that identify it.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return "nan".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.into();
    }
    let plain = format!("{number:?}");
    match plain.split_once('e') {
        // Rust switches to exponents at the same numbers as Python, but writes them without a sign and with fewer
        // digits.
        Some((digits, exponent)) => {
            let exponent: i32 = exponent.parse().unwrap_or_default();
            format!("{digits}e{exponent:+03}")
        }
        None => plain,
    }
}

/// Writes a string in single quotes, or in double ones where it contains single quotes and no double ones.
fn write_string(text: &str, out: &mut String) {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(quote);
    for c in text.chars() {
        let code = c as u32;
        let _ = match c {
            '\n' => out.write_str("\\n"),
            '\r' => out.write_str("\\r"),
            '\t' => out.write_str("\\t"),
            '\\' => out.write_str("\\\\"),
            c if c == quote => write!(out, "\\{c}"),
            c if unicode::is_printable(c) || c == SHIELD => out.write_char(c),
            _ if code < 0x100 => write!(out, "\\x{code:02x}"),
            _ if code < 0x10000 => write!(out, "\\u{code:04x}"),
            _ => write!(out, "\\U{code:08x}"),
        };
    }
    out.push(quote);
}
