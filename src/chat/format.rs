//! Python's `str.format`, and its `%` operator on strings. This module parses the pattern and finds the values as
//! Python does; minijinja formats the single fields.

use super::access;
use super::strings::within;
use super::value::{float, integer, repr, template_error, text};
use minijinja::formatting::{FormatStyle, format};
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

type Result<T> = std::result::Result<T, Error>;

/// Bytes of fuel that a field costs besides its width.
const FIELD: usize = 256;

/// `text.format(args)`.
pub(super) fn braces(state: &mut State, pattern: &str, args: &[Value]) -> Result<Value> {
    let (placed, named) = match args.split_last() {
        Some((last, placed)) if last.is_kwargs() => (placed, Some(last)),
        _ => (args, None),
    };
    let mut fields = Fields {
        placed,
        named,
        next: 0,
        numbered: false,
    };
    let mut out = String::new();
    fields.fill(state, pattern, 0, &mut out)?;
    Ok(Value::from(out))
}

/// The arguments of a call of `str.format`, and what is known of its fields.
struct Fields<'a> {
    placed: &'a [Value],
    named: Option<&'a Value>,
    /// The index of the next positional value, for fields without a name or number.
    next: usize,
    /// Whether a field has had a number, which rules out fields without one.
    numbered: bool,
}

impl Fields<'_> {
    fn fill(
        &mut self,
        state: &mut State,
        pattern: &str,
        depth: usize,
        out: &mut String,
    ) -> Result<()> {
        if depth > 1 {
            return Err(template_error("fields within fields within fields"));
        }
        let mut rest = pattern;
        while let Some(at) = rest.find(['{', '}']) {
            let (plain, tail) = rest.split_at(at);
            out.push_str(plain);
            within(state, plain.len())?;
            if tail.starts_with("{{") || tail.starts_with("}}") {
                out.push_str(&tail[..1]);
                rest = &tail[2..];
                continue;
            }
            if tail.starts_with('}') {
                return Err(template_error("single '}' in a format"));
            }
            let end =
                closing(tail).ok_or_else(|| template_error("a '{' in a format is not closed"))?;
            self.field(state, &tail[1..end], depth, out)?;
            rest = &tail[end + 1..];
        }
        out.push_str(rest);
        within(state, rest.len())
    }

    /// `name!conversion:spec`.
    fn field(
        &mut self,
        state: &mut State,
        field: &str,
        depth: usize,
        out: &mut String,
    ) -> Result<()> {
        let (head, spec) = match head_end(field) {
            Some(at) => (&field[..at], &field[at + 1..]),
            None => (field, ""),
        };
        let (name, conversion) = head
            .split_once('!')
            .map_or((head, None), |(name, how)| (name, Some(how)));
        let value = self.value(state, name)?;
        let mut expanded = String::new();
        match spec.contains(['{', '}']) {
            true => self.fill(state, spec, depth + 1, &mut expanded)?,
            false => expanded.push_str(spec),
        }
        let value = match conversion {
            None => value,
            Some("s") => Value::from(text(&value)?),
            Some("r") => Value::from(repr(&value)?),
            Some(other) => {
                return Err(template_error(format!(
                    "the conversion !{other} is not supported"
                )));
            }
        };
        out.push_str(&formatted(state, &value, &expanded)?);
        Ok(())
    }

    /// The value that a name leads to: `0`, `key`, `0.name`, `key[item]`.
    fn value(&mut self, state: &State, name: &str) -> Result<Value> {
        let end = name.find(['.', '[']).unwrap_or(name.len());
        let (first, mut path) = name.split_at(end);
        let numbered = !first.is_empty() && first.bytes().all(|b| b.is_ascii_digit());
        if (first.is_empty() && self.numbered) || (numbered && self.next > 0) {
            return Err(template_error(
                "fields with numbers and fields without do not mix",
            ));
        }
        let found = if first.is_empty() {
            self.next += 1;
            self.placed.get(self.next - 1).cloned()
        } else if numbered {
            self.numbered = true;
            first
                .parse()
                .ok()
                .and_then(|place: usize| self.placed.get(place).cloned())
        } else {
            let value = self
                .named
                .map(|named| named.get_item(&Value::from(first)))
                .transpose()?;
            value.filter(|_| self.named.is_some_and(|named| has_key(named, first)))
        };
        let mut value =
            found.ok_or_else(|| template_error(format!("a format has no value for '{first}'")))?;
        while !path.is_empty() {
            state.consume_fuel(1)?;
            let item = path
                .strip_prefix('[')
                .and_then(|inside| inside.split_once(']'));
            let (key, rest) = match item {
                Some((key, rest)) => (key, rest),
                None => {
                    let inside = &path[1..];
                    inside.split_at(inside.find(['.', '[']).unwrap_or(inside.len()))
                }
            };
            value = match (item, key.parse::<i64>()) {
                (Some(_), Ok(place)) => access::item(state, &value, &Value::from(place))?,
                (Some(_), Err(_)) => access::item(state, &value, &Value::from(key))?,
                (None, _) => access::attribute(&value, key)?,
            };
            path = rest;
        }
        Ok(value)
    }
}

