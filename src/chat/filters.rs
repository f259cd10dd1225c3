//! The filters of Jinja2 with Python's semantics, where minijinja's own differ, and the operators, which
//! [`super::rewrite`] turns into filters.

use super::arguments::{Arguments, Filter, all};
use super::numbers::{parse_float, to_integer};
use super::objects::{Method, Namespace};
use super::sequences::{self, Path};
use super::shield;
use super::split::lines;
use super::strings::{self, within};
use super::value::{float, integer, is_dict, items, template_error, text, type_name};
use super::{access, compare, format, json, macros, operators, unicode};
use crate::tokenizer::SHIELD;
use minijinja::value::{Kwargs, Rest, Value, ValueKind};
use minijinja::{Environment, Error, State};

type Result<T> = std::result::Result<T, Error>;

/// Filters of single values, and operators. Filters of strings convert other values to strings first.
const FILTERS: &[(&str, Filter)] = &[
    ("upper", |_, value, _| {
        Ok(text(value)?.to_uppercase().into())
    }),
    ("lower", |_, value, _| {
        Ok(text(value)?.to_lowercase().into())
    }),
    ("capitalize", |_, value, _| {
        Ok(strings::capitalize(&text(value)?).into())
    }),
    ("title", |_, value, _| Ok(title(&text(value)?).into())),
    ("string", |_, value, _| {
        if value.as_str().is_some() {
            Ok(value.clone())
        } else {
            Ok(text(value)?.into())
        }
    }),
    ("trim", |state, value, args| {
        let chars = args.text("chars")?.map(Value::from);
        strings::call(state, &text(value)?, "strip", chars.as_slice())
    }),
    ("replace", replace),
    ("center", |state, value, args| {
        let width = args.integer("width")?.unwrap_or(80);
        Ok(strings::pad(state, &text(value)?, "center", width, " ")?.into())
    }),
    ("tojson", json::filter),
    ("join", join),
    ("indent", indent),
    ("length", |_, value, _| length(value)),
    ("count", |_, value, _| length(value)),
    ("wordcount", |_, value, _| {
        let text = text(value)?;
        let text = shield::without_marks(&text);
        let words = text.split(|c| !(unicode::is_letter(c) || unicode::is_numeric(c) || c == '_'));
        Ok(words.filter(|word| !word.is_empty()).count().into())
    }),
    ("truncate", truncate),
    ("escape", |_, value, _| escape(value)),
    ("e", |_, value, _| escape(value)),
    ("forceescape", |_, value, _| {
        Ok(Value::from_safe_string(operators::escape(&text(value)?)))
    }),
    ("int", |_, value, args| {
        let (otherwise, base) = (args.next("default")?, args.integer("base")?.unwrap_or(10));
        defined(value)?;
        to_integer(value, base, otherwise)
    }),
    ("float", |_, value, args| {
        let otherwise = args.next("default")?.unwrap_or_else(|| Value::from(0.0));
        defined(value)?;
        let number = float(value).or_else(|| value.as_str().and_then(parse_float));
        Ok(number.map_or(otherwise, Value::from))
    }),
    ("abs", |_, value, _| {
        let whole = integer(value).and_then(i128::checked_abs).map(Value::from);
        let number = whole.or_else(|| float(value).map(|number| Value::from(number.abs())));
        number.ok_or_else(|| {
            template_error(format!(
                "bad operand type for abs(): '{}'",
                type_name(value)
            ))
        })
    }),
    ("default", default),
    ("d", default),
    ("iterate", |state, value, args| {
        // A list is iterated as it is.
        let mut all = match value.kind() {
            ValueKind::Seq => value.clone(),
            _ => items(state, value)?.into(),
        };
        // A loop with several targets may unpack strings into their characters.
        if args.flag("", false)? && all.try_iter()?.any(|item| item.as_str().is_some()) {
            let apart = |item: Value| {
                if item.as_str().is_some() {
                    Ok(items(state, &item)?.into())
                } else {
                    Ok(item)
                }
            };
            all = all
                .try_iter()?
                .map(apart)
                .collect::<Result<Vec<Value>>>()?
                .into();
        }
        Ok(all)
    }),
    ("attr", |_, value, args| {
        let name = args.required("name")?;
        let name = name.as_str().unwrap_or_default();
        if access::has_method(value, name) {
            return Ok(Value::from_object(Method::new(value, name)));
        }
        // `attr` does not find the items of a map.
        if is_dict(value) {
            Ok(Value::UNDEFINED)
        } else {
            access::attribute(value, name)
        }
    }),
    ("round", round),
    ("safe", |_, value, _| {
        Ok(Value::from_safe_string(text(value)?))
    }),
    ("set", |_, value, args| {
        let (name, to) = (args.required("")?, args.required("")?);
        let names = value.downcast_object_ref::<Namespace>();
        let names =
            names.ok_or_else(|| template_error("only a namespace has attributes to set"))?;
        names.set(name.as_str().unwrap_or_default(), to);
        Ok(Value::from(""))
    }),
    ("hashed", |state, value, _| {
        compare::hashed(state, value)?;
        Ok(value.clone())
    }),
    ("format", |state, value, args| {
        let args = args.rest();
        format::printf(state, value, &args[1..])
    }),
    (macros::WRAP, |_, value, args| {
        macros::wrap(value, &args.required("")?)
    }),
    ("+", |state, value, args| {
        operators::add(state, value, &args.required("")?)
    }),
    ("~", |state, value, args| {
        operators::concat(state, value, &args.required("")?)
    }),
    ("*", |state, value, args| {
        operators::multiply(state, value, &args.required("")?)
    }),
    ("**", |_, value, args| {
        operators::power(value, &args.required("")?)
    }),
    ("%", |state, value, args| {
        operators::remainder(state, value, &args.required("")?)
    }),
    ("[:]", |state, value, args| {
        let bounds = [args.required("")?, args.required("")?, args.required("")?];
        access::slice(state, value, bounds)
    }),
    ("[]", |state, value, args| {
        access::item(state, value, &args.required("")?)
    }),
    (".", |_, value, args| {
        let name = args.required("")?;
        access::attribute(value, name.as_str().unwrap_or_default())
    }),
    ("compare", |state, value, args| {
        Ok(compare::chain(state, value, &args.rest()[1..])?.into())
    }),
];

