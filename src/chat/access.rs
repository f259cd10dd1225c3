//! Attributes, methods, items and slices of values, found as Python finds them.

use super::objects::{Method, View};
use super::value::{integer, items, like, part, template_error, type_name};
use super::{compare, shield, strings};
use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind, State};

type Result<T> = std::result::Result<T, Error>;

/// Methods of lists that do not change them. Tuples have them too, except `copy`.
const LIST: [&str; 3] = ["copy", "count", "index"];
/// Methods that change a list. Jinja2's sandbox refuses to call them, and so does [`methods`](super::methods).
pub(super) const CHANGE_LIST: [&str; 8] = [
    "append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort",
];
/// Methods of maps that do not change them.
const MAP: [&str; 5] = ["copy", "get", "items", "keys", "values"];
/// Methods that change a map, which are refused too.
pub(super) const CHANGE_MAP: [&str; 5] = ["clear", "pop", "popitem", "setdefault", "update"];

/// Whether some type has a method of this name.
pub(super) fn is_method(name: &str) -> bool {
    let lists: [&[&str]; 5] = [&LIST, &CHANGE_LIST, &MAP, &CHANGE_MAP, &strings::NAMES];
    name == "format"
        || UNSUPPORTED_ATTRIBUTES.contains(&name)
        || lists.iter().any(|list| list.contains(&name))
}

/// Whether the type of `value` has a method of this name.
pub(super) fn has_method(value: &Value, name: &str) -> bool {
    match type_name(value) {
        "str" => name == "format" || strings::NAMES.contains(&name),
        "list" => LIST.contains(&name) || CHANGE_LIST.contains(&name),
        "tuple" | "range" => LIST[1..].contains(&name),
        "dict" => MAP.contains(&name) || CHANGE_MAP.contains(&name),
        _ => false,
    }
}

/// Attributes of numbers, ranges and views, which no template is known to ask for.
const UNSUPPORTED_ATTRIBUTES: [&str; 8] = [
    "denominator",
    "imag",
    "mapping",
    "numerator",
    "real",
    "start",
    "step",
    "stop",
];

/// `value.name`: a method or attribute of Python's type, or one of the engine's objects.
pub(super) fn attribute(value: &Value, name: &str) -> Result<Value> {
    if name.starts_with("__") {
        return Ok(Value::UNDEFINED);
    }
    let kind = type_name(value);
    let known = match kind {
        "bool" | "int" | "float" => ["real", "imag", "numerator", "denominator"].contains(&name),
        "range" => ["start", "step", "stop"].contains(&name),
        _ => kind.starts_with("dict_") && name == "mapping",
    };
    if known {
        return Err(template_error(format!("{kind}.{name} is not supported")));
    }
    match has_method(value, name) {
        true => Ok(Value::from_object(Method::new(value, name))),
        false => value.get_attr(name),
    }
}

/// `value[key]`: an item, else an attribute.
pub(super) fn item(state: &State, value: &Value, key: &Value) -> Result<Value> {
    let found = match type_name(value) {
        "dict" => compare::look_up(state, value, key)
            .ok()
            .flatten()
            .unwrap_or_default(),
        "str" => {
            let count = shield::count(value.as_str().unwrap_or_default()) as i128;
            let place = integer(key).map(|place| if place < 0 { place + count } else { place });
            let place = place.and_then(|place| usize::try_from(place).ok());
            state.consume_fuel(count as u64 / 64)?;
            let found = place.and_then(|place| {
                shield::characters(value.as_str().unwrap_or_default()).nth(place)
            });
            found.map_or(Value::UNDEFINED, |found| part(value, found))
        }
        "list" | "tuple" | "range" => match integer(key) {
            Some(place) => value.get_item(&place.into())?,
            None => Value::UNDEFINED,
        },
        "Undefined" | "object" | "Namespace" => value.get_item(key)?,
        _ => Value::UNDEFINED,
    };
    match key.as_str() {
        Some(name) if found.is_undefined() => attribute(value, name),
        _ => Ok(found),
    }
}

/// `value[start:stop:step]`.
pub(super) fn slice(state: &State, value: &Value, bounds: [Value; 3]) -> Result<Value> {
    let bound = |bound: &Value| match bound.kind() {
        ValueKind::None | ValueKind::Undefined => Ok(None),
        _ => integer(bound)
            .map(Some)
            .ok_or_else(|| template_error("slice indices must be integers")),
    };
    let kind = type_name(value);
    match kind {
        "str" | "list" | "tuple" | "range" => (),
        "Undefined" => return Err(ErrorKind::UndefinedError.into()),
        _ => return Err(template_error(format!("'{kind}' object has no parts"))),
    }
    let all = items(state, value)?;
    let count = all.len() as i128;
    let step = bound(&bounds[2])?.unwrap_or(1);
    if step == 0 {
        return Err(template_error("slice step cannot be zero"));
    }
    let (low, high) = if step > 0 {
        (0, count)
    } else {
        (-1, count - 1)
    };
    let place = |place: i128| {
        if place < 0 {
            (place + count).max(low)
        } else {
            place.min(high)
        }
    };
    let (first, last) = if step > 0 { (low, high) } else { (high, low) };
    let (start, stop) = (
        bound(&bounds[0])?.map_or(first, place),
        bound(&bounds[1])?.map_or(last, place),
    );
    let mut taken = Vec::new();
    let mut at = start;
    while (step > 0 && at < stop) || (step < 0 && at > stop) {
        taken.push(all[at as usize].clone());
        at = at.saturating_add(step);
    }
    Ok(match kind {
        "str" => part(
            value,
            &taken.iter().filter_map(Value::as_str).collect::<String>(),
        ),
        "range" => View::part(value, [start, stop, step], taken),
        _ => like(value, taken),
    })
}