fn has_key(map: &Value, key: &str) -> bool {
    map.as_object()
        .is_some_and(|map| map.get_value(&Value::from(key)).is_some())
}

/// The byte offset of the `}` that closes the `{` at the start of `text`.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return Some(at),
            '}' => depth -= 1,
            _ => (),
        }
    }
    None
}

/// The byte offset of the colon before the format specification of a field; a colon within brackets belongs to the
/// name.
fn head_end(field: &str) -> Option<usize> {
    let mut inside = false;
    field.find(|c| {
        inside = (inside || c == '[') && c != ']';
        c == ':' && !inside
    })
}

/// One value, formatted by the format specification of its field.
fn formatted(state: &State, value: &Value, spec: &str) -> Result<String> {
    within(state, FIELD.saturating_add(widths(spec)))?;
    let plain = !matches!(
        value.kind(),
        ValueKind::String | ValueKind::Number | ValueKind::Bool
    );
    if spec.is_empty() || plain {
        if !spec.is_empty() && !value.is_undefined() {
            return Err(template_error(format!(
                "'{}' takes no format",
                super::value::type_name(value)
            )));
        }
        let text = text(value)?;
        within(state, text.len())?;
        return Ok(text);
    }
    if let Some(spec) = spec.strip_suffix('%') {
        let share = float(value).ok_or_else(|| template_error("only numbers are percentages"))?;
        if !spec.is_empty() && !spec.starts_with('.') {
            return Err(template_error("the width of a percentage is not supported"));
        }
        let share = Value::from(share * 100.0);
        return Ok(format(FormatStyle::StrFormat, &format!("{{:{spec}f}}"), &[share])? + "%");
    }
    format(
        FormatStyle::StrFormat,
        &format!("{{:{spec}}}"),
        std::slice::from_ref(value),
    )
}

/// The sum of the numbers in a format specification: an upper bound of the width and precision of the result.
fn widths(spec: &str) -> usize {
    let numbers = spec.split(|c: char| !c.is_ascii_digit());
    let numbers = numbers.filter(|digits| !digits.is_empty());
    numbers
        .map(|digits| digits.parse().unwrap_or(usize::MAX))
        .fold(0, usize::saturating_add)
}

/// `pattern % value`.
pub(super) fn percent(state: &mut State, pattern: &Value, value: &Value) -> Result<Value> {
    let pattern = text(pattern)?;
    match value.kind() {
        ValueKind::Seq if super::value::is_tuple(value) => {
            let placed: Vec<Value> = value.try_iter()?.collect();
            fill_percent(state, &pattern, &placed, None)
        }
        // To Python anything with items counts as a mapping here, and may have items that no field uses.
        ValueKind::Map | ValueKind::Seq => {
            fill_percent(state, &pattern, std::slice::from_ref(value), Some(value))
        }
        ValueKind::Iterable if super::value::type_name(value) == "range" => {
            fill_percent(state, &pattern, std::slice::from_ref(value), Some(value))
        }
        _ => fill_percent(state, &pattern, std::slice::from_ref(value), None),
    }
}