/// Filters of Jinja2 that are not supported.
pub(super) const UNSUPPORTED_FILTERS: [&str; 8] = [
    "filesizeformat",
    "pprint",
    "random",
    "striptags",
    "urlencode",
    "urlize",
    "wordwrap",
    "xmlattr",
];

/// Whether Jinja2 has a filter of this name.
pub(super) fn is_filter(name: &str) -> bool {
    let own = FILTERS.iter().chain(sequences::FILTERS);
    let inner = ["iterate", "set", "hashed", macros::WRAP, "compare"];
    let word = name.starts_with(|c: char| c.is_ascii_alphabetic()) && !inner.contains(&name);
    UNSUPPORTED_FILTERS.contains(&name) || (word && own.map(|(own, _)| *own).any(|own| own == name))
}

/// Adds all filters and operators to the environment.
pub(super) fn add(environment: &mut Environment<'_>) {
    for &(name, filter) in FILTERS.iter().chain(sequences::FILTERS) {
        environment.add_filter(
            name,
            move |state: &mut State, value: Value, args: Rest<Value>, named: Kwargs| {
                let args = all(args, named);
                let mut args = Arguments::new(&args)?;
                let result = filter(state, &value, &mut args)?;
                args.done()?;
                // The length of a result is known only now, so that its fuel is consumed here.
                state.consume_fuel(result.as_str().map_or(0, str::len) as u64 / 64)?;
                Ok::<_, Error>(result)
            },
        );
    }
    for op in ["<", "<=", ">", ">=", "==", "!=", "in"] {
        let holds = move |state: &State, left: &Value, right: &Value| {
            compare::holds(state, left, op, right)
        };
        environment.add_filter(op, holds);
    }
}

/// Each word with its first character in upper case and the others in lower case, as Jinja2's `title`.
fn title(text: &str) -> String {
    let between = |c: char| unicode::is_space(c) || "-({[<".contains(c);
    let mut out = String::new();
    for word in text.split_inclusive(between) {
        let mut chars = word.char_indices();
        let first = chars.find(|(_, c)| *c != SHIELD);
        let first = first.map_or(0, |(at, c)| at + c.len_utf8());
        out.push_str(&word[..first].to_uppercase());
        out.push_str(&word[first..].to_lowercase());
    }
    out
}

/// Fails for an undefined value: `int` and `float` do not convert it.
fn defined(value: &Value) -> Result<()> {
    match value.is_undefined() {
        true => Err(minijinja::ErrorKind::UndefinedError.into()),
        false => Ok(()),
    }
}

fn length(value: &Value) -> Result<Value> {
    match value.kind() {
        ValueKind::String => Some(shield::count(value.as_str().unwrap_or_default()).into()),
        ValueKind::Undefined => Some(0.into()),
        ValueKind::Seq | ValueKind::Iterable => value.len().map(Value::from),
        _ => value.len().filter(|_| is_dict(value)).map(Value::from),
    }
    .ok_or_else(|| {
        template_error(format!(
            "object of type '{}' has no len()",
            type_name(value)
        ))
    })
}

fn escape(value: &Value) -> Result<Value> {
    match value.is_safe() {
        true => Ok(value.clone()),
        false => Ok(Value::from_safe_string(operators::escape(&text(value)?))),
    }
}

fn replace(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let (old, new) = (text(&args.required("old")?)?, text(&args.required("new")?)?);
    let most = args.integer("count")?.unwrap_or(-1);
    Ok(strings::replace(state, &text(value)?, &old, &new, most)?.into())
}

