//! The filters of Jinja2 that Python's types answer otherwise than the engine's.

use super::arguments::Arguments;
use super::marks;
use super::methods::{self, Method};
use super::numbers::{parse_float, to_integer};
use super::parts::lines;
use super::strings::{self, within};
use super::value::{failure, float, generator, integer, is_dict, items, text, type_name};
use super::{format, json, macros, operators, unicode};
use crate::tokenizer::SHIELD;
use minijinja::value::{Kwargs, Rest, Tuple, Value, ValueKind};
use minijinja::{Environment, Error, State};
use std::cmp::Ordering;

type Result<T> = std::result::Result<T, Error>;
/// A filter that is called with a value and what else it is given.
type Filter = fn(&State, &Value, &mut Arguments<'_>) -> Result<Value>;

/// Those of texts; what is no text is made one.
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
        let text = marks::plain(&text);
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
        to_integer(value, base, otherwise)
    }),
    ("float", |_, value, args| {
        let otherwise = args.next("default")?.unwrap_or_else(|| Value::from(0.0));
        let number = float(value).or_else(|| value.as_str().and_then(parse_float));
        Ok(number.map_or(otherwise, Value::from))
    }),
    ("abs", |_, value, _| {
        let whole = integer(value).and_then(i128::checked_abs).map(Value::from);
        let number = whole.or_else(|| float(value).map(|number| Value::from(number.abs())));
        number.ok_or_else(|| {
            failure(format!(
                "bad operand type for abs(): '{}'",
                type_name(value)
            ))
        })
    }),
    ("default", default),
    ("d", default),
    ("list", |state, value, _| Ok(items(state, value)?.into())),
    ("iterate", |state, value, args| {
        // What has a length is gone through as it is.
        let mut all = match value.kind() {
            ValueKind::Seq => value.clone(),
            _ => items(state, value)?.into(),
        };
        // Several names at once may take the characters of a text apart.
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
    ("generator", |state, value, _| match value.kind() {
        ValueKind::String => Ok(value.clone()),
        _ => Ok(generator(items(state, value)?)),
    }),
    // The engine makes some lists only as they are gone through.
    ("whole", |state, value, _| match value.kind() {
        ValueKind::Iterable => Ok(items(state, value)?.into()),
        _ => Ok(value.clone()),
    }),
    ("attr", |_, value, args| {
        let name = args.required("name")?;
        let name = name.as_str().unwrap_or_default();
        if methods::has(value, name) {
            return Ok(Value::from_object(Method::new(value, name)));
        }
        // The items of a map are no attributes.
        if is_dict(value) {
            Ok(Value::UNDEFINED)
        } else {
            operators::attribute(value, name)
        }
    }),
    ("sort", |state, value, args| {
        let (reverse, sensitive) = (
            args.flag("reverse", false)?,
            args.flag("case_sensitive", false)?,
        );
        let attribute = args
            .next("attribute")?
            .filter(|attribute| !attribute.is_none());
        let paths = attribute
            .as_ref()
            .map(attributes)
            .transpose()?
            .unwrap_or_default();
        let key = |item: &Value| match paths.is_empty() {
            true => Ok(vec![item.clone()]),
            false => paths.iter().map(|path| follow(item, path)).collect(),
        };
        Ok(sorted(state, items(state, value)?, reverse, sensitive, key)?.into())
    }),
    ("dictsort", |state, value, args| {
        let sensitive = args.flag("case_sensitive", false)?;
        let by = args.text("by")?.unwrap_or_else(|| "key".into());
        let reverse = args.flag("reverse", false)?;
        let place = ["key", "value"].iter().position(|known| *known == by);
        let place = place.ok_or_else(|| failure("a map is sorted by 'key' or by 'value'"))?;
        if !is_dict(value) {
            return Err(failure(format!(
                "'{}' object has no items",
                type_name(value)
            )));
        }
        let pair = |(key, value)| Value::from(Tuple::new(vec![key, value]));
        let pairs = methods::pairs(state, value)?
            .into_iter()
            .map(pair)
            .collect();
        Ok(sorted(state, pairs, reverse, sensitive, |pair| {
            Ok(vec![pair.get_item_by_index(place)?])
        })?
        .into())
    }),
];

/// Tells the environment of them, and of the operators.
pub(super) fn add(environment: &mut Environment<'_>, rest: [bool; 2]) {
    for &(name, filter) in FILTERS {
        environment.add_filter(
            name,
            move |state: &State, value: &Value, args: Rest<Value>, named: Kwargs| {
                let args = all(args, named);
                let mut args = Arguments::new(&args)?;
                let result = filter(state, value, &mut args)?;
                args.done()?;
                // What a value is written as is paid for here: nobody knows its length before.
                state.consume_fuel(result.as_str().map_or(0, str::len) as u64 / 64)?;
                Ok::<_, Error>(result)
            },
        );
    }
    environment.add_filter(
        "format",
        |state: &State, pattern: &Value, args: Rest<Value>, named: Kwargs| {
            format::printf(state, pattern, &all(args, named))
        },
    );
    environment.add_filter(macros::WRAP, move |engine: Value, signature: &Value| {
        macros::wrap(engine, signature, rest)
    });
    environment.add_filter("+", operators::add);
    environment.add_filter("~", operators::concat);
    environment.add_filter("%", |state: &mut State, left: Value, right: Value| {
        operators::remainder(state, &left, &right)
    });
    environment.add_filter("==", |left: &Value, right: &Value| {
        operators::equal(left, right)
    });
    environment.add_filter("!=", |left: &Value, right: &Value| {
        !operators::equal(left, right)
    });
    environment.add_filter(
        "[:]",
        |state: &State, value: &Value, start: Value, stop: Value, step: Value| {
            operators::slice(state, value, [start, stop, step])
        },
    );
    environment.add_filter("in", operators::contained);
    environment.add_filter("compare", operators::chain);
    for op in ["<", "<=", ">", ">="] {
        let compare = move |left: &Value, right: &Value| operators::compare(left, op, right);
        environment.add_filter(op, compare);
    }
    environment.add_filter(".", |value: &Value, name: &str| {
        operators::attribute(value, name)
    });
    environment.add_filter("[]", operators::item);
    // Jinja2 has none of these, or they write what no chat template can want.
    for name in ["bool", "chain", "lines", "pprint", "split", "zip"] {
        environment.remove_filter(name);
    }
}

/// All arguments in one list, those with names last.
fn all(args: Rest<Value>, named: Kwargs) -> Vec<Value> {
    let mut args = args.0;
    if named.args().next().is_some() {
        args.push(Value::from(named));
    }
    args
}

/// Each word with its first character in the upper case, the others in the lower one.
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

fn length(value: &Value) -> Result<Value> {
    match value.kind() {
        ValueKind::String => Some(marks::count(value.as_str().unwrap_or_default()).into()),
        ValueKind::Undefined => Some(0.into()),
        ValueKind::Seq | ValueKind::Iterable => value.len().map(Value::from),
        _ => value.len().filter(|_| is_dict(value)).map(Value::from),
    }
    .ok_or_else(|| {
        failure(format!(
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

fn replace(state: &State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let (old, new) = (text(&args.required("old")?)?, text(&args.required("new")?)?);
    let most = args.integer("count")?.unwrap_or(-1);
    Ok(strings::replace(state, &text(value)?, &old, &new, most)?.into())
}

fn join(state: &State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let separator = args
        .next("d")?
        .as_ref()
        .map(text)
        .transpose()?
        .unwrap_or_default();
    let attribute = args
        .next("attribute")?
        .filter(|attribute| !attribute.is_none());
    let path = attribute.as_ref().map(text).transpose()?;
    let mut out = String::new();
    for (index, item) in items(state, value)?.iter().enumerate() {
        let part = match &path {
            Some(path) => text(&follow(item, path)?)?,
            None => text(item)?,
        };
        within(state, part.len() + separator.len() + out.len() / 64)?;
        out.push_str(if index > 0 { &separator } else { "" });
        out.push_str(&part);
    }
    Ok(out.into())
}

/// Each line but the first with so many blanks before it.
fn indent(state: &State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let width = args.next("width")?.unwrap_or_else(|| Value::from(4));
    let (first, blank) = (args.flag("first", false)?, args.flag("blank", false)?);
    let Some(source) = value.as_str() else {
        return Err(failure(format!(
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
    // The last line is one as well where a line break is the last character.
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

fn truncate(_: &State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let length = args.integer("length")?.unwrap_or(255);
    let killwords = args.flag("killwords", false)?;
    let end = args.text("end")?.unwrap_or_else(|| "...".into());
    let leeway = args.integer("leeway")?.unwrap_or(5);
    let kept = length - marks::count(&end) as i128;
    if kept < 0 || leeway < 0 {
        return Err(failure(format!(
            "expected length >= {}, got {length}",
            marks::count(&end)
        )));
    }
    // What is short enough need not be a text.
    if integer(&self::length(value)?).is_some_and(|count| count <= length + leeway) {
        return Ok(value.clone());
    }
    let source = super::arguments::string(value)?;
    let kept: String = marks::characters(source).take(kept as usize).collect();
    let words = if killwords {
        &kept
    } else {
        kept.rsplit_once(' ').map_or(&*kept, |(words, _)| words)
    };
    Ok((words.to_owned() + &end).into())
}

fn default(_: &State, value: &Value, args: &mut Arguments<'_>) -> Result<Value> {
    let otherwise = args
        .next("default_value")?
        .unwrap_or_else(|| Value::from(""));
    let boolean = args.flag("boolean", false)?;
    let absent = value.is_undefined() || (boolean && !value.is_true());
    Ok(if absent { otherwise } else { value.clone() })
}

/// The paths that `attribute` names, with commas between them.
fn attributes(attribute: &Value) -> Result<Vec<String>> {
    Ok(text(attribute)?.split(',').map(str::to_owned).collect())
}

/// The value at the end of a path of attributes and places, with dots between them.
fn follow(value: &Value, path: &str) -> Result<Value> {
    let mut value = value.clone();
    for key in path.split('.') {
        let key = key
            .parse::<i64>()
            .map_or_else(|_| Value::from(key), Value::from);
        value = operators::item(&value, &key)?;
    }
    Ok(value)
}

/// Items in the order of their keys; texts without regard to case unless told otherwise.
fn sorted(
    state: &State,
    all: Vec<Value>,
    reverse: bool,
    sensitive: bool,
    key: impl Fn(&Value) -> Result<Vec<Value>>,
) -> Result<Vec<Value>> {
    let comparisons = all.len() as u64 * u64::from(all.len().checked_ilog2().unwrap_or(0) + 1);
    state.consume_fuel(comparisons)?;
    let lower = |value: Value| match value.as_str() {
        Some(text) if !sensitive => Value::from(text.to_lowercase()),
        _ => value,
    };
    let keyed = |item: Value| {
        let key: Vec<Value> = key(&item)?.into_iter().map(lower).collect();
        Ok::<_, Error>((key, item))
    };
    let keyed: Vec<_> = all.into_iter().map(keyed).collect::<Result<_>>()?;
    let keyed = operators::sorted(keyed, &|(left, _), (right, _)| {
        let order = order(left, right)?;
        Ok(if reverse { order.reverse() } else { order })
    })?;
    Ok(keyed.into_iter().map(|(_, item)| item).collect())
}

fn order(left: &[Value], right: &[Value]) -> Result<Ordering> {
    for (left, right) in left.iter().zip(right) {
        if !operators::equal(left, right) {
            let order = operators::order(left, right, 0)?;
            let names = || format!("'{}' and '{}'", type_name(left), type_name(right));
            return match order {
                Some(order) => Ok(order.unwrap_or(Ordering::Equal)),
                None => Err(failure(format!("'<' is not supported between {}", names()))),
            };
        }
    }
    Ok(Ordering::Equal)
}