/// `pattern | format(args)`.
pub(super) fn printf(state: &State, pattern: &Value, args: &[Value]) -> Result<Value> {
    let pattern = text(pattern)?;
    match args {
        [named] if named.is_kwargs() => fill_percent(state, &pattern, args, Some(named)),
        args if args.iter().any(Value::is_kwargs) => {
            Err(template_error("values come by place or by name, not both"))
        }
        args => fill_percent(state, &pattern, args, None),
    }
}

/// Fills the fields of `pattern`: `%(name)#0- +width.precision conversion`.
fn fill_percent(
    state: &State,
    pattern: &str,
    placed: &[Value],
    named: Option<&Value>,
) -> Result<Value> {
    let (mut out, mut rest, mut used) = (String::new(), pattern, 0);
    let mut next = || {
        used += 1;
        placed
            .get(used - 1)
            .cloned()
            .ok_or_else(|| template_error("not enough arguments for format string"))
    };
    let mut by_name = false;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut value = None;
        let name = rest.strip_prefix('(');
        if let Some((name, after)) = name.and_then(|inside| inside.split_once(')')) {
            value = Some(named_value(named, name)?);
            (rest, by_name) = (after, true);
        }
        let (spec, conversion);
        (spec, conversion, rest) = read_conversion(rest, &mut next)?;
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => next()?,
        };
        within(
            state,
            FIELD
                .saturating_add(widths(&spec))
                .saturating_add(out.len() / 64),
        )?;
        let (conversion, value) = converted(conversion, value)?;
        within(state, value.as_str().map_or(0, str::len))?;
        out += &format(
            FormatStyle::Printf,
            &format!("%{spec}{conversion}"),
            &[value],
        )?;
    }
    if named.is_none() && !by_name && used < placed.len() {
        return Err(template_error(
            "not all arguments converted during string formatting",
        ));
    }
    out.push_str(rest);
    within(state, out.len())?;
    Ok(out.into())
}

/// The value of this name.
fn named_value(named: Option<&Value>, name: &str) -> Result<Value> {
    let map = named.filter(|map| has_key(map, name));
    map.ok_or_else(|| template_error(format!("a format has no value for '{name}'")))?
        .get_item(&name.into())
}

/// Reads a field from its flags to its conversion: returns flags, width and precision, then the conversion, then the
/// rest. `next` gives the values that stand for a `*`.
fn read_conversion<'a>(
    field: &'a str,
    next: &mut impl FnMut() -> Result<Value>,
) -> Result<(String, char, &'a str)> {
    let mut spec = String::new();
    let mut chars = field.chars();
    for c in chars.by_ref() {
        match c {
            '#' | '0'..='9' | '-' | ' ' | '+' | '.' => spec.push(c),
            '*' => {
                spec += &integer(&next()?)
                    .ok_or_else(|| template_error("* wants int"))?
                    .to_string()
            }
            'h' | 'l' | 'L' => (),
            conversion => return Ok((spec, conversion, chars.as_str())),
        }
    }
    Err(template_error("incomplete format"))
}

/// The conversion and the value that give in minijinja what these give in Python.
fn converted(conversion: char, value: Value) -> Result<(char, Value)> {
    Ok(match conversion {
        's' => ('s', text(&value)?.into()),
        'r' => ('s', repr(&value)?.into()),
        'd' | 'i' | 'u' => match float(&value) {
            Some(number) if !value.is_integer() && number.abs() < 1e38 => {
                ('d', Value::from(number.trunc() as i128))
            }
            _ => ('d', value),
        },
        other => (other, value),
    })
}