fn join(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let separator = args
        .next("d")?
        .as_ref()
        .map(text)
        .transpose()?
        .unwrap_or_default();
    let path = Path::from(args, "attribute")?;
    let mut out = String::new();
    for (index, item) in items(state, value)?.iter().enumerate() {
        let part = text(&path.follow(state, item)?)?;
        within(state, part.len() + separator.len() + out.len() / 64)?;
        out.push_str(if index > 0 { &separator } else { "" });
        out.push_str(&part);
    }
    Ok(out.into())
}

/// Indents each line but the first: by a number of spaces, or by a given string.
fn indent(state: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let width = args.next("width")?.unwrap_or_else(|| Value::from(4));
    let (first, blank) = (args.flag("first", false)?, args.flag("blank", false)?);
    let Some(source) = value.as_str() else {
        return Err(template_error(format!(
            "'{}' object has no lines",
            type_name(value)
        )));
    };
    let count = integer(&width).map(|count| usize::try_from(count).unwrap_or(0));
    within(state, count.unwrap_or(0))?;
    let margin = match count {
        Some(count) => " ".repeat(count),
        None => super::arguments::string(&width)?.to_owned(),
    };
    // A line break at the end is followed by one more, empty line.
    let mut all: Vec<&str> = lines(source).into_iter().map(|(line, _)| line).collect();
    if source.is_empty() || source.ends_with(unicode::is_line_break) {
        all.push("");
    }
    within(
        state,
        source
            .len()
            .saturating_add(all.len().saturating_mul(margin.len() + 1)),
    )?;
    let mut out = String::new();
    for (index, line) in all.iter().enumerate() {
        out.push_str(if index > 0 { "\n" } else { "" });
        let indented = if index == 0 {
            first
        } else {
            blank || !line.is_empty()
        };
        out.push_str(if indented { &margin } else { "" });
        out.push_str(line);
    }
    Ok(out.into())
}

fn truncate(_: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let length = args.integer("length")?.unwrap_or(255);
    let killwords = args.flag("killwords", false)?;
    let end = args.text("end")?.unwrap_or_else(|| "...".into());
    let leeway = args.integer("leeway")?.unwrap_or(5);
    let kept = length - shield::count(&end) as i128;
    if kept < 0 || leeway < 0 {
        return Err(template_error(format!(
            "expected length >= {}, got {length}",
            shield::count(&end)
        )));
    }
    // A value that is short enough is returned as it is, whatever its type.
    if integer(&self::length(value)?).is_some_and(|count| count <= length + leeway) {
        return Ok(value.clone());
    }
    let source = super::arguments::string(value)?;
    let kept: String = shield::characters(source).take(kept as usize).collect();
    let words = if killwords {
        &kept
    } else {
        kept.rsplit_once(' ').map_or(&*kept, |(words, _)| words)
    };
    Ok((words.to_owned() + &end).into())
}

fn default(_: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let otherwise = args
        .next("default_value")?
        .unwrap_or_else(|| Value::from(""));
    let boolean = args.flag("boolean", false)?;
    let absent = value.is_undefined() || (boolean && !value.is_true());
    Ok(if absent { otherwise } else { value.clone() })
}

/// A number rounded to so many digits behind the point: method "common" as Python's `round`, "ceil" and "floor" as its
/// `math`.
fn round(_: &mut State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let digits = args.integer("precision")?.unwrap_or(0).clamp(-400, 400) as i32;
    let method = args.text("method")?.unwrap_or_else(|| "common".into());
    let number = float(value).ok_or_else(|| {
        let kind = type_name(value);
        template_error(format!("type {kind} doesn't define __round__"))
    })?;
    let whole = integer(value);
    let scale = 10_f64.powi(digits);
    match (&*method, whole) {
        ("common", Some(whole)) if digits >= 0 => Ok(whole.into()),
        ("common", Some(whole)) => {
            let unit = 10_i128.checked_pow(digits.unsigned_abs());
            let Some(unit) = unit.filter(|unit| whole.checked_abs() < Some(i128::MAX - unit))
            else {
                return Ok(0.into());
            };
            let (below, rest) = (whole.div_euclid(unit), whole.rem_euclid(unit));
            // Halves are rounded to the even neighbour.
            let up = rest * 2 > unit || (rest * 2 == unit && below % 2 != 0);
            Ok(((below + i128::from(up)) * unit).into())
        }
        ("common", None) if !number.is_finite() => Ok(number.into()),
        ("common", None) if digits >= 0 => {
            let text = format!("{number:.*}", digits as usize);
            Ok(text.parse().unwrap_or(number).into())
        }
        ("common", None) => Ok(((number * scale).round_ties_even() / scale).into()),
        ("ceil", _) => Ok(((number * scale).ceil() / scale).into()),
        ("floor", _) => Ok(((number * scale).floor() / scale).into()),
        _ => Err(template_error("the method is 'common', 'ceil' or 'floor'")),
    }
}
